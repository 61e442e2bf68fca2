"""Which options are given to which strace, and that nothing that matters is left out."""

import shlex

import pytest

from fdtrace.history.effects import EFFECTS, Op
from fdtrace.history.recommended import CLASSES, OPTIONS, RECOMMENDED, UNCLASSED, table_calls
from fdtrace.record.plan import Plan, chosen_options, line
from fdtrace.record.strace_options import (
    Strace,
    Wish,
    known_calls,
    options,
    strace_from,
    trace_list,
    words_of,
)

NEW = Strace("/usr/bin/strace", (6, 1), "libunwind", "6.1")
OLD = Strace("/usr/bin/strace", (4, 12), "", "4.12")


@pytest.mark.parametrize(
    ("told", "version", "stacks"),
    [
        (
            "strace -- version 6.1\nCopyright\nOptional features enabled: stack-trace=libunwind m32-mpers",
            (6, 1),
            "libunwind",
        ),
        (
            "strace -- version 7.2\nOptional features enabled: stack-trace=libdw stack-demangle",
            (7, 2),
            "libdw",
        ),
        ("strace -- version 6.1\nOptional features enabled: no-m32-mpers", (6, 1), ""),
        ("strace -- version 4.8\n", (4, 8), ""),
        ("strace -- version 5.5.0.13.ac8e-dirty\n", (5, 5), ""),
    ],
)
def test_what_a_strace_says_of_itself(told: str, version: tuple[int, int], stacks: str) -> None:
    found = strace_from("/usr/bin/strace", told)

    assert found is not None
    assert (found.version, found.stacks) == (version, stacks)


def test_another_program_of_the_name_is_no_strace() -> None:
    assert strace_from("/usr/bin/strace", "busybox strace v1") is None


def test_everything_that_tells_is_asked_for() -> None:
    words = words_of(options(NEW, Wish(stacks=True)))

    assert {"-f", "-ttt", "-T", "-yy", "-k", "--seccomp-bpf"} <= set(words)
    assert words[words.index("-s") + 1] == "4"


def test_calls_are_filtered_in_the_kernel_only_where_strace_starts_the_program_and_can() -> None:
    assert "--seccomp-bpf" not in words_of(options(NEW, Wish(command=False)))
    assert "--seccomp-bpf" not in words_of(options(OLD, Wish()))
    assert "--seccomp-bpf" not in words_of(options(Strace("strace", (5, 2)), Wish()))
    assert "--seccomp-bpf" in words_of(options(Strace("strace", (5, 3)), Wish()))


def test_the_light_recording_leaves_out_what_is_frequent_and_nothing_that_changes_a_table() -> None:
    light = set(table_calls())

    assert not light & {"read", "write", "poll", "epoll_wait", "sendmsg", "recvfrom", "fstat"}
    makers = {n.decode() for n, e in EFFECTS.items() if e.op in (Op.CREATE, Op.DUP, Op.DUP_OVER, Op.CLOSE)}
    assert makers <= light
    assert {"close_range", "clone3", "execve", "exit_group", "unshare", "recvmsg", "pidfd_getfd"} <= light


def test_what_is_recommended_everywhere_is_what_is_recorded() -> None:
    words = shlex.split(RECOMMENDED)
    chosen = words_of(options(NEW, Wish(stacks=True, command=False)))

    assert {word for word in words if word in OPTIONS} == set(OPTIONS)
    assert set(OPTIONS) <= set(chosen)
    asked = words[words.index("-e") + 1].removeprefix("trace=").split(",")
    given = [name.lstrip("?") for name in chosen[chosen.index("-e") + 1].removeprefix("trace=").split(",")]
    assert set(asked) == {*CLASSES, *UNCLASSED}
    assert set(asked) <= set(given)


def test_names_that_a_strace_may_not_know_are_optional_and_classes_are_not() -> None:
    assert all(name[0] in "%?" for detail in ("full", "light") for name in trace_list(NEW, detail))
    assert trace_list(OLD, "full")[:3] == ["desc", "network", "process"]


def test_an_old_strace_is_asked_which_names_it_knows() -> None:
    unknown = {"close_range", "clone3", "openat2"}

    def complain(names: list[str]) -> str:
        wrong = [name for name in names if name in unknown]
        return f"strace: invalid system call '{wrong[0]}'" if wrong else "strace: Can't stat '/nonexistent'"

    names = trace_list(OLD, "light")
    assert known_calls(names, complain) == [name for name in names if name not in unknown]


def test_stacks_that_cannot_be_unwound_are_refused_with_the_reason() -> None:
    plan = Plan("rec", ("true",), stacks=True)

    with pytest.raises(Exception, match="built without stack traces"):
        chosen_options(Strace("/usr/bin/strace", (6, 1), "", "6.1"), plan)


def test_the_line_can_be_pasted_into_a_shell() -> None:
    plan = Plan("rec", ("./my server", "--greeting", "it's"))

    words = shlex.split(line(NEW, plan, chosen_options(NEW, plan)))

    assert words[0] == "strace"
    assert words[-3:] == ["./my server", "--greeting", "it's"]
    assert words[words.index("-o") + 1] == "app.strace"
