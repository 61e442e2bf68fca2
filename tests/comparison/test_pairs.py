from dataclasses import replace
from itertools import pairwise

import pytest

from fdtrace.comparison import names
from fdtrace.comparison.pairs import known, pairs
from fdtrace.model import Finding


def leak(
    site: str | None = "open_log",
    module: str = "service",
    *,
    command: str = "service",
    kind: str = "file",
    target: str = "/var/log/job-*.txt",
    callers: tuple[str, ...] = ("handle", "serve", "main"),
    end: str = "",
    opened: int | None = 30,
    state: str | None = None,
) -> Finding:
    place = f"{module}!{site}" if site else target
    key = ":".join(filter(None, ("leak", command, kind, place + (f" < {end}" if end else ""), state)))
    return Finding(
        key, "leak", "high", "never closed", "a.strace", command=command, call_site=site,
        callers=callers if site else (), kind=kind, target=target, opened=opened, open=30, state=state,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (leak(module="libssl.so.1.1"), leak(module="libssl.so.3")),
        (leak(module="libwebsockets-2.31.so"), leak(module="libwebsockets-2.40.so")),
        (leak("open_log"), leak("open_log.isra.0")),
        (leak("open_log.part.3"), leak("open_log.constprop.1.cold")),
        (leak("app::log::open::h0123456789abcdef"), leak("app::log::open::hfedcba9876543210")),
        (leak(kind="tcp"), leak(kind="tcp6")),
        (leak(command="python3.11", module="python3.11"), leak(command="python3.12", module="python3.12")),
        (leak("service+0x1234"), leak("service+0x5678")),
        (leak(), leak(None)),
        (leak(None), leak()),
    ],
)
def test_a_new_build_does_not_make_a_new_finding(old: Finding, new: Finding) -> None:
    ((one, other),) = [(pair.before, pair.after) for pair in pairs([old], [new])]
    assert (one, other) == (old, new)
    assert not pairs([old], [new])[0].moved
    assert [pair.after for pair in known([old], [new])] == [new]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (leak(), leak("open_journal", target="/var/journal/*")),
        (leak(), leak(command="served", module="served")),
        (leak(), leak("make_log", callers=("main", "serve"))),
        (
            leak(None, target="to 10.0.0.1:9001", kind="tcp"),
            leak(None, target="to 10.0.0.1:9002", kind="tcp"),
        ),
    ],
)
def test_what_moved_is_met_and_said_to_have_moved(old: Finding, new: Finding) -> None:
    (pair,) = pairs([old], [new])
    assert (pair.before, pair.after, pair.moved) == (old, new, True)
    assert {(pair.before is None, pair.after is None) for pair in known([old], [new])} == {
        (False, True),
        (True, False),
    }


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (leak(), leak("open_pipe", kind="pipe")),
        (leak(), replace(leak(), check="inherited", key="inherited:service:file:open_log")),
        (leak(), leak("read_conf", callers=("reload",), target="/etc/conf")),
        (leak("service+0x12", target="/a/*"), leak("service+0x34", target="/b/x", callers=("f",))),
        (leak(None, opened=None, state="CLOSE_WAIT"), leak(None, opened=None, state="ESTABLISHED")),
    ],
)
def test_different_faults_do_not_meet(old: Finding, new: Finding) -> None:
    assert [(pair.before, pair.after) for pair in pairs([old], [new])] == [(old, None), (None, new)]


def test_a_place_that_both_sides_have_has_not_moved() -> None:
    old, new = leak(), leak("open_journal")
    assert len(pairs([old], [new], lambda one, other: False)) == 2


def test_every_finding_is_met_once() -> None:
    before = [leak(f"open_{number}", callers=("handle",)) for number in range(5)]
    after = [*reversed(before[:3]), leak("open_new", callers=("handle",)), leak("open_other", kind="pipe")]
    found = pairs(before, after)
    assert sorted(p.before.key for p in found if p.before) == sorted(one.key for one in before)
    assert sorted(p.after.key for p in found if p.after) == sorted(one.key for one in after)
    assert [p.before.key == p.after.key for p in found[:3] if p.before and p.after] == [True] * 3


def test_findings_split_by_caller_meet_those_of_their_caller() -> None:
    one = leak(end="handle")
    other = replace(leak(end="reload"), callers=("reload", "main"))
    found = pairs([one, other], [replace(other, open=1), replace(one, open=2)])
    assert [(p.before, p.after.open if p.after else None) for p in found] == [(one, 2), (other, 1)]


def test_symbols_keep_what_people_wrote() -> None:
    written = [
        "open_log2",
        "std::vector<int>::at",
        "main.openConf",
        "uv__open_cloexec",
        "operator()",
        "f.part.a",
    ]
    assert [names.symbol(name) for name in written] == written
    assert all(a != b for a, b in pairwise(written))


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("/usr/lib/libssl.so.1.1", "libssl.so"),
        ("libc-2.31.so", "libc.so"),
        ("python3.11", "python"),
        ("x264", "x"),
        ("a.out", "a.out"),
        ("", ""),
    ],
)
def test_modules_lose_their_version(file: str, name: str) -> None:
    assert names.module(file) == name


def test_a_key_with_colons_in_its_program_is_understood() -> None:
    odd = leak(command="nginx: worker", module="nginx")
    assert names.place_of(odd) == "nginx!open_log"
    assert names.module_of(odd) == "nginx"
    assert names.details_of(leak(end="write end")) == ("write end",)
