"""Why a process cannot be traced: from what /proc says, for systems that this one is not."""

import pytest

from fdtrace.record.permission import Self, Target, against_attaching, against_starting, explained

STATUS = """Name:\tserver
State:\t{state} (sleeping)
Tgid:\t{tgid}
Pid:\t4120
PPid:\t4100
TracerPid:\t{tracer}
Uid:\t{uid}\t{uid}\t{uid}\t{uid}
VmSize:\t  123456 kB
Kthread:\t{kthread}
"""
USER = Self(1000, capable=False)
ROOT = Self(0, capable=True)


def status(state: str = "S", tgid: int = 4120, tracer: int = 0, uid: int = 1000, kthread: int = 0) -> str:
    return STATUS.format(state=state, tgid=tgid, tracer=tracer, uid=uid, kthread=kthread)


def own(**facts: int | str) -> Target:
    return Target(4120, status(**facts), owner=1000)  # type: ignore[arg-type]


def test_nothing_is_in_the_way_of_ones_own_process() -> None:
    assert against_attaching(own(), USER) == ""
    assert against_attaching(own(uid=33), ROOT) == ""


@pytest.mark.parametrize(
    ("target", "who", "words"),
    [
        (Target(4120, ""), ROOT, "there is no process 4120"),
        (own(tgid=4100), ROOT, "--pid 4100"),
        (own(state="Z"), ROOT, "zombie"),
        (own(kthread=1), ROOT, "thread of the kernel"),
        (Target(2, "State:\tS\nTgid:\t2\nUid:\t0\t0\t0\t0\n"), ROOT, "thread of the kernel"),
        (Target(4120, status(tracer=77), 1000, tracer_name="gdb"), ROOT, "traced by gdb (process 77)"),
        (own(uid=33), USER, "belongs to user 33, not to you. Record as root: sudo"),
        (Target(4120, status(), owner=0), USER, "not dumpable"),
        (own(), Self(1000, False, scope=1), "sudo sysctl kernel.yama.ptrace_scope=0"),
        (own(), Self(1000, False, scope=2), "CAP_SYS_PTRACE"),
        (own(), Self(0, True, scope=3), "restart of the machine"),
        (own(), Self(0, False), "--cap-add SYS_PTRACE"),
    ],
)
def test_each_obstacle_is_told_with_what_helps(target: Target, who: Self, words: str) -> None:
    assert words in against_attaching(target, who)


def test_a_descendant_may_be_traced_under_the_usual_setting_of_yama() -> None:
    child = Target(4120, status(), owner=1000, below=True)

    assert against_attaching(child, Self(1000, False, scope=1)) == ""


def test_root_without_the_capability_may_trace_roots_processes() -> None:
    assert against_attaching(Target(4120, status(uid=0), owner=0), Self(0, False)) == ""


def test_who_records_is_read_from_proc() -> None:
    text = "Name:\tpython\nCapEff:\t{}\nSeccomp:\t2\n"

    assert Self.of(0, text.format("00000000a80425fb"), "1\n") == Self(0, False, True, 1)
    assert Self.of(0, text.format("000001ffffffffff"), "") == Self(0, True, True, 0)
    assert Self.of(1000, "", "") == Self(1000, False, False, 0)


def test_a_program_of_ones_own_is_in_the_way_of_nothing_but_yama() -> None:
    assert against_starting(Self(1000, False, scope=1)) == ""
    assert "sudo" in against_starting(Self(1000, False, scope=2))
    assert "nobody may trace" in against_starting(Self(0, True, scope=3))


@pytest.mark.parametrize(
    ("said", "who", "words"),
    [
        ("strace: attach: ptrace(PTRACE_SEIZE, 7): Operation not permitted", USER, "sudo"),
        (
            "strace: attach: ptrace(PTRACE_SEIZE, 7): Operation not permitted",
            Self(0, False),
            "CAP_SYS_PTRACE",
        ),
        ("strace: test_ptrace_get: PTRACE_TRACEME: EPERM", Self(0, True, filtered=True), "seccomp"),
        ("strace: attach: ptrace(PTRACE_SEIZE, 7): Operation not permitted", ROOT, "SELinux"),
        ("strace: ptrace(PTRACE_TRACEME, ...): Function not implemented", ROOT, "no ptrace"),
        ("", ROOT, "without a word"),
    ],
)
def test_what_strace_complains_of_is_explained(said: str, who: Self, words: str) -> None:
    assert words in explained(said, who, 7)
