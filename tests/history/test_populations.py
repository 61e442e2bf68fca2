"""Rows of several tools become holdings, and looks become moments."""

from __future__ import annotations

from pathlib import Path

from fdtrace.history.growth import grown
from fdtrace.history.populations import populations
from tests.snapshot_sheets import Tool, growing

ENDS = {"local": "127.0.0.1:5000", "peer": "127.0.0.1:80"}
TWIN = {"local": "127.0.0.1:80", "peer": "127.0.0.1:5000"}


def test_one_descriptor_that_all_tools_show_is_one_holding(tmp_path: Path) -> None:
    lsof, proc, net, ss = (Tool(tmp_path, kind).look(1) for kind in ("lsof", "procfs", "netstat", "ss"))
    lsof.file(5, "tcp", inode=42, state="CLOSE_WAIT", **ENDS)
    proc.file(5, "socket", command=None, inode=42, name="socket:[42]")
    net.socket("CLOSE_WAIT", program="bin/srv", **ENDS)
    ss.socket("CLOSE_WAIT", fd=5, inode=42, program="srv", **ENDS)
    made = populations([tool.pair() for tool in (proc, net, ss, lsof)])
    (held,) = made.moments[0].holdings
    assert (held.pid, held.fd, held.kind, held.inode, held.state) == (7, 5, "tcp", 42, "CLOSE_WAIT")
    assert set(held.told_by) == {"lsof", "netstat", "ss"}
    assert made.commands == {7: "srv"}


def test_netstat_is_found_among_proc_through_ss(tmp_path: Path) -> None:
    proc, net, ss = (Tool(tmp_path, kind).look(1) for kind in ("procfs", "netstat", "ss"))
    proc.file(5, "socket", command=None, inode=42)
    net.socket("CLOSE_WAIT", **ENDS)
    ss.socket("CLOSE_WAIT", fd=5, inode=42, **ENDS)
    made = populations([tool.pair() for tool in (proc, net, ss)])
    assert len(made.moments[0].holdings) == 1


def test_both_ends_of_a_loopback_connection_stay_apart(tmp_path: Path) -> None:
    lsof, net = Tool(tmp_path).look(1), Tool(tmp_path, "netstat").look(1)
    lsof.file(5, "tcp", inode=42, **ENDS)
    lsof.file(6, "tcp", inode=43, **TWIN)
    net.socket("FIN_WAIT2", **ENDS)
    net.socket("CLOSE_WAIT", **TWIN)
    made = populations([lsof.pair(), net.pair()])
    assert {held.fd: held.state for held in made.moments[0].holdings} == {5: "FIN_WAIT2", 6: "CLOSE_WAIT"}


def test_rows_of_threads_are_one_and_nobodys_sockets_are_none(tmp_path: Path) -> None:
    lsof, net = Tool(tmp_path).look(1), Tool(tmp_path, "netstat").look(1)
    for tid in (7, 8, 9):
        lsof.file(5, "eventfd", tid=tid)
    net.socket("TIME_WAIT", pid=None, **ENDS)
    net.socket("FIN_WAIT2", pid=None, **TWIN)
    made = populations([lsof.pair(), net.pair()])
    assert len(made.moments[0].holdings) == 1


def test_the_newest_word_on_a_state_counts(tmp_path: Path) -> None:
    lsof, ss = Tool(tmp_path).look(1.5), Tool(tmp_path, "ss").look(1.0)
    lsof.file(5, "tcp", inode=42, state="CLOSE_WAIT", **ENDS)
    ss.socket("ESTABLISHED", fd=5, inode=42, **ENDS)
    (held,) = populations([lsof.pair(), ss.pair()]).moments[0].holdings
    assert (held.state, held.told_by) == ("CLOSE_WAIT", ("lsof",))


def test_a_number_given_again_between_two_tools_is_the_later_ones(tmp_path: Path) -> None:
    lsof, proc = Tool(tmp_path).look(1), Tool(tmp_path, "procfs").look(1)
    lsof.file(5, "tcp", inode=42)
    proc.file(5, "socket", inode=77)
    (held,) = populations([lsof.pair(), proc.pair()]).moments[0].holdings
    assert held.inode == 77


def test_an_unconnected_socket_of_tcp_is_closed(tmp_path: Path) -> None:
    lsof = Tool(tmp_path).look(1)
    lsof.file(5, "tcp", type="sock", inode=42, name="protocol: TCP")
    (held,) = populations([lsof.pair()]).moments[0].holdings
    assert held.state == "CLOSE"


def test_numbers_that_lsof_cuts_are_told_apart(tmp_path: Path) -> None:
    lsof = Tool(tmp_path).look(1)
    for inode in range(3):
        lsof.file(None, "tcp", inode=100 + inode)
    assert len(populations([lsof.pair()]).moments[0].holdings) == 3


def test_a_listing_without_a_name_belongs_to_whom_others_tell_the_same_of(tmp_path: Path) -> None:
    proc, lsof = Tool(tmp_path, "procfs").look(1), Tool(tmp_path).look(1)
    proc.file(5, "socket", pid=None, command=None, inode=42)
    lsof.file(5, "tcp", pid=9, inode=42)
    lsof.file(5, "tcp", pid=8, inode=41)
    made = populations([proc.pair(), lsof.pair()])
    assert {held.pid for held in made.moments[0].holdings} == {8, 9}


def test_a_listing_without_a_name_and_as_many_sockets_as_netstat_tells_of_one(tmp_path: Path) -> None:
    proc, net = Tool(tmp_path, "procfs"), Tool(tmp_path, "netstat")
    for at, count in enumerate((6, 12, 18)):
        proc.look(at)
        net.look(at)
        for n in range(count):
            proc.file(3 + n, "socket", pid=None, command=None, inode=100 + n)
            net.socket("CLOSE_WAIT", pid=9, local=f"127.0.0.1:{5000 + n}", peer="127.0.0.1:80")
        net.socket("LISTEN", pid=4, local="127.0.0.1:80")
    made = populations([proc.pair(), net.pair()])
    assert {held.pid for held in made.moments[-1].holdings} == {9, 4}


def test_tools_one_after_the_other_are_of_one_moment(tmp_path: Path) -> None:
    lsof, ss = Tool(tmp_path), Tool(tmp_path, "ss")
    for at in (0, 10, 20):
        lsof.look(at).file(5, "eventfd")
        ss.look(at + 2).socket("ESTABLISHED", fd=6, **ENDS)
    made = populations([lsof.pair(), ss.pair()])
    assert [len(moment.holdings) for moment in made.moments] == [2, 2, 2]


def test_a_tool_that_looked_only_once_is_of_the_moment_that_is_next(tmp_path: Path) -> None:
    lsof, ss = Tool(tmp_path), Tool(tmp_path, "ss")
    for at in (0, 10, 20):
        lsof.look(at).file(5, "eventfd")
    ss.look(21).socket("ESTABLISHED", fd=6, **ENDS)
    made = populations([lsof.pair(), ss.pair()])
    assert [len(moment.holdings) for moment in made.moments] == [1, 1, 2]


def test_without_times_the_order_counts(tmp_path: Path) -> None:
    first, second = Tool(tmp_path, name="lsof-1.txt").look(), Tool(tmp_path, name="lsof-2.txt").look()
    first.file(5, "eventfd")
    second.file(5, "eventfd")
    second.file(6, "eventfd")
    made = populations([first.pair(), second.pair()])
    assert [len(moment.holdings) for moment in made.moments] == [1, 2]


def test_listings_of_several_processes_are_one_look(tmp_path: Path) -> None:
    proc = Tool(tmp_path, "procfs")
    for at in (0, 10):
        for pid in (7, 8):
            proc.look(at + pid / 100).file(5, "eventfd", pid=pid)
    separate = [Tool(tmp_path, "procfs", f"fd.{pid}.txt").look() for pid in (7, 8)]
    for pid, tool in zip((7, 8), separate, strict=True):
        tool.file(5, "eventfd", pid=pid)
    assert [len(moment.holdings) for moment in populations([proc.pair()]).moments] == [2, 2]
    assert len(populations([tool.pair() for tool in separate]).moments) == 1


def test_populations_have_counts_gains_and_losses(tmp_path: Path) -> None:
    lsof = Tool(tmp_path)
    for at, fds in enumerate(((3, 4, 5, 6), (4, 5, 6, 7, 8), (4, 5, 6, 7, 8))):
        lsof.look(at)
        for fd in fds:
            lsof.file(fd, "file", name=f"/data/t{fd}.json", inode=fd)
    (part,) = grown(populations([lsof.pair()]))
    assert part.place == "/data/t*.json"
    assert (part.counts, part.gains, part.losses) == ([4, 5, 5], [2, 0], [1, 0])
    assert (part.kept, part.stayed) == (3, 5)
    assert part.rates == [1.0, 0.0]


def test_names_with_few_neighbours_are_told_by_their_directory(tmp_path: Path) -> None:
    lsof = Tool(tmp_path).look(1)
    for fd, name in enumerate(("amber", "birch", "coral", "delta", "ember")):
        lsof.file(fd, "file", name=f"/data/{name}.db")
    lsof.file(9, "file", name="/var/log/app.log")
    places = {part.place for part in grown(populations([lsof.pair()]))}
    assert places == {"/data/*.db", "/var/log/app.log"}


def test_sockets_are_placed_by_the_end_that_does_not_change(tmp_path: Path) -> None:
    lsof = Tool(tmp_path).look(1)
    lsof.file(3, "tcp", local="*:80", state="LISTEN", inode=1)
    for n in range(4):
        lsof.file(10 + n, "tcp", local="10.0.0.1:80", peer=f"10.0.0.9:{5000 + n}", state="ESTABLISHED")
        lsof.file(20 + n, "tcp", local=f"10.0.0.1:{6000 + n}", peer="10.0.0.2:443", state="ESTABLISHED")
        lsof.file(30 + n, "tcp", local=f"10.0.0.1:{7000 + n}", peer=f"10.0.1.{n}:443", state="CLOSE_WAIT")
    places = {part.place for part in grown(populations([lsof.pair()]))}
    assert places == {"listening at *:80", "accepted at 10.0.0.1:80", "to 10.0.0.2:443", "to *:443"}


def test_listeners_at_one_address_are_counted(tmp_path: Path) -> None:
    net = Tool(tmp_path, "netstat").look(1)
    for _ in range(4):
        net.socket("LISTEN", local="127.0.0.1:80")
    (part,) = grown(populations([net.pair()]))
    assert part.counts == [4]


def test_a_hundred_thousand_rows_of_one_program_are_one_population(tmp_path: Path) -> None:
    (part,) = [
        one
        for one in grown(populations([growing(tmp_path, [2000, 4000], "file", name="/d/t{n}.json").pair()]))
        if one.kind == "file"
    ]
    assert part.counts == [2000, 4000]
