"""What a fleet is asked, and the words of the answer."""

from __future__ import annotations

from typing import Any

from fdtrace.fleet import questions
from fdtrace.report.fleet import Done, Hidden, account, answer, said, what


def captures(*rows: tuple[str, str, str]) -> list[dict[str, Any]]:
    """Incidents by host, day and verdict."""
    made = []
    for number, (host, day, verdict) in enumerate(rows):
        outcome = "analysed" if verdict in ("leaks", "clean", "cannot_tell") else verdict
        row: dict[str, Any] = {
            "host": host,
            "day": day,
            "outcome": outcome,
            "incident": f"/c/{host}/{number}",
        }
        row |= {"analysis": str(number), "host_source": "directory name", "error": None}
        made.append(row | {"verdict": verdict if outcome == "analysed" else None})
    return made


def finding(of: dict[str, Any], **more: Any) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(questions.OF_FINDINGS)
    row |= {name: of[name] for name in ("host", "day", "incident", "analysis")}
    row |= {"key": "leak:app:file:app!open_it", "check": "leak", "severity": "high", "kind": "file"}
    return row | {"title": "4 of 4 files are never closed", "command": "app", "call_site": "open_it"} | more


FLEET = captures(
    ("a", "2026-11-01", "clean"),
    ("b", "2026-11-02", "cannot_tell"),
    ("a", "2026-11-03", "leaks"),
    ("c", "2026-11-04", "leaks"),
    ("d", "2026-11-04", "killed"),
    ("d", "2026-11-05", "no_capture"),
    ("e", "2026-11-05", "clean"),
)
FOUND = [
    finding(FLEET[2], growth_per_s=1.0, open=10, version="2.0", target="/srv/a"),
    finding(FLEET[3], growth_per_s=3.0, open=30, version="2.1", target="/srv/c"),
    finding(FLEET[3], growth_per_s=1.0, open=10, version="2.1", target="/srv/c"),
]


def test_a_fault_is_counted_by_hosts_of_those_that_could_show_it() -> None:
    (site,) = questions.sites(FLEET, FOUND)
    assert (site.hosts, site.of_hosts, site.captures, site.of_captures) == (2, 3, 2, 4)
    assert (site.since_day, site.until_day, site.before) == ("2026-11-03", "2026-11-04", 1)
    assert (site.since_version, site.versions) == ("2.0", ("2.0", "2.1"))
    assert (site.growth_median_per_s, site.growth_max_per_s) == (2.5, 4.0)
    assert (site.open, site.open_max, site.worst, site.worst_host) == (50, 40, "/c/c/3", "c")
    assert site.what == "files never closed"


def test_what_cannot_tell_or_was_not_read_is_no_witness() -> None:
    summary = questions.summary(FLEET)
    assert (summary.captures, summary.judged, summary.blind, summary.hosts) == (6, 4, 1, 3)
    assert (summary.leaking, summary.leaking_hosts) == (2, 2)
    assert (summary.first_day, summary.last_day) == ("2026-11-01", "2026-11-05")
    assert summary.outcomes == {"analysed": 5, "killed": 1, "no_capture": 1}


def test_severity_goes_before_leaks_and_those_before_hosts() -> None:
    rows = [
        finding(FLEET[2], key="low", severity="low"),
        *(finding(FLEET[place], key="wide") for place in (2, 3)),
        finding(FLEET[2], key="fast", growth_per_s=9.0),
        finding(FLEET[2], key="slow", growth_per_s=1.0),
        *(finding(FLEET[place], key="other", check="double_close") for place in (0, 2, 3)),
    ]
    assert [site.key for site in questions.sites(FLEET, rows)] == ["wide", "fast", "slow", "other", "low"]


def test_what_nothing_tells_is_absent() -> None:
    blank = captures(("a", "2026-11-01", "leaks"))
    blank[0] |= {"day": None}
    (site,) = questions.sites(blank, [finding(blank[0])])
    assert (site.since_day, site.before, site.growth_max_per_s, site.open) == (None, 0, None, None)
    assert "seen        in 1 of 1 capture\n" in answer(questions.summary(blank), [site])


def test_the_answer_comes_first_and_then_its_proof() -> None:
    text = answer(questions.summary(FLEET), questions.sites(FLEET, FOUND))
    assert text == (
        "1 call site leaks on 2 of 3 hosts (4 captures from 2026-11-01 to 2026-11-05); the most common one\n"
        "since 2026-11-03, version 2.0.\n"
        "\n"
        f"  HIGH    app: files never closed{' ' * 55}2 of 3 hosts\n"
        "          opened by   open_it\n"
        "          seen        in 2 of 4 captures, since 2026-11-03, version 2.0; none of 1 capture before\n"
        "                      shows it; versions 2.0 and 2.1\n"
        "          growth      +2.5/s (median), +4/s at most\n"
        "          worst       c, 2026-11-04: 40 open — /c/c/3\n"
        "\n"
        "Cannot tell: 1 capture could not have shown the closes (fdtrace doctor says why).\n"
        "Not judged: 1 capture at which the worker was killed.\n"
        "Passed over: 1 directory or file without a capture that fdtrace knows.\n"
        "Hosts are told by: directory name (6).\n"
    )


def test_nothing_found_is_a_sentence_and_says_of_how_many() -> None:
    clean = captures(("a", "2026-11-01", "clean"), ("b", "2026-11-01", "clean"))
    assert answer(questions.summary(clean), []).startswith(
        "No leak found on 2 hosts (2 captures of 2026-11-01).\n"
    )
    blind = captures(("a", "2026-11-01", "cannot_tell"))
    assert answer(questions.summary(blind), []).startswith(
        "Cannot tell whether anything leaks: none of 1 capture "
    )
    assert answer(questions.summary([]), []) == "No capture was analysed: nothing to judge.\n"


def test_more_than_fit_are_counted() -> None:
    rows = [finding(FLEET[2], key=f"leak:{number}") for number in range(25)]
    sites = questions.sites(FLEET, rows)
    assert "… and 5 more call sites: --limit 25 shows them" in answer(questions.summary(FLEET), sites)
    assert "more call sites" not in answer(questions.summary(FLEET), sites, limit=25)


def test_hostile_names_are_shown_and_not_obeyed() -> None:
    rows = [finding(FLEET[2], command="\x1b[31mapp", call_site="a\nb", incident="/c/\u202ex")]
    text = answer(questions.summary(FLEET), questions.sites(FLEET, rows))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\\x1b[31mapp" in text


def test_the_words_of_other_checks_are_those_of_their_findings() -> None:
    assert what("double_close", "file", None, "a number is closed twice") == "a number is closed twice"
    assert what("leak", "tcp", "to 10.0.0.1:80", "…") == "TCP sockets to 10.0.0.1:80 never closed"
    assert what("leak", "dir", "/srv", "…") == "directories (/srv) never closed"


def test_how_far_it_is() -> None:
    assert said(Done(1200, 40, 14, 2), 100.0) == (
        "scanning: 1,242 captures, 40 unchanged, 14 with leaks, 2 not judged, 12.0/s"
    )
    assert list(account(Done(500, 3, 9, 1), 2, 20.0)) == [
        "500 captures analysed in 20 s (25.0/s), 3 unchanged, 1 without an answer",
        "2 captures of earlier scans not among these inputs: kept"
        " (--prune removes those whose files are gone)",
    ]


def test_pseudonyms_are_the_same_in_all_of_the_answer() -> None:
    rows = [
        finding(
            FLEET[2], key="leak:ledgerd:1", command="ledgerd", target="/srv/clients/acme", host="secret-host"
        ),
        finding(
            FLEET[3],
            key="leak:ledgerd:2",
            command="ledgerd",
            target="/srv/clients/acme/x",
            host="secret-host",
        ),
    ]
    for row in rows:
        row["incident"] = "/captures/secret-host/app"
        row["evidence"] = [{"file": "/captures/secret-host/x", "line": 3, "text": 'read(3, "password")'}]
    hidden = Hidden()
    sites = hidden.sites(questions.sites(FLEET, rows))
    text = answer(hidden.summary(questions.summary(FLEET)), sites) + repr(sites)
    for secret in ("ledgerd", "secret-host", "acme", "clients", "password"):
        assert secret not in text
    assert {site.worst_host for site in sites} == {"host-1"}
    assert {site.command for site in sites} == {"program-1"}
    assert hidden.finish()[0].startswith("Redacted: ")
