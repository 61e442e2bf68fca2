"""Lives of a trace and what snapshots saw of them."""

from pathlib import Path

import pandas as pd
import pytest

import fdtrace

START = """\
700 1700000000.000000 execve("/bin/app", ["app"], 0x7ffd /* 9 vars */) = 0
"""


def inet(host: str, port: int) -> str:
    return f'{{sa_family=AF_INET, sin_port=htons({port}), sin_addr=inet_addr("{host}")}}'


CONNECTED = f"""\
700 1700000001.000000 socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = 5<TCP:[9001]>
700 1700000001.100000 connect(5<TCP:[9001]>, {inet("10.0.0.2", 80)}, 16) = 0
"""
END = """\
700 1700000009.000000 getpid() = 700
"""
# 1700000000 is 2023-11-14 22:13:20 UTC
LSOF_HEAD = "COMMAND PID USER   FD      TYPE DEVICE SIZE/OFF NODE NAME\n"
STDIO = """\
app     700 root    0u      CHR    1,3      0t0    4 /dev/null
app     700 root    1u      CHR    1,3      0t0    4 /dev/null
app     700 root    2u      CHR    1,3      0t0    4 /dev/null
"""
SS_HEAD = "State  Recv-Q Send-Q Local Address:Port Peer Address:Port Process\n"
NETSTAT_HEAD = """\
Active Internet connections (w/o servers)
Proto Recv-Q Send-Q Local Address           Foreign Address         State       PID/Program name
"""


def stamp(second: int) -> str:
    return f"# 2023-11-14T22:13:{20 + second:02}Z\n"


def case(tmp_path: Path, trace: str, **snapshots: str) -> fdtrace.Case:
    (tmp_path / "app.strace").write_text(trace)
    for name, text in snapshots.items():
        (tmp_path / f"{name}.txt").write_text(text)
    return fdtrace.load(tmp_path)


def life(found: fdtrace.Case, fd: int, pid: int = 700) -> pd.Series:
    rows = found.fds[(found.fds["pid"] == pid) & (found.fds["fd"] == fd)]
    return rows.iloc[-1]


# -- states -----------------------------------------------------------------------------------------


def test_the_inode_finds_the_socket_and_its_state(tmp_path: Path) -> None:
    ss = (
        SS_HEAD
        + 'CLOSE-WAIT 1 0 10.0.0.1:4000 10.0.0.2:80 users:(("app",pid=700,fd=5)) ino:9001 sk:1\n'
        + 'ESTAB 0 0 10.0.0.1:4002 10.0.0.2:80 users:(("app",pid=700,fd=6)) ino:9002 sk:2\n'
    )
    row = life(case(tmp_path, START + CONNECTED + END, ss=stamp(5) + ss), 5)
    assert (row["state"], row["local"]) == ("CLOSE_WAIT", "10.0.0.1:4000")
    assert row["state_source"].startswith("ss (")
    assert row["state_source"].endswith("ss.txt:3)")


def test_process_and_number_find_it_where_there_is_no_inode(tmp_path: Path) -> None:
    trace = START + CONNECTED.replace("<TCP:[9001]>", "") + END
    lsof = LSOF_HEAD + "app 700 root 5u IPv4 9001 0t0 TCP 10.0.0.1:4000->10.0.0.2:80 (CLOSE_WAIT)\n"
    row = life(case(tmp_path, trace, lsof=stamp(5) + lsof), 5)
    assert (row["state"], row["inode"], row["local"]) == ("CLOSE_WAIT", 9001, "10.0.0.1:4000")


@pytest.mark.parametrize("peer", ["10.0.0.2:80", "::ffff:10.0.0.2:80"])
def test_addresses_find_it_where_there_is_nothing_else(tmp_path: Path, peer: str) -> None:
    netstat = NETSTAT_HEAD + f"tcp 1 0 10.0.0.1:4000 {peer} CLOSE_WAIT -\n"
    row = life(case(tmp_path, START + CONNECTED + END, netstat=stamp(5) + netstat), 5)
    assert row["state"] == "CLOSE_WAIT"


def test_of_the_two_rows_of_a_loopback_connection_its_own_side_counts(tmp_path: Path) -> None:
    trace = START + CONNECTED.replace("10.0.0.2", "127.0.0.1") + END
    netstat = (
        NETSTAT_HEAD
        + "tcp 0 0 127.0.0.1:80 127.0.0.1:4000 FIN_WAIT2 -\n"
        + "tcp 1 0 127.0.0.1:4000 127.0.0.1:80 CLOSE_WAIT 700/app\n"
    )
    assert life(case(tmp_path, trace, netstat=stamp(5) + netstat), 5)["state"] == "CLOSE_WAIT"


def test_an_accepted_socket_is_known_by_its_peer_and_its_listeners_port(tmp_path: Path) -> None:
    trace = START + (
        "700 1700000001.000000 socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = 3\n"
        f"700 1700000001.100000 bind(3, {inet('0.0.0.0', 80)}, 16) = 0\n"
        "700 1700000001.200000 listen(3, 9) = 0\n"
        f"700 1700000002.000000 accept(3, {inet('10.0.0.9', 4000)}, [16]) = 5\n"
    )
    netstat = NETSTAT_HEAD + (
        "tcp 0 0 10.0.0.1:81 10.0.0.9:4000 ESTABLISHED 700/app\n"
        "tcp 1 0 10.0.0.1:80 10.0.0.9:4000 CLOSE_WAIT 700/app\n"
    )
    assert life(case(tmp_path, trace + END, netstat=stamp(5) + netstat), 5)["state"] == "CLOSE_WAIT"


def test_rows_that_fit_alike_and_differ_in_state_prove_nothing(tmp_path: Path) -> None:
    netstat = NETSTAT_HEAD + (
        "tcp 0 0 10.0.0.1:4000 10.0.0.2:80 ESTABLISHED 700/app\n"
        "tcp 1 0 10.0.0.1:4001 10.0.0.2:80 CLOSE_WAIT 700/app\n"
    )
    row = life(case(tmp_path, START + CONNECTED + END, netstat=stamp(5) + netstat), 5)
    assert (row["state"], row["state_source"]) == ("ESTABLISHED", "strace: connect()")


def test_nobodys_sockets_are_not_a_process_s(tmp_path: Path) -> None:
    netstat = NETSTAT_HEAD + "tcp 0 0 10.0.0.1:4000 10.0.0.2:80 TIME_WAIT -\n"
    row = life(case(tmp_path, START + CONNECTED + END, netstat=stamp(5) + netstat), 5)
    assert row["state_source"] == "strace: connect()"


def test_a_call_after_the_last_snapshot_knows_better(tmp_path: Path) -> None:
    trace = START + CONNECTED + '700 1700000008.000000 read(5<TCP:[9001]>, "", 64) = 0\n' + END
    ss = SS_HEAD + 'ESTAB 0 0 10.0.0.1:4000 10.0.0.2:80 users:(("app",pid=700,fd=5)) ino:9001 sk:1\n'
    row = life(case(tmp_path, trace, ss=stamp(3) + ss), 5)
    assert (row["state"], row["state_source"]) == ("CLOSE_WAIT", "strace: read() = 0")


def test_the_newest_snapshot_counts(tmp_path: Path) -> None:
    line = '{} 0 0 10.0.0.1:4000 10.0.0.2:80 users:(("app",pid=700,fd=5)) ino:9001 sk:1\n'
    ss = stamp(3) + SS_HEAD + line.format("ESTAB") + stamp(6) + SS_HEAD + line.format("CLOSE-WAIT")
    assert life(case(tmp_path, START + CONNECTED + END, ss=ss), 5)["state"] == "CLOSE_WAIT"


def test_a_socket_in_no_table_of_the_kernel_is_closed(tmp_path: Path) -> None:
    lsof = LSOF_HEAD + STDIO + "app 700 root 5u sock 0,8 0t0 9001 protocol: TCP\n"
    row = life(case(tmp_path, START + CONNECTED + END, lsof=stamp(5) + lsof), 5)
    assert row["state"] == "CLOSE"


def test_an_inode_that_was_given_out_again_is_another_socket(tmp_path: Path) -> None:
    trace = (
        START
        + CONNECTED
        + "700 1700000002.000000 close(5<TCP:[9001]>) = 0\n"
        + (
            "700 1700000003.000000 socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = 5<TCP:[9001]>\n"
            f"700 1700000003.100000 connect(5<TCP:[9001]>, {inet('10.0.0.3', 81)}, 16) = 0\n"
        )
    )
    ss = SS_HEAD + 'CLOSE-WAIT 0 0 10.0.0.1:4000 10.0.0.3:81 users:(("app",pid=700,fd=5)) ino:9001 sk:1\n'
    found = case(tmp_path, trace + END, ss=stamp(6) + ss).fds
    own = found[found["fd"] == 5]
    assert own["how"].tolist() == ["close", "none"]
    assert own["state"].tolist() == ["ESTABLISHED", "CLOSE_WAIT"]


def test_descriptors_listed_for_every_thread_are_one(tmp_path: Path) -> None:
    head = "COMMAND PID TID TASKCMD USER FD TYPE DEVICE SIZE/OFF NODE NAME\n"
    rows = "".join(
        f"app 700 {tid} root {fd}u CHR 1,3 0t0 4 /dev/null\n"
        for tid in ("", "701 app")
        for fd in (0, 1, 2, 9)
    )
    found = case(tmp_path, START + END, lsof=stamp(5) + head + rows)
    assert found.fds["fd"].tolist().count(9) == 1


# -- what one side lacks ------------------------------------------------------------------------------


def attached(*lines: str) -> str:
    return "".join(lines) + '700 1700000009.000000 read(0, "", 1) = 0\n'


def test_what_stood_before_the_attach_is_open_in_the_table(tmp_path: Path) -> None:
    trace = attached("700 1700000003.000000 eventfd2(0, EFD_CLOEXEC) = 7\n")
    before = LSOF_HEAD + STDIO + "app 700 root 6u a_inode 0,14 0 12 [eventfd]\n"
    found = case(
        tmp_path,
        trace,
        lsof=stamp(0) + before + stamp(8) + before + "app 700 root 7u a_inode 0,14 0 12 [eventfd]\n",
    )
    row = life(found, 6)
    assert (row["kind"], row["via"], row["how"], row["certainty"]) == (
        "eventfd",
        "inherited",
        "none",
        "inferred",
    )
    assert len(found.fds[found.fds["fd"] == 7]) == 1
    [gap] = [f for f in found.check(only=["missed_open"])]
    assert (gap.severity, gap.open, gap.example_fds) == ("info", 1, (6,))
    assert gap.reasons[0] == "they stood in a snapshot from before the trace"
    assert gap.evidence[0].text == "app 700 root 6u a_inode 0,14 0 12 [eventfd]"


def test_what_the_trace_missed_is_adopted_and_told(tmp_path: Path) -> None:
    lsof = LSOF_HEAD + STDIO + "app 700 root 40u a_inode 0,14 0 12 [eventpoll]\n"
    found = case(tmp_path, START + END, lsof=stamp(5) + lsof)
    assert (life(found, 40)["kind"], life(found, 40)["via"]) == ("epoll", "snapshot")
    [gap] = found.check(only=["missed_open"])
    assert "the trace is from birth, so calls are missing from it" in gap.reasons


def test_what_a_later_snapshot_does_not_show_was_closed_unseen(tmp_path: Path) -> None:
    found = case(tmp_path, START + CONNECTED + END, lsof=stamp(7) + LSOF_HEAD + STDIO)
    assert life(found, 5)["how"] == "snapshot_gone"
    [gap] = [f for f in found.check(only=["missed_close"]) if f.kind == "tcp"]
    assert (gap.kind, gap.open, gap.pid) == ("tcp", 1, 700)
    assert not list(found.leaks())


def test_a_snapshot_from_after_the_trace_ends_nothing(tmp_path: Path) -> None:
    found = case(tmp_path, START + CONNECTED + END, lsof=stamp(30) + LSOF_HEAD + STDIO)
    assert life(found, 5)["how"] == "none"
    assert not list(found.check(only=["missed_close"]))


def test_a_list_of_the_network_alone_ends_no_files(tmp_path: Path) -> None:
    trace = START + '700 1700000001.000000 openat(AT_FDCWD, "/etc/hosts", O_RDONLY) = 3\n' + END
    lsof = LSOF_HEAD + "app 700 root 5u IPv4 9001 0t0 TCP 10.0.0.1:4000->10.0.0.2:80 (CLOSE_WAIT)\n"
    assert life(case(tmp_path, trace, lsof=stamp(7) + lsof), 3)["how"] == "none"


def test_without_a_clock_only_what_is_still_open_is_joined(tmp_path: Path) -> None:
    trace = "".join(
        line.partition(" ")[0] + " " + line.split(" ", 2)[2] for line in (START + CONNECTED).splitlines(True)
    )
    ss = SS_HEAD + 'CLOSE-WAIT 1 0 10.0.0.1:4000 10.0.0.2:80 users:(("app",pid=700,fd=5)) ino:9001 sk:1\n'
    assert life(case(tmp_path, trace, ss=stamp(5) + ss), 5)["state"] == "CLOSE_WAIT"


def test_a_listing_that_does_not_say_whose_it_is_belongs_to_the_process_it_agrees_with(
    tmp_path: Path,
) -> None:
    listing = "total 0\n" + "".join(
        f"lrwx------ 1 root root 64 Nov 14 22:13 {fd} -> {name}\n"
        for fd, name in (
            (0, "/dev/null"),
            (1, "/dev/null"),
            (2, "/dev/null"),
            (5, "socket:[9001]"),
            (8, "anon_inode:[eventfd]"),
        )
    )
    found = case(tmp_path, START + CONNECTED + END, fds=stamp(5) + listing)
    assert life(found, 8)["kind"] == "eventfd"


def test_another_clock_is_found_by_what_both_sides_show(tmp_path: Path) -> None:
    trace, rows = START, ""
    for number in range(12):
        second = number % 9
        made = f"{10 + number}<TCP:[{8000 + number}]>"
        stamped = f"700 170000000{second}.{number:02}0000"
        trace += f"{stamped} socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = {made}\n"
        rows += f"app 700 root {10 + number}u sock 0,8 0t0 {8000 + number} protocol: TCP\n"
    lsof = LSOF_HEAD + STDIO + rows
    found = case(tmp_path, trace + END, lsof="# 2023-11-14T22:12:20Z\n" + lsof)
    [gap] = found.check(only=["missed_open"]) or [None]
    assert gap is None
    assert set(found.fds[found.fds["fd"] >= 10]["state"]) == {"CLOSE"}


# -- who is at the other end ---------------------------------------------------------------------------


def test_the_other_end_of_a_pipe_is_named_in_its_process(tmp_path: Path) -> None:
    trace = START + (
        "700 1700000001.000000 pipe2([3, 4], 0) = 0\n"
        "700 1700000002.000000 clone(child_stack=NULL, flags=SIGCHLD, child_tidptr=0x7f) = 701\n"
        "701 1700000003.000000 close(3) = 0\n"
        "700 1700000004.000000 close(4) = 0\n"
    )
    found = case(tmp_path, trace + END)
    assert life(found, 3)["peer"] == "pid 701 fd 4"
    assert life(found, 4, 701)["peer"] == "pid 700 fd 3"


def test_the_other_end_of_a_unix_socket_is_named_by_ss(tmp_path: Path) -> None:
    trace = START + (
        "700 1700000001.000000 socket(AF_UNIX, SOCK_STREAM, 0) = 3<UNIX-STREAM:[5001]>\n"
        "700 1700000001.500000 "
        'connect(3<UNIX-STREAM:[5001]>, {sa_family=AF_UNIX, sun_path="/run/x"}, 110) = 0\n'
    )
    ss = "Netid State Recv-Q Send-Q Local Address:Port Peer Address:Port Process\n" + (
        'u_str ESTAB 0 0 * 5001 * 5002 users:(("app",pid=700,fd=3))\n'
        'u_str ESTAB 0 0 /run/x 5002 * 5001 users:(("daemon",pid=99,fd=12))\n'
    )
    row = life(case(tmp_path, trace + END, ss=stamp(5) + ss), 3)
    assert row["peer"] in ("pid 99 fd 12", "/run/x")


# -- the answer ----------------------------------------------------------------------------------------


def leaking(attach_after: int = 0) -> str:
    lines = ["700 1700000000.500000 close(99) = -1 EBADF (Bad file descriptor)\n"]
    for number in range(40):
        second = 1 + number * 7 // 40
        fd = 10 + number + attach_after
        lines.append(f"700 170000000{second}.{number:02}0000 eventfd2(0, 0) = {fd}\n")
        lines.append(f'700 170000000{second}.{number:02}1000 read(0, "x", 1) = 1\n')
    return "".join(lines)


def test_a_leak_counts_what_was_open_before_the_trace(tmp_path: Path) -> None:
    rows = [f"app 700 root {fd}u a_inode 0,14 0 12 [eventfd]\n" for fd in range(3, 53)]
    before = LSOF_HEAD + STDIO + "".join(rows[:5])
    after = LSOF_HEAD + STDIO + "".join(rows[:47])
    found = case(tmp_path, attached(leaking()), lsof=stamp(0) + before + stamp(8) + after)
    [leak] = [f for f in found.leaks() if f.severity == "high"]
    assert (leak.open, leak.opened, leak.command) == (47, 40, "app")
    assert leak.title == "47 eventfds are never closed, 40 of them opened in the trace"
    assert any("5 were open before the trace began (lsof.txt, 22:13:20)" in reason for reason in leak.reasons)
    assert any("2 were opened between that and the trace" in reason for reason in leak.reasons)


def test_a_story_is_told_by_all_sources_in_order_of_time(tmp_path: Path) -> None:
    ss = SS_HEAD + 'ESTAB 0 0 10.0.0.1:4000 10.0.0.2:80 users:(("app",pid=700,fd=5)) ino:9001 sk:1\n'
    lsof = LSOF_HEAD + STDIO + "app 700 root 5u IPv4 9001 0t0 TCP 10.0.0.1:4000->10.0.0.2:80 (CLOSE_WAIT)\n"
    trace = START + CONNECTED + '700 1700000006.000000 read(5<TCP:[9001]>, "", 64) = 0\n' + END
    told = case(tmp_path, trace, ss=stamp(4) + ss, lsof=stamp(8) + lsof).story(fd=5)
    assert told.table["source"].tolist() == ["strace", "strace", "ss", "strace", "lsof"]
    assert "4.000000        3  [ss] socket 10.0.0.1:4000 -> 10.0.0.2:80 ESTABLISHED" in str(told)


def test_a_story_from_snapshots_alone(tmp_path: Path) -> None:
    row = "app     700 root    5u     IPv4   9001      0t0  TCP 10.0.0.1:4000->10.0.0.2:80 ({})\n"
    path = tmp_path / "lsof.txt"
    path.write_text(
        "".join(
            stamp(s) + LSOF_HEAD + STDIO + row.format(state)
            for s, state in ((1, "ESTABLISHED"), (9, "CLOSE_WAIT"))
        )
    )
    told = fdtrace.load(path).story(fd=5)
    assert "8.000000       12  [lsof] tcp 10.0.0.1:4000 -> 10.0.0.2:80 CLOSE_WAIT" in str(told)
    with pytest.raises(fdtrace.BadArgument):
        fdtrace.load(path).story(fd=77)


# -- when a snapshot was taken -------------------------------------------------------------------------


def test_a_stamp_before_a_slow_tool_does_not_mix_up_lives_of_one_number(tmp_path: Path) -> None:
    trace = START + (
        '700 1700000002.700000 openat(AT_FDCWD, "/etc/hosts", O_RDONLY) = 3\n'
        '700 1700000002.800000 openat(AT_FDCWD, "/etc/passwd", O_RDONLY) = 4\n'
        "700 1700000005.000000 close(3) = 0\n"
        '700 1700000005.100000 openat(AT_FDCWD, "/etc/hosts", O_RDONLY) = 3\n'
    )
    lsof = (
        LSOF_HEAD
        + STDIO
        + "".join(
            f"app 700 root {fd}r REG 8,1 9 77 {name}\n"
            for fd, name in ((3, "/etc/hosts"), (4, "/etc/passwd"))
        )
    )
    found = case(tmp_path, trace + END, lsof=stamp(2) + lsof)
    [recorder] = found._read.recorded
    history, lives = recorder.history, recorder.lives
    assert history.joined is not None
    first, second = [one for one in lives if one.fd == 3]
    assert (len(history.joined.of(first)), len(history.joined.of(second))) == (1, 0)


def test_connections_that_follow_each_other_at_one_number_are_told_by_their_addresses(tmp_path: Path) -> None:
    trace = START + CONNECTED + "700 1700000002.000000 close(5<TCP:[9001]>) = 0\n"
    trace += CONNECTED.replace("0000001.", "0000003.").replace("9001", "9002").replace("10.0.0.2", "10.0.0.3")
    lsof = LSOF_HEAD + STDIO + "app 700 root 5u IPv4 9001 0t0 TCP 10.0.0.1:4000->10.0.0.2:80 (CLOSE_WAIT)\n"
    plain = trace.replace("<TCP:[9001]>", "").replace("<TCP:[9002]>", "")
    row = life(case(tmp_path, plain + END, lsof=stamp(2) + lsof), 5)
    assert (row["state"], row["inode"] is pd.NA) == ("ESTABLISHED", True)


def test_a_socket_that_a_tool_does_not_list_any_more_has_not_kept_its_state(tmp_path: Path) -> None:
    own = 'ESTAB 0 0 10.0.0.1:4000 10.0.0.2:80 users:(("app",pid=700,fd=5)) ino:9001 sk:1\n'
    others = (
        "ESTAB 0 0 10.0.0.1:22 10.0.0.9:999 ino:7 sk:2\nCLOSE-WAIT 1 0 10.0.0.1:23 10.0.0.9:998 ino:8 sk:3\n"
    )
    others += "LISTEN 0 9 10.0.0.1:22 0.0.0.0:* ino:6 sk:4\n"
    ss = stamp(3) + SS_HEAD + own + others + stamp(6) + SS_HEAD + others
    row = life(case(tmp_path, START + CONNECTED + END, ss=ss), 5)
    assert row["state"] == "CLOSE"
    assert row["state_source"].endswith("no longer listed")


def test_one_row_is_one_socket(tmp_path: Path) -> None:
    trace = START + CONNECTED + CONNECTED.replace("5<TCP:[9001]>", "6<TCP:[9002]>").replace("001.", "002.")
    netstat = NETSTAT_HEAD + "tcp 1 0 10.0.0.1:4000 10.0.0.2:80 CLOSE_WAIT -\n"
    found = case(tmp_path, trace + END, netstat=stamp(5) + netstat)
    assert {life(found, fd)["state_source"] for fd in (5, 6)} == {"strace: connect()"}
    both = netstat + "tcp 1 0 10.0.0.1:4001 10.0.0.2:80 CLOSE_WAIT -\n"
    found = case(tmp_path, trace + END, netstat=stamp(5) + both)
    assert [life(found, fd)["state"] for fd in (5, 6)] == ["CLOSE_WAIT"] * 2
    assert all(pd.isna(life(found, fd)["local"]) for fd in (5, 6))  # which of them is which, nobody can say


def test_sockets_of_another_network_are_not_closed(tmp_path: Path) -> None:
    trace = START + (
        "700 1700000001.000000 socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = 5\n"
        "700 1700000001.100000 bind(5, {sa_family=AF_INET, sin_port=htons(80)"
        ', sin_addr=inet_addr("0.0.0.0")}, 16) = 0\n'
        "700 1700000001.200000 listen(5, 9) = 0\n"
    )
    lsof = LSOF_HEAD + STDIO + "app 700 root 5u sock 0,8 0t0 9001 protocol: TCP\n"
    assert life(case(tmp_path, trace + END, lsof=stamp(5) + lsof), 5)["state"] == "LISTEN"


# -- what a listing proves, and what not ---------------------------------------------------------------


@pytest.mark.parametrize(
    "listing",
    [
        "app 700 root NOFD /proc/700/fd (opendir: Permission denied)\n",
        "app 700 root 7u a_inode 0,14 0 12 [eventfd]\n",
    ],
    ids=["could not be read", "filtered: no standard input"],
)
def test_a_listing_that_is_not_whole_ends_nothing(tmp_path: Path, listing: str) -> None:
    found = case(tmp_path, START + CONNECTED + END, lsof=stamp(7) + LSOF_HEAD + listing)
    assert life(found, 5)["how"] == "none"
    assert not list(found.check(only=["missed_close"]))


def test_a_number_that_lsof_cut_may_be_the_one(tmp_path: Path) -> None:
    trace = START + CONNECTED.replace("5<TCP", "12345<TCP") + END
    lsof = (
        LSOF_HEAD + STDIO + "app 700 root *345u IPv4 9001 0t0 TCP 10.0.0.1:4000->10.0.0.2:80 (ESTABLISHED)\n"
    )
    assert life(case(tmp_path, trace, lsof=stamp(7) + lsof), 12345)["how"] == "none"


def test_a_listing_in_conflict_with_the_trace_ends_nothing(tmp_path: Path) -> None:
    used = '700 1700000018.000000 read(5<TCP:[9001]>, "x", 1) = 1\n'
    opened = '700 1700000001.500000 openat(AT_FDCWD, "/a", O_RDONLY) = 6\n'
    found = case(tmp_path, START + CONNECTED + opened + used, lsof=stamp(8) + LSOF_HEAD + STDIO)
    assert life(found, 6)["how"] == "none"


def test_the_inode_of_all_eventfds_is_nobodys(tmp_path: Path) -> None:
    trace = START + "700 1700000001.000000 eventfd2(0, 0) = 5\n" + END
    lsof = LSOF_HEAD + STDIO + "".join(f"app 700 root {fd}u a_inode 0,14 0 12 [eventfd]\n" for fd in (5, 6))
    found = case(tmp_path, trace, lsof=stamp(8) + lsof)
    assert life(found, 5)["inode"] is pd.NA
    assert life(found, 6)["inode"] is pd.NA


def test_a_child_that_has_ended_had_what_its_parent_handed_down(tmp_path: Path) -> None:
    trace = START + (
        "700 1700000001.000000 eventfd2(0, 0) = 5\n"
        "700 1700000002.000000 clone(child_stack=NULL, flags=SIGCHLD) = 701\n"
        "701 1700000008.000000 +++ killed by SIGKILL +++\n"
    )
    lsof = LSOF_HEAD + STDIO.replace("700", "701") + "app 701 root 5u a_inode 0,14 0 12 [eventfd]\n"
    found = case(tmp_path, trace + END, lsof=stamp(5) + lsof)
    assert not list(found.check(only=["missed_open"]))


def test_without_closes_the_newest_full_snapshot_tells_what_is_open(tmp_path: Path) -> None:
    lines, rows = [START], []
    for number in range(80):
        lines.append(f"700 170000000{number // 10}.{number:02}0000 eventfd2(0, 0) = {3 + number}\n")
        lines.append(f'700 170000000{number // 10}.{number:02}1000 read({3 + number}, "x", 8) = 8\n')
        rows.append(f"app 700 root {3 + number}u a_inode 0,14 0 12 [eventfd]\n")
    trace = "".join(lines) + END
    assert not [one for one in case(tmp_path, trace).leaks() if one.severity == "high"]
    found = case(tmp_path, trace, lsof=stamp(9) + LSOF_HEAD + STDIO + "".join(rows[:60]))
    [leak] = [one for one in found.leaks() if one.severity == "high"]
    assert leak.open == 60
    assert leak.reasons[0].startswith("no close() was recorded, but the newest full snapshot")
    assert not list(found.check(only=["missed_close"]))


def test_what_is_remembered_of_churned_numbers_is_bounded() -> None:
    from fdtrace.history.join import Join
    from fdtrace.history.kernel import Kernel
    from fdtrace.history.lives import At
    from fdtrace.readers.bundle import Capture
    from fdtrace.readers.sheet import OpenFile, Sheet

    sheet = Sheet("lsof.txt", "lsof")
    sheet.open_files = [OpenFile(sheet.snapshot, "lsof.txt", 1, "eventfd", pid=7, fd=fd) for fd in range(9)]
    join, kernel = Join([(Capture("lsof.txt", "lsof", (), ()), sheet)], remembered=1000), Kernel()
    for number in range(20_000):
        process = kernel.process(7 + number % 500, None)
        life = kernel.life(
            kernel.table(process), number % 9, "eventfd", "open", At(0, 0, 0, 0, number, 7, b"", -1, 0)
        )
        kernel.end(life, "close", At(0, 0, 0, 0, number + 1, 7, b"", -1, 0))
        join.closed(life)
    assert sum(map(len, join._lives.values())) <= 1000
