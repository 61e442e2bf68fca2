"""What is to be found in the samples, and nothing else."""

from pathlib import Path

import pytest

import fdtrace

SAMPLE = Path(__file__).parent.parent / "samples" / "lws-gateway"
SERIOUS = ("medium", "high")


@pytest.fixture(scope="module")
def case() -> fdtrace.Case:
    return fdtrace.load(SAMPLE)


def test_exactly_two_leaks(case: fdtrace.Case) -> None:
    serious = [finding for finding in case.leaks() if finding.severity in SERIOUS]
    assert [finding.severity for finding in serious] == ["high", "high"]
    eventfds, sockets = serious
    assert (eventfds.kind, eventfds.open, eventfds.opened, eventfds.closed) == ("eventfd", 24, 24, 0)
    assert (sockets.kind, sockets.open, sockets.opened, sockets.closed) == ("tcp", 16, 24, 8)
    assert {finding.pid for finding in serious} == {12692}


def test_the_call_sites(case: fdtrace.Case) -> None:
    eventfds, sockets = case.leaks()[:2]
    assert eventfds.call_site == "lws_plat_pipe_create"
    assert eventfds.callers == ("__lws_create_event_pipes", "lws_create_context", "recognise", "main")
    assert sockets.call_site == "report_metrics"
    assert sockets.callers[-1] == "main"


def test_the_proof(case: fdtrace.Case) -> None:
    eventfds, sockets = case.leaks()[:2]
    assert sockets.state == "CLOSE_WAIT"
    assert sockets.peer == "127.0.0.1:9002"
    assert any(quote.text.endswith(" = 0") or ", 64) = 0" in quote.text for quote in sockets.evidence)
    assert eventfds.evidence[0].line == 958
    assert eventfds.evidence[0].text.startswith("eventfd2(0, EFD_CLOEXEC|EFD_NONBLOCK) = 4")
    assert {eventfds.certainty, sockets.certainty} == {"certain"}


def test_no_other_check_finds_anything_serious(case: fdtrace.Case) -> None:
    assert [finding.check for finding in case.check() if finding.severity in SERIOUS] == ["leak", "leak"]


def test_the_table_at_the_end_is_the_kernels(case: fdtrace.Case) -> None:
    """The last of the four snapshots was taken when the program was idle, before it was ended."""
    last = (SAMPLE / "procfd.txt").read_text().split("\n# ")[-1]
    listed = {
        int(words[-3]): words[-1] for words in (line.split() for line in last.splitlines()) if "->" in words
    }
    still = case.fds[case.fds["how"].isin(["none", "exit"])]
    assert len(still) == len(listed) == 43
    assert set(still["fd"]) == set(listed)
    sockets = still[still["target"].notna() & ~still["kind"].isin(["eventfd"])]
    assert {listed[fd].split(":")[0] for fd in sockets.loc[sockets["kind"] == "tcp", "fd"]} == {"socket"}


def test_every_line_is_accounted_for(case: fdtrace.Case) -> None:
    (coverage,) = case.coverage
    assert coverage.lines == coverage.parsed + coverage.continuation + coverage.blank + coverage.problems
    assert (coverage.lines, coverage.problems, coverage.missing) == (16_205, 0, ())
    assert len(case.events) == coverage.calls
