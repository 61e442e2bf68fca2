"""Tasks, processes and whose table is whose."""

from __future__ import annotations

from pathlib import Path

import fdtrace
from tests.captures import START, case, family, lives, table

OPEN = '100 openat(AT_FDCWD, "/a", O_RDONLY) = 3\n100 openat(AT_FDCWD, "/b", O_RDONLY|O_CLOEXEC) = 4\n'


def test_a_fork_copies_the_table_and_its_flags(tmp_path: Path) -> None:
    found = case(tmp_path, START + OPEN + "100 fork() = 101\n101 close(3) = 0\n")

    assert table(found, 100) == {3: False, 4: True}
    assert table(found, 101) == {4: True}
    (copy,) = lives(found, pid=101, fd=4)
    (original,) = lives(found, pid=100, fd=4)
    assert (copy["via"], copy["ofd"], copy["parent"]) == ("fork_copy", original["ofd"], original["fd_id"])


def test_a_child_may_print_before_its_parent_returns(tmp_path: Path) -> None:
    body = (
        OPEN
        + "100 vfork( <unfinished ...>\n101 close(3) = 0\n100 <... vfork resumed>) = 101\n100 close(4) = 0\n"
    )

    found = case(tmp_path, START + body)

    assert (table(found, 100), table(found, 101)) == ({3: False}, {4: True})


def test_two_forks_under_way_are_told_apart_by_what_they_return(tmp_path: Path) -> None:
    body = (
        "100 fork() = 101\n"
        '100 openat(AT_FDCWD, "/a", O_RDONLY) = 3\n'
        '101 openat(AT_FDCWD, "/b", O_RDONLY) = 3\n'
        '101 openat(AT_FDCWD, "/c", O_RDONLY) = 4\n'
        "100 fork( <unfinished ...>\n"
        "101 fork( <unfinished ...>\n"
        '103 openat(AT_FDCWD, "/d", O_RDONLY) = 5\n'
        "100 <... fork resumed>) = 102\n"
        "101 <... fork resumed>) = 103\n"
    )

    found = case(tmp_path, START + body)

    assert (sorted(table(found, 102)), sorted(table(found, 103))) == ([3], [3, 4, 5])


def test_a_child_whose_parent_still_waits_is_not_given_to_the_fork_beside_it(tmp_path: Path) -> None:
    body = (
        "100 fork() = 101\n101 getpid() = 101\n"
        '100 openat(AT_FDCWD, "/a", O_RDONLY) = 3\n'
        '101 openat(AT_FDCWD, "/b", O_RDONLY) = 3\n101 openat(AT_FDCWD, "/c", O_RDONLY) = 4\n'
        "100 fork( <unfinished ...>\n101 fork( <unfinished ...>\n"
        "103 getpid() = 103\n103 vfork( <unfinished ...>\n104 getpid() = 104\n102 getpid() = 102\n"
        "101 <... fork resumed>) = 103\n100 <... fork resumed>) = 102\n103 <... vfork resumed>) = 104\n"
    )

    found = case(tmp_path, START + body)

    assert [sorted(table(found, pid)) for pid in (102, 103, 104)] == [[3], [3, 4], [3, 4]]


def test_exec_closes_what_is_close_on_exec(tmp_path: Path) -> None:
    body = OPEN + '100 execve("/bin/other", ["other"], 0x7f /* 1 var */) = 0\n'

    found = case(tmp_path, START + body)

    assert table(found, 100) == {3: False}
    assert lives(found, fd=4)[0]["how"] == "cloexec_exec"
    assert found.processes["command"].tolist() == ["other"]


def test_exec_leaves_a_shared_table_to_the_others(tmp_path: Path) -> None:
    body = OPEN + (
        "100 clone(child_stack=NULL, flags=CLONE_FILES|SIGCHLD) = 101\n"
        '101 execve("/bin/other", ["other"], 0x7f /* 1 var */) = 0\n'
    )

    found = case(tmp_path, START + body)

    assert (table(found, 100), table(found, 101)) == ({3: False, 4: True}, {3: False})


def test_an_exec_by_a_thread_goes_on_under_the_leaders_number(tmp_path: Path) -> None:
    body = OPEN + (
        "100 clone3({flags=CLONE_VM|CLONE_FILES|CLONE_THREAD} => {parent_tid=[101]}, 88) = 101\n"
        "100 pause( <unfinished ...>\n"
        '101 execve("/bin/other", ["other"], 0x7f /* 1 var */ <unfinished ...>\n'
        "100 <... pause resumed> <unfinished ...>) = ?\n"
        "100 +++ superseded by execve in pid 101 +++\n"
        "100 <... execve resumed>) = 0\n"
        "100 close(3) = 0\n"
    )

    found = case(tmp_path, START + body)

    assert table(found, 100) == {}
    assert found.processes["pid"].tolist() == [100]
    assert sorted(found.tasks["ended_by"].astype(str)) == ["exec_superseded", "exec_superseded", "none"]


def test_a_table_lives_as_long_as_its_last_thread(tmp_path: Path) -> None:
    body = OPEN + (
        "100 clone3({flags=CLONE_VM|CLONE_FILES|CLONE_THREAD} => {parent_tid=[101]}, 88) = 101\n"
        "101 getpid() = 100\n"
        "100 exit(0) = ?\n"
        "101 close(3) = 0\n"
    )
    found = case(tmp_path, START + body)
    assert table(found, 100) == {4: True}

    ended = case(
        tmp_path,
        START + body + "101 exit_group(0) = ?\n101 +++ exited with 0 +++\n100 +++ exited with 0 +++\n",
    )
    assert table(ended, 100, how="exit") == {4: True}
    assert ended.processes["ended_by"].tolist() == ["exit"]


def test_an_exit_counts_even_when_strace_was_told_to_hide_it(tmp_path: Path) -> None:
    found = case(tmp_path, START + OPEN + "100 exit_group(0) = ?\n")

    assert table(found, 100, how="exit") == {3: False, 4: True}


def test_unshare_gives_a_thread_a_table_of_its_own(tmp_path: Path) -> None:
    body = OPEN + (
        "100 clone3({flags=CLONE_VM|CLONE_FILES|CLONE_THREAD} => {parent_tid=[101]}, 88) = 101\n"
        "101 unshare(CLONE_FILES) = 0\n"
        "101 close(3) = 0\n"
    )

    found = case(tmp_path, START + body)

    tables = dict(zip(found.tasks["tid"], found.tasks["table"], strict=True))
    assert tables[100] != tables[101]
    assert sorted(life["fd"] for life in lives(found, table=tables[101], how="none") if life["fd"] > 2) == [4]
    assert table(found, 100) == {3: False, 4: True}


def test_a_pid_that_comes_back_is_another_process(tmp_path: Path) -> None:
    body = (
        "100 fork() = 101\n101 close(0) = 0\n101 +++ exited with 0 +++\n"
        '100 openat(AT_FDCWD, "/a", O_RDONLY) = 3\n100 fork() = 101\n101 close(3) = 0\n'
    )

    found = case(tmp_path, START + body)

    assert found.processes["pid"].tolist() == [100, 101, 101]
    assert table(found, 101) == {}


def test_children_in_a_pid_namespace_are_matched_by_order(tmp_path: Path) -> None:
    body = (
        "100 unshare(CLONE_NEWPID) = 0\n"
        "100 fork() = 101\n"
        '101 openat(AT_FDCWD, "/a", O_RDONLY) = 3\n'
        "101 fork() = 2\n"
        '102 openat(AT_FDCWD, "/b", O_RDONLY) = 4\n'
    )

    found = case(tmp_path, START + body)

    assert found.processes["pid"].tolist() == [100, 101, 102]
    assert sorted(table(found, 102)) == [3, 4]


def test_without_following_no_process_is_invented(tmp_path: Path) -> None:
    text = START.replace("100 ", "") + "fork() = 101\nvfork() = 102\nset_tid_address(0x7f) = 100\n"

    assert case(tmp_path, text).processes["pid"].tolist() == [100]


def test_threads_that_were_attached_together_share_a_table(tmp_path: Path) -> None:
    # GIVEN strace's own messages, which alone say how many threads a process had
    (tmp_path / "app.strace").write_text(
        '102 epoll_wait(7, [], 10, -1) = 0\n100 openat(AT_FDCWD, "/a", O_RDONLY) = 9\n101 close(9) = 0\n'
    )
    (tmp_path / "strace.stderr").write_text("strace: Process 100 attached with 3 threads\n")

    found = fdtrace.load(tmp_path)

    assert found.processes["pid"].tolist() == [100]
    assert table(found, 100).keys() >= {7}
    assert 9 not in table(found, 100)
    assert not found.coverage[0].born


def test_without_the_messages_use_of_anothers_number_ties_threads_together(tmp_path: Path) -> None:
    body = '100 openat(AT_FDCWD, "/a", O_RDONLY) = 9\n101 read(9, "x", 1) = 1\n101 close(9) = 0\n'

    found = case(tmp_path, body)

    assert len(found.processes) == 1
    assert lives(found, fd=9)[0]["how"] == "close"


def test_a_family_without_a_clock_is_ordered_by_cause(tmp_path: Path) -> None:
    found = family(
        tmp_path,
        t100=(
            START.replace("100 ", "")
            + "clone3({flags=CLONE_VM|CLONE_FILES|CLONE_THREAD} => {parent_tid=[101]}, 88) = 101\n"
            + 'openat(AT_FDCWD, "/a", O_RDONLY) = 3\nopenat(AT_FDCWD, "/c", O_RDONLY) = 5\nclose(4) = 0\n'
        ),
        t101='openat(AT_FDCWD, "/b", O_RDONLY) = 4\nclose(3) = 0\nopenat(AT_FDCWD, "/d", O_RDONLY) = 3\n',
    )

    assert sorted(table(found, 100)) == [3, 5]
    assert all(life["certainty"] == "certain" for life in lives(found) if life["fd"] > 2)


def test_calls_have_the_process_and_table_that_they_worked_on(tmp_path: Path) -> None:
    body = (
        "100 fork() = 101\n"
        "101 getpid() = 101\n"
        "100 clone3({flags=CLONE_VM|CLONE_FILES|CLONE_THREAD} => {parent_tid=[102]}, 88) = 102\n"
        "102 gettid() = 102\n"
    )

    events = case(tmp_path, START + body).events

    assert dict(zip(events["tid"], events["pid"], strict=True)) == {100: 100, 101: 101, 102: 100}
    by_tid = events.groupby("tid")["table"].first()
    assert by_tid[100] == by_tid[102] != by_tid[101]


CHILD = '200 openat(AT_FDCWD, "/c", O_RDONLY) = 5\n100 fork() = 200\n'


def test_a_child_may_come_before_its_parents_call_where_calls_are_printed_when_they_return(
    tmp_path: Path,
) -> None:
    found = case(tmp_path, START + OPEN + CHILD)

    assert sorted(table(found, 200)) == [3, 4, 5]


def test_a_child_waits_for_no_call_where_calls_are_printed_as_they_begin(tmp_path: Path) -> None:
    resumed = "100 read(3,  <unfinished ...>\n100 <... read resumed>0x7f, 8) = 8\n"

    found = case(tmp_path, START + OPEN + resumed + CHILD)

    assert lives(found, fd=5)[0]["how"] == "exit"  # another one's, whose number was given out again


def test_a_capture_behind_another_begins_anew(tmp_path: Path) -> None:
    body = START + OPEN + "100 +++ exited with 0 +++\n" + (START + OPEN).replace("100 ", "200 ")

    found = case(tmp_path, body + "200 fork( <unfinished ...>\n201 close(3) = 0\n")

    assert [sorted(table(found, pid)) for pid in (200, 201)] == [[3, 4], [4]]


INNER = "100 unshare(CLONE_NEWPID) = 0\n100 fork() = 101\n"


def test_children_of_two_forks_in_a_namespace_are_told_apart_by_the_number_that_they_say(
    tmp_path: Path,
) -> None:
    body = (
        INNER
        + '101 openat(AT_FDCWD, "/a", O_RDONLY) = 3\n'
        + "101 fork() = 2\n"
        + "101 close(3) = 0\n"
        + "101 fork() = 3\n"
        + "103 set_tid_address(0x7f) = 3\n"
        + '103 openat(AT_FDCWD, "/b", O_RDONLY) = 3\n'
        + '102 openat(AT_FDCWD, "/c", O_RDONLY) = 4\n'
    )

    found = case(tmp_path, START + body)

    assert (sorted(table(found, 102)), sorted(table(found, 103))) == ([3, 4], [3])


def test_grandchildren_are_not_matched_with_their_grandparents_forks(tmp_path: Path) -> None:
    body = (
        INNER
        + "101 pause( <unfinished ...>\n101 <... pause resumed>) = ? ERESTARTNOHAND\n"
        + '101 openat(AT_FDCWD, "/a", O_RDONLY) = 3\n'
        + "101 fork() = 2\n"
        + "101 close(3) = 0\n"
        + "101 fork() = 3\n"
        + '102 openat(AT_FDCWD, "/b", O_RDONLY) = 4\n'
        + "102 fork() = 4\n"
        + '104 openat(AT_FDCWD, "/c", O_RDONLY) = 5\n'
        + '103 openat(AT_FDCWD, "/d", O_RDONLY) = 3\n'
    )

    found = case(tmp_path, START + body)

    assert [sorted(table(found, pid)) for pid in (102, 103, 104)] == [[3, 4], [3], [3, 4, 5]]
    assert found.processes.set_index("pid")["ppid"].to_dict()[104] == 102


def test_equal_numbers_in_two_namespaces_are_different_children(tmp_path: Path) -> None:
    body = (
        "100 unshare(CLONE_NEWPID) = 0\n100 fork() = 101\n"
        '101 openat(AT_FDCWD, "/a", O_RDONLY) = 3\n'
        "100 clone(child_stack=NULL, flags=CLONE_NEWPID|SIGCHLD) = 102\n"
        '102 openat(AT_FDCWD, "/b", O_RDONLY) = 3\n'
        '102 openat(AT_FDCWD, "/b", O_RDONLY) = 4\n'
        "101 fork() = 2\n"
        "102 fork() = 2\n"
        '103 openat(AT_FDCWD, "/c", O_RDONLY) = 4\n'
        '104 openat(AT_FDCWD, "/d", O_RDONLY) = 5\n'
    )

    found = case(tmp_path, START + body)

    assert (sorted(table(found, 103)), sorted(table(found, 104))) == ([3, 4], [3, 4, 5])


def test_a_thread_whose_forks_return_straces_numbers_is_not_believed_its_own(tmp_path: Path) -> None:
    body = (
        "100 set_tid_address(0x7f) = 7\n"
        "100 fork() = 101\n"
        '100 openat(AT_FDCWD, "/a", O_RDONLY) = 3\n'
        "100 fork() = 102\n"
        '102 openat(AT_FDCWD, "/b", O_RDONLY) = 4\n'
        '101 openat(AT_FDCWD, "/c", O_RDONLY) = 3\n'
    )

    found = case(tmp_path, START + body)

    assert (sorted(table(found, 101)), sorted(table(found, 102))) == ([3], [3, 4])
    (strace,) = found.coverage
    assert any("1 pid namespaces that threads speak of are none" in gap for gap in strace.missing)


def test_in_a_container_that_strace_attached_to_forks_return_lower_numbers_than_their_callers(
    tmp_path: Path,
) -> None:
    body = (
        "100 fork() = 7\n"
        "105 close(3) = 0\n"
        '100 openat(AT_FDCWD, "/b", O_RDONLY) = 4\n'
        "100 fork() = 8\n"
        "100 close(4) = 0\n"
        "100 fork() = 9\n"
        "107 gettid() = 9\n"
        "106 gettid() = 8\n"
    )

    found = case(tmp_path, '100 openat(AT_FDCWD, "/a", O_RDONLY) = 3\n' + body)

    assert [sorted(fd for fd in table(found, pid) if fd > 2) for pid in (105, 106, 107)] == [[], [3, 4], [3]]
    assert found.processes["pid"].tolist() == [100, 105, 107, 106]
