"""Numbers taken and given back: what the lines say, and what only the kernel's rules say."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.captures import START, case, lives, table


def opened(tmp_path: Path, body: str, pid: int = 100) -> dict[int, bool | None]:
    return table(case(tmp_path, START + body), pid)


@pytest.mark.parametrize(
    ("line", "made"),
    [
        ('openat(AT_FDCWD, "/a", O_RDONLY|O_CLOEXEC) = 3', {3: True}),
        ('openat(AT_FDCWD, "/O_CLOEXEC", O_RDONLY) = 3', {3: False}),
        ('openat2(AT_FDCWD, "/a", {flags=O_RDONLY|O_CLOEXEC, resolve=0}, 24) = 3', {3: True}),
        ('openat(-100, "/a", 0x80000 /* O_RDONLY|O_CLOEXEC */) = 3', {3: True}),
        ("pipe2([3, 4], O_CLOEXEC) = 0", {3: True, 4: True}),
        ("pipe([3, 4]) = 0", {3: False, 4: False}),
        ("socketpair(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0, [3, 4]) = 0", {3: True, 4: True}),
        ("socket(PF_INET, SOCK_STREAM, IPPROTO_IP) = 3", {3: False}),
        ("socket(0x2, 0x1|0x80000, 0) = 3", {3: True}),
        ("epoll_create(1024) = 3", {3: False}),
        ("pidfd_open(4711, 0) = 3", {3: True}),
        ("signalfd4(-1, [USR1], 8, SFD_CLOEXEC) = 3", {3: True}),
        ("perf_event_open({type=0}, 0, -1, -1, PERF_FLAG_FD_CLOEXEC) = 3", {3: True}),
        ("bpf(BPF_MAP_CREATE, {map_type=1, inner_map_fd=0}, 72) = 3", {3: True}),
        ("bpf(BPF_MAP_LOOKUP_ELEM, {map_fd=3}, 32) = 0", {}),
        ("landlock_create_ruleset({handled_access_fs=1}, 8, 0) = 3", {3: True}),
        ("landlock_create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) = 7", {}),
        ("seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, {len=1}) = 3", {3: True}),
        ("seccomp(SECCOMP_SET_MODE_FILTER, 0, {len=1}) = 0", {}),
        ("ioctl(0, TIOCGPTPEER, O_RDWR|O_CLOEXEC) = 3", {3: True}),
        ("getsockopt(0, SOL_SOCKET, SO_PEERPIDFD, [3], [4]) = 0", {3: True}),
        ("fcntl(0, F_DUPFD, 10) = 10", {10: False}),
        ("fcntl(0, F_DUPFD_CLOEXEC, 10) = 10", {10: True}),
        ("fcntl(0, F_GETFD) = 0", {}),
        ('inotify_add_watch(0, "/a", IN_CREATE) = 5', {}),
        ("dup(0) = 3", {3: False}),
        ("dup3(0, 9, O_CLOEXEC) = 9", {9: True}),
        ('openat(AT_FDCWD, "/a", O_RDONLY) = -1 EMFILE (Too many open files)', {}),
        ('openat(AT_FDCWD, "/a", O_RDONLY) = 42 (INJECTED)', {}),
        ("accept4(0, NULL, NULL, SOCK_CLOEXEC) = ? ERESTARTSYS (To be restarted if SA_RESTART is set)", {}),
    ],
)
def test_a_call_makes_what_the_kernel_makes(tmp_path: Path, line: str, made: dict[int, bool]) -> None:
    assert opened(tmp_path, f"100 {line}\n") == made


@pytest.mark.parametrize(
    ("lines", "left"),
    [
        ("close(3) = 0", {}),
        ("close(3) = -1 EIO (Input/output error)", {}),
        ("close(3) = -1 EINTR (Interrupted system call)", {}),
        ("close(3) = -1 EBADF (Bad file descriptor)", {3: False}),
        ("close(3) = -1 EIO (Input/output error) (INJECTED)", {3: False}),
        ("close_range(3, 4294967295, 0) = 0", {}),
        ("close_range(3, -1, CLOSE_RANGE_CLOEXEC) = 0", {3: True}),
        ("close_range(3, 8, 0x80) = -1 EINVAL (Invalid argument)", {3: False}),
        ("fcntl(3, F_SETFD, FD_CLOEXEC) = 0", {3: True}),
        ("ioctl(3, FIOCLEX) = 0", {3: True}),
        ("ioctl(3, 0x5451) = 0", {3: True}),
        ("dup2(3, 3) = 3", {3: False}),
        ("dup2(77, 3) = -1 EBADF (Bad file descriptor)", {3: False}),
        ("dup2(0, 3) = -1 EBUSY (Device or resource busy)", {3: False}),
        ("shutdown(3, SHUT_RDWR) = 0", {3: False}),
        ("signalfd4(3, [USR1], 8, 0) = 3", {3: False}),
    ],
)
def test_a_call_ends_what_the_kernel_ends(tmp_path: Path, lines: str, left: dict[int, bool]) -> None:
    body = f'100 openat(AT_FDCWD, "/a", O_RDONLY) = 3\n100 {lines}\n'

    assert opened(tmp_path, body) == left


def test_a_close_that_fails_is_a_close_error(tmp_path: Path) -> None:
    body = 'openat(AT_FDCWD, "/a", O_RDONLY) = 3\n100 close(3) = -1 EIO (Input/output error)\n'

    (life,) = lives(case(tmp_path, START + "100 " + body), fd=3)

    assert (life["how"], life["closed_by"]) == ("close_error", "close")


def test_a_release_counts_from_its_entry(tmp_path: Path) -> None:
    # GIVEN a number that is given out again while its close has not returned yet
    body = (
        "100 clone3({flags=CLONE_VM|CLONE_FILES|CLONE_THREAD} => {parent_tid=[101]}, 88) = 101\n"
        '100 openat(AT_FDCWD, "/a", O_RDONLY) = 3\n'
        "100 close(3 <unfinished ...>\n"
        '101 openat(AT_FDCWD, "/b", O_RDONLY) = 3\n'
        "100 <... close resumed>) = 0\n"
    )

    found = lives(case(tmp_path, START + body), fd=3)

    assert [(life["target"], life["how"], life["certainty"]) for life in found] == [
        ("/a", "close", "certain"),
        ("/b", "none", "certain"),
    ]


def test_a_close_of_a_number_that_is_still_being_opened_ends_it_at_once(tmp_path: Path) -> None:
    body = (
        "100 clone3({flags=CLONE_VM|CLONE_FILES|CLONE_THREAD} => {parent_tid=[101]}, 88) = 101\n"
        '100 openat(AT_FDCWD, "/a", O_RDONLY <unfinished ...>\n'
        "101 close(3) = 0\n"
        "100 <... openat resumed>) = 3\n"
    )

    assert opened(tmp_path, body) == {}


def test_a_close_that_was_not_seen_is_inferred_and_no_leak(tmp_path: Path) -> None:
    body = '100 openat(AT_FDCWD, "/a", O_RDONLY) = 3\n' * 20

    found = case(tmp_path, START + body)

    assert [life["how"] for life in lives(found, fd=3)] == ["implied_reuse"] * 19 + ["none"]
    assert all(life["certainty"] == "inferred" for life in lives(found, how="implied_reuse"))
    assert not [finding for finding in found.leaks() if finding.severity in ("medium", "high")]


def test_what_is_below_a_new_number_must_be_open(tmp_path: Path) -> None:
    found = case(tmp_path, START + '100 openat(AT_FDCWD, "/a", O_RDONLY) = 5\n')

    assert {life["fd"]: life["via"] for life in lives(found, how="none")} == {
        0: "inherited", 1: "inherited", 2: "inherited", 3: "inherited", 4: "inherited", 5: "open",
    }  # fmt: skip


def test_a_blocked_accept_holds_a_number_that_is_not_open(tmp_path: Path) -> None:
    body = (
        "100 clone3({flags=CLONE_VM|CLONE_FILES|CLONE_THREAD} => {parent_tid=[101]}, 88) = 101\n"
        "100 socket(AF_INET, SOCK_STREAM, 0) = 3\n"
        "101 accept(3, NULL, NULL <unfinished ...>\n"
        '100 openat(AT_FDCWD, "/a", O_RDONLY) = 5\n'
    )

    assert opened(tmp_path, body) == {3: False, 5: False}


def test_pairs_whose_numbers_are_cut_get_the_lowest_free_ones(tmp_path: Path) -> None:
    body = (
        '100 openat(AT_FDCWD, "/a", O_RDONLY) = 3\n'
        "100 pipe2([...], O_CLOEXEC) = 0\n"
        '100 openat(AT_FDCWD, "/b", O_RDONLY) = 6\n'
    )

    found = case(tmp_path, START + body)

    assert table(found, 100) == {3: False, 4: True, 5: True, 6: False}
    assert any("-s 0" in gap for gap in found.coverage[0].missing)


def test_a_copy_shares_its_open_file_description(tmp_path: Path) -> None:
    body = (
        '100 openat(AT_FDCWD, "/a", O_RDONLY) = 3\n'
        "100 dup(3) = 4\n"
        "100 fcntl(3, F_DUPFD, 10) = 10\n"
        "100 dup2(3, 20) = 20\n"
        '100 openat(AT_FDCWD, "/a", O_RDONLY) = 5\n'
    )

    ofd = {life["fd"]: life["ofd"] for life in lives(case(tmp_path, START + body)) if life["fd"] > 2}

    assert ofd[3] == ofd[4] == ofd[10] == ofd[20] != ofd[5]


def test_uses_bytes_and_errors_belong_to_the_life_of_their_time(tmp_path: Path) -> None:
    body = (
        '100 openat(AT_FDCWD, "/a", O_RDONLY) = 3\n'
        '100 read(3, "abc", 10) = 3\n'
        '100 read(3, "", 10) = 0\n'
        "100 close(3) = 0\n"
        '100 openat(AT_FDCWD, "/b", O_WRONLY) = 3\n'
        '100 write(3, "12345", 5) = 5\n'
        "100 lseek(3, 0, SEEK_SET) = -1 ESPIPE (Illegal seek)\n"
    )

    first, second = lives(case(tmp_path, START + body), fd=3)

    assert [first[c] for c in ("uses", "errors", "read_bytes", "written_bytes")] == [2, 0, 3, 0]
    assert [second[c] for c in ("uses", "errors", "read_bytes", "written_bytes")] == [2, 1, 0, 5]
