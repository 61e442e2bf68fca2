"""Descriptors that travel between processes."""

from __future__ import annotations

import pytest

from tests.live.compare import complaints


@pytest.mark.parametrize("flags", [["-f"], ["-f", "-y"], ["-f", "-yy", "-xx"]], ids=" ".join)
@pytest.mark.parametrize(
    "scenario", ["rights", "rights_cut", "rights_peeked", "rights_dropped", "taken_by_pidfd"]
)
def test_descriptors_from_another_process(recorder, program, scenario, flags):
    # GIVEN a process that takes descriptors of another
    command = [program("passing"), scenario]

    # WHEN both are recorded
    recording = recorder.run(command, flags)

    # THEN the taker has what the kernel gave it, and the giver kept its own
    assert not complaints(recording)
