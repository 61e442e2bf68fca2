"""Whose line is it when strace prints no number: standard error, where the prefix comes and goes."""

from __future__ import annotations

from fdtrace.readers.strace.tracees import UNKNOWN, Tracees
from fdtrace.readers.strace.window import Row
from tests.readers.strace.scanned import Scanned, scan


def owners(text: str) -> list[int]:
    """The thread of each line that is a record, with what became known later."""
    return whole_owners(scan(text))


def whole_owners(found: Scanned) -> list[int]:
    known = [row.tid for row in found.of(Row.KNOWN_AS)]
    tids = [row.tid for row in found.rows if row.kind not in (Row.KNOWN_AS, Row.ATTACHED, Row.DETACHED)]
    return [known[0] if known and tid == UNKNOWN else tid for tid in tids]


def test_one_tracee_has_no_number_until_it_is_told() -> None:
    assert owners("close(3) = 0\nclose(4) = 0\n") == [0, 0]
    assert owners("close(3) = 0\nset_tid_address(0x7f) = 77\nclose(4) = 0\n") == [77, 77, 77]


def test_the_prefix_comes_and_goes() -> None:
    text = (
        "close(3) = 0\n"
        "fork(strace: Process 12 attached\n"
        ") = 12\n"
        "[pid 11] wait4(-1,  <unfinished ...>\n"
        "[pid 12] exit_group(0) = ?\n"
        "[pid 12] +++ exited with 0 +++\n"
        "<... wait4 resumed>[{WIFEXITED(s)}], 0, NULL) = 12\n"
        "--- SIGCHLD {si_signo=SIGCHLD, si_pid=12} ---\n"
        "fork(strace: Process 13 attached\n"
        ") = 13\n"
        "[pid 13] exit_group(0) = ?\n"
        "[pid 13] +++ exited with 0 +++\n"
        "close(5) = 0\n"
        "exit_group(0) = ?\n"
        "+++ exited with 0 +++\n"
    )
    assert owners(text) == [11, 11, 11, 12, 12, 11, 11, 11, 13, 13, 11, 11, 11]


def test_the_first_prefix_that_resumes_the_unnumbered_call_names_it() -> None:
    found = scan(
        "vfork(strace: Process 12 attached\n"
        " <unfinished ...>\n"
        "[pid 12] close(3) = 0\n"
        "[pid 11] <... vfork resumed>) = 12\n"
    )
    assert whole_owners(found) == [11, 12, 11]
    assert found.rows[-1].entry_line == 1


def test_the_parent_may_end_first() -> None:
    text = (
        "fork(strace: Process 12 attached\n"
        ") = 12\n"
        "[pid 11] exit_group(0) = ?\n"
        "[pid 11] +++ exited with 0 +++\n"
        "close(3) = 0\n"
        "+++ exited with 0 +++\n"
    )
    assert owners(text) == [11, 11, 11, 12, 12]


def test_without_exit_lines_exit_itself_tells() -> None:
    """-qq."""
    both = "fork() = 12\n[pid 12] close(3) = 0\n[pid 11] close(4) = 0\n"
    text = both + "[pid 12] exit_group(0) = ?\nclose(5) = 0\n"
    assert owners(text) == [11, 12, 11, 12, 11]


def test_attached_to_one() -> None:
    assert owners("strace: Process 77 attached\nclose(3) = 0\n") == [77]


def test_attached_to_several() -> None:
    text = (
        "strace: Process 77 attached with 2 threads\n"
        "[pid 78] close(3) = 0\n"
        "[pid 77] close(4 <unfinished ...>\n"
        "[pid 78] exit(0) = ?\n"
        "[pid 78] +++ exited with 0 +++\n"
        "<... close resumed>) = 0\n"
    )
    assert owners(text) == [78, 77, 78, 78, 77]


def test_a_child_that_was_never_announced() -> None:
    """-q."""
    text = "close(3) = 0\nfork() = 12\n[pid 12] close(3) = 0\n[pid 11] close(3) = 0\n"
    assert owners(text) == [11, 11, 12, 11]


def test_with_a_pid_column_nothing_is_guessed() -> None:
    assert owners("11 fork() = 12\n12 close(3) = 0\n11 +++ exited with 0 +++\n12 close(4) = 0\n") == [
        11,
        12,
        11,
        12,
    ]


def test_tracees_by_themselves() -> None:
    tracees = Tracees()
    assert tracees.unprefixed() == UNKNOWN
    tracees.born(12)
    assert not tracees.prefixed(12, False)
    assert tracees.prefixed(11, False)
    assert tracees.first == 11
    tracees.gone(12)
    assert tracees.unprefixed() == 11
    tracees.exiting(11)
    assert tracees.unprefixed() == 11
    tracees.gone(11)
    assert tracees.unprefixed() == 11
