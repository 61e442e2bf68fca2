"""One process: what its calls do to its table."""

from __future__ import annotations

import pytest

from tests.live.compare import complaints
from tests.live.recorder import EndedEarly

NO_FUSE = 77

FLAGS = [["-f"], ["-f", "-yy", "-tt", "-T"]]
RAW = ["-f", "-X", "raw", "-y"]


@pytest.mark.parametrize("flags", [*FLAGS, RAW], ids=" ".join)
@pytest.mark.parametrize(
    "scenario",
    [
        "dup2_same",
        "dup2_over",
        "dup2_bad",
        "close_twice",
        "dupfd_hole",
        "flags",
        "range_closes",
        "range_flags",
    ],
)
def test_numbers_are_moved_closed_and_flagged(recorder, program, scenario, flags):
    # GIVEN a program that moves, closes or flags its descriptors
    command = [program("numbers"), scenario]

    # WHEN it is recorded
    recording = recorder.run(command, flags)

    # THEN the rebuilt table is the kernel's
    assert not complaints(recording)


@pytest.mark.parametrize("flags", FLAGS, ids=" ".join)
@pytest.mark.parametrize(
    "scenario",
    [
        "files",
        "anonymous",
        "signalfd_update",
        "landlock",
        "fanotify",
        "terminal",
        "kernel_objects",
        "sockets",
    ],
)
def test_every_way_to_make_a_descriptor(recorder, program, scenario, flags):
    # GIVEN a program that makes descriptors of one family
    command = [program("creators"), scenario]

    # WHEN it is recorded with strings long enough for what read() delivers
    recording = recorder.run(command, [*flags, "-s", "200"])

    # THEN every one of them, and nothing else, is in the rebuilt table
    assert not complaints(recording)


@pytest.mark.parametrize("flags", [*FLAGS, ["-f", "-z"]], ids=" ".join)
def test_the_limit_is_reached(recorder, program, flags):
    # GIVEN a program that opens more than it may
    command = [program("numbers"), "limit"]

    # WHEN it is recorded
    recording = recorder.run(command, flags)

    # THEN failed calls have made nothing
    assert not complaints(recording)


@pytest.mark.parametrize("flags", FLAGS, ids=" ".join)
def test_descriptors_from_before_the_capture(recorder, program, flags):
    # GIVEN a program that was handed 3, 4 and 9 by whoever started it
    command = [program("numbers"), "inherited"]

    # WHEN it reads, copies and closes them
    recording = recorder.run(command, flags, inherit=[3, 4, 9])

    # THEN its own descriptors are where the kernel put them
    assert not complaints(recording)


@pytest.mark.parametrize(
    "injected",
    ["close:error=EIO:when=4+2", "close:retval=0:when=5", "openat:retval=42:when=8", "close:delay_exit=1000"],
)
def test_injected_results_did_not_happen(recorder, program, injected):
    # GIVEN a strace that tampers with some calls
    command = [program("numbers"), "closes"]

    # WHEN it records a program that opens and closes
    recording = recorder.run(command, ["-f", "-y", "-e", f"inject={injected}"])

    # THEN the table is the one of the calls that were really made
    assert not complaints(recording)


@pytest.mark.parametrize("error", [5, 4], ids=["EIO", "EINTR"])
@pytest.mark.parametrize("flags", FLAGS, ids=" ".join)
def test_a_close_that_fails_frees_the_number(recorder, program, flags, error):
    # GIVEN a file whose close fails
    command = [program("failing_close"), str(error)]

    # WHEN a program closes it, and replaces another such file
    try:
        recording = recorder.run(command, flags)
    except EndedEarly as ended:
        if ended.args != (NO_FUSE,):
            raise
        pytest.skip("no FUSE file system can be mounted here")

    # THEN the numbers are free all the same
    assert not complaints(recording)
