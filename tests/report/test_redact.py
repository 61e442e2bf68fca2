import dataclasses
import json
import re
import stat
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import fdtrace
from fdtrace import schema
from fdtrace.errors import BadArgument
from fdtrace.model import Coverage, Finding
from fdtrace.report import discreet
from fdtrace.report.pseudonyms import Pseudonyms, read_key
from fdtrace.report.redact import UNSEEN, Redactor
from fdtrace.report.redacted import Redacted
from fdtrace.report.report import Report
from tests.report.secret_captures import KEPT, SECRETS, write

TABLES = (
    "fds", "events", "processes", "tasks", "frames", "open_files", "sockets", "lws_objects", "lws_events",
    "sightings", "problems",
)  # fmt: skip
# Words of ours, and what the issue of a redacted report leaves: states, calls, symbols, versions, forms.
TELLING_NOTHING = set(
    """build_id callback certainty check closed_by device ended_by errno family group how kind last_callback
    lock mode opened_by outcome proto reader severity slot source stage state symbol syscall tids timer type
    via""".split()
)


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> fdtrace.Case:
    return fdtrace.load(*write(tmp_path_factory.mktemp("projekt-falke")))


@pytest.fixture(scope="module")
def redacted(secret: fdtrace.Case) -> Redacted:
    return secret.redacted()


def leaked(text: str) -> list[str]:
    return [f"{what}: {word}" for what, word in SECRETS.items() if word.lower() in text.lower()]


# -- nothing gets out ------------------------------------------------------------


def test_the_secrets_are_in_the_captures(secret: fdtrace.Case) -> None:
    whole = "".join(Path(file).read_text() + file for one in secret.coverage for file in one.files)
    assert leaked(whole) == [f"{what}: {word}" for what, word in SECRETS.items()]
    assert len(secret.problems) == 1
    assert len(secret.leaks()) >= 2


@pytest.mark.parametrize("form", ["to_markdown", "to_jira", "to_text", "to_html", "to_json"])
def test_no_report_has_a_secret(redacted: Redacted, form: str) -> None:
    text = getattr(redacted.report(), form)()
    assert leaked(text) == []
    assert "Redacted: " in text or form == "to_json"
    assert UNSEEN in " ".join(text.replace("&#39;", "'").split()) or form == "to_json"


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_no_file_for_programs_has_a_secret(redacted: Redacted, ending: str, tmp_path: Path) -> None:
    redacted.report().write(tmp_path / f"out{ending}")
    path = tmp_path / f"out{ending}"
    text = pd.read_parquet(path).to_csv() if ending == ".parquet" else path.read_text()
    assert leaked(text) == []
    assert "open_ledger" in text


@pytest.mark.parametrize("name", TABLES)
def test_no_table_has_a_secret(redacted: Redacted, name: str) -> None:
    assert leaked(getattr(redacted, name).to_csv()) == []


def test_no_answer_story_or_account_has_a_secret(redacted: Redacted) -> None:
    said = [redacted.check(), redacted.leaks(), redacted.coverage]
    said += [redacted.story(pid=4120, fd=11), redacted.story(pid=4121, fd=9)]
    texts = [
        *map(str, said),
        *map(repr, said),
        *(one._repr_html_() for one in said if hasattr(one, "_repr_html_")),
    ]
    texts += [repr(redacted.skipped), repr(redacted.unreadable), *redacted.account]
    assert leaked("\n".join(texts)) == []


@pytest.mark.parametrize("by", ["process", "site"])
def test_no_picture_has_a_secret(redacted: Redacted, by: Any) -> None:
    drawn = redacted.timeline(by=by)
    assert leaked(drawn.to_svg(interactive=True) + drawn._repr_html_()) == []
    assert leaked(drawn.to_perfetto() + drawn.to_folded() + str(drawn)) == []


def test_every_text_of_a_table_is_redacted_or_known_to_tell_nothing(redacted: Redacted) -> None:
    unknown = {
        f"{table.name}.{column.name}"
        for table in schema.TABLES.values()
        for column in table.columns
        if column.dtype in ("str", "category", "object")
        and table.name in TABLES
        and column.name not in TELLING_NOTHING
        and redacted._saying(table.name, column.name) is None
    }
    assert unknown == set()


@pytest.mark.parametrize("record", [Finding, Coverage])
def test_every_text_of_a_record_is_redacted_or_known_to_tell_nothing(record: Any, redacted: Redacted) -> None:
    secret = "/srv/falkendir/x"
    texts = {one.name for one in dataclasses.fields(record) if "str" in one.type} - TELLING_NOTHING
    texts -= {"clock", "remedy", "syscalls", "settled", "call_site", "callers"}  # our words, and symbols
    lists = {one.name for one in dataclasses.fields(record) if one.type.startswith("tuple[str")}
    given = {name: (secret,) if name in lists else secret for name in texts}
    filled = record(**{**_LEAST[record.__name__], **given})
    shown = redacted._finding(filled, {}) if record is Finding else redacted._coverage(filled)
    assert [name for name in texts if "falkendir" in str(getattr(shown, name))] == []


_LEAST: dict[str, dict[str, Any]] = {
    "Finding": {"key": "k", "check": "leak", "severity": "high", "title": "t", "capture": "c"},
    "Coverage": {"capture": "c", "kind": "strace"},
}


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("/home/bob/app.strace", "app.strace"),
        ("lsof-before_2.txt", "lsof-before_2.txt"),
        ("/x/acme-prod.strace.gz", "capture-1.strace.gz"),
        ("acme.txt (lsof)", "capture-1.txt (lsof)"),
        ("acme.txt:17)", "capture-1.txt:17)"),
    ],
)
def test_the_name_of_a_capture_stays_where_it_only_says_which_tool_wrote_it(name: str, shown: str) -> None:
    assert Redactor().capture(name) == shown


def test_owner_and_group_of_a_listing_are_replaced_and_root_stays() -> None:
    redactor = Redactor()
    line = "lrwx------ 1 bob acme 64 Nov 23 07:03 3 -> /srv/acme/a b.db"
    assert redactor.listed(line).startswith("lrwx------ 1 user-1 group-1 64 Nov 23 07:03 3 -> /srv/name-")
    assert redactor.listed("l-wx------. 1 root root 64 Nov 23 07:03 1 -> /dev/null").startswith(
        "l-wx------. 1 root root 64"
    )


def test_a_private_program_is_private_below_usr_too() -> None:
    redactor = Redactor()
    redactor.program("acmed")
    assert redactor.path("/usr/bin/acmed") == "/usr/bin/program-1"
    assert redactor.path("/usr/share/doc/bash") == "/usr/share/doc/bash"


def test_what_tells_nothing_about_anybody_stays(redacted: Redacted) -> None:
    text = redacted.report().to_html() + redacted.events.to_csv() + redacted.frames.to_csv()
    assert [word for word in KEPT if word not in text] == []


# -- the same is the same ----------------------------------------------------------


def test_an_address_has_one_name_in_every_table(redacted: Redacted) -> None:
    files, sockets, fds = redacted.open_files, redacted.sockets, redacted.fds
    name = set(fds.loc[fds["call_site"].notna() & (fds["kind"] == "tcp"), "peer"].str.removesuffix(":8443"))
    assert len(name) == 1
    assert name <= set(sockets["peer_addr"].dropna())
    assert set(files.loc[files["state"] == "CLOSE_WAIT", "peer"]) == {f"{next(iter(name))}:8443"}
    assert sockets["local_addr"].isin(name).any()  # printed as one mapped into IPv6
    kernel = sockets[sockets["file"] == "tcp"]
    assert set(kernel["peer_addr"]) == name


def test_quoted_lines_keep_their_form(redacted: Redacted) -> None:
    lines = {quote.text for found in redacted.check() for quote in found.evidence}
    opened = re.compile(
        r'openat\(AT_FDCWD, "(/home/user-1/name-\d+/name-\d+/name-\d+\.db)", O_RDONLY\) = \d+<\1> <0\.0001>'
    )
    assert any(opened.fullmatch(line) for line in lines)
    assert any(
        re.fullmatch(r"program-1 4120 user-1 10r REG 254,1 14 300 /home/user-1/.*\.db", line)
        for line in lines
    )
    assert any("<TCP:[ipv4-1:5000->ipv4-2:8443]>" in line for line in lines)


@pytest.mark.parametrize(
    ("spellings", "sort"),
    [
        (
            [
                "203.0.113.9",
                "::ffff:203.0.113.9",
                "[::ffff:203.0.113.9]",
                "097100CB:01BB",
                "::FFFF:cb00:7109",
            ],
            "ipv4",
        ),
        (["2001:db8::5", "2001:0DB8:0:0:0:0:0:5", "[2001:db8::5]", "2001:db8::0:5%eth0"], "ipv6"),
    ],
)
def test_every_spelling_of_an_address_has_the_same_name(spellings: list[str], sort: str) -> None:
    redactor = Redactor()
    for text in spellings:
        assert f"{sort}-1" in redactor.text(f"from {text} to")
    assert len(redactor.names.used) == 1


def test_an_address_with_its_port_behind_is_the_known_one() -> None:
    redactor = Redactor()
    redactor.host("2001:db8::5")
    assert redactor.text("tcp6 0 0 2001:db8::5:443 LISTEN") == "tcp6 0 0 ipv6-1:443 LISTEN"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/usr/lib/acme/x.so", "/usr/lib/acme/x.so"),
        ("/etc/passwd", "/etc/passwd"),
        ("/proc/41/fd/3", "/proc/41/fd/3"),
        ("/home/bob", "/home/user-1"),
        ("/home/bob/.ssh/id_acme", "/home/user-1/.ssh/name-1"),
        ("/Users/bob/Library/x.log", "/Users/user-1/Library/name-1.log"),
        ("/opt/acme/bin/python3", "/opt/name-1/bin/python3"),
        ("/srv/www/acme.conf (deleted)", "/srv/www/name-1.conf (deleted)"),
        ("/usr/local/acme/x", "/usr/local/name-1/name-2"),
        ("/dev/shm/acme", "/dev/shm/name-1"),
        ("/usr/lib/../../home/bob", "/usr/lib/../../home/name-1"),
        ("/data/*/7", "/data/*/7"),
        ("", ""),
    ],
)  # fmt: skip
def test_of_a_path_the_parts_of_the_system_stay(text: str, shown: str) -> None:
    assert Redactor().path(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("127.0.0.1:80 [::1]:80 0.0.0.0:22 *:53", "127.0.0.1:80 [::1]:80 0.0.0.0:22 *:53"),
        ("07:03:04 std::vector<int> 1.2.3", "07:03:04 std::vector<int> 1.2.3"),
        ("to 10.1.2.*", "to network-1.*"),
        ("db.acme.internal and ip-10-0-0-5", "host-1 and host-2"),
        ("https://u:p@acme.com/x?y=1 end", "url-1 end"),
        ("52:54:00:12:34:56", "mac-1"),
        ('sun_path=@"acme"', 'sun_path=@"socket-1"'),
        ("users @acme", "users @socket-1"),
        ("leak:nginx:tcp:libacme.so.2!connect_db", "leak:nginx:tcp:module-1.so.2!connect_db"),
    ],
)
def test_words_about_a_capture(text: str, shown: str) -> None:
    assert Redactor().text(text) == shown


def test_a_symbol_stays_even_if_somebody_is_called_like_it() -> None:
    redactor = Redactor()
    redactor.user("report")
    redactor.symbol("report")
    assert redactor.text("close what report opened") == "close what report opened"
    assert redactor.user("report") == "user-1"


def test_programs_that_many_use_keep_their_names() -> None:
    redactor = Redactor()
    names = ("nginx", "pyth", "nginx: worker process", "(sd-pam)", "acmed")
    assert [*map(redactor.program, names)] == ["nginx", "pyth", "nginx", "program-1", "program-2"]
    assert redactor.text("acmed (pid 4)") == "program-2 (pid 4)"


# -- the key -------------------------------------------------------------------------


def test_the_key_leads_back_and_is_used_again(secret: fdtrace.Case, tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    first = secret.redacted(path)
    text = first.report().to_markdown()
    first.keep_key()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    names = json.loads(path.read_text())["names"]
    assert "203.0.113.77" in names.values()
    again = secret.redacted(path)
    assert again.report().to_markdown() == text
    assert read_key(str(path)) == names
    assert Pseudonyms(names).of("ipv4", "9.9.9.9") not in names


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"fdtrace redaction key": 1, "names": {"x": "y"}}'])
def test_a_file_that_is_no_key_is_not_overwritten(tmp_path: Path, text: str) -> None:
    path = tmp_path / "other"
    path.write_text(text)
    with pytest.raises(BadArgument, match="is no key"):
        read_key(str(path))


# -- payload ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('read(3</a "b>, "GET /x", 64) = 6', 'read(3</a "b>, "… 6 bytes", 64) = 6'),
        ('read(3</a<b>, "GET>", 64) = 6', 'read(3</a<b>, "… 4 bytes", 64) = 6'),
        ('write(1, "a\\n\\1\\x41\\"b", 6) = 6 <0.1>', 'write(1, "… 6 bytes", 6) = 6 <0.1>'),
        ('<... read resumed>"abc"..., 3) = 3', '<... read resumed>"… 3 bytes"..., 3) = 3'),
        ('sendto(3, "cut off in the mid', 'sendto(3, "… 18 bytes"...'),
        ('recvfrom(3, "x", 9, 0, {sin_addr=inet_addr("1.2.3.4")}, [16]) = 1',
         'recvfrom(3, "… 1 byte", 9, 0, {sin_addr=inet_addr("1.2.3.4")}, [16]) = 1'),
        ('sendmsg(3, {msg_name={sun_path=@"b"}, msg_iov=[{iov_base="zz", iov_len=2}]}, 0) = 2',
         'sendmsg(3, {msg_name={sun_path=@"b"}, msg_iov=[{iov_base="… 2 bytes", iov_len=2}]}, 0) = 2'),
        ('openat(AT_FDCWD, "/a", O_RDONLY) = 3</a>', 'openat(AT_FDCWD, "/a", O_RDONLY) = 3</a>'),
        ('execve("/bin/x", ["x", "-p", "pw"], ["A=1", "B=2"]) = 0',
         'execve("/bin/x", [3 arguments], [2 variables]) = 0'),
        ('execve("/bin/x", ["x", "-p"...], 0x7f /* 20 vars */) = 0',
         'execve("/bin/x", [2 arguments], 0x7f /* 20 vars */) = 0'),
        ('execve("/bin/x", ["x", "secret', 'execve("/bin/x", [2 arguments]'),
        ('brand_new_call("zz") = 0', 'brand_new_call("… 2 bytes") = 0'),
        (' | 00000  47 45 54 20  GET  |', "| …"),
        ('read(3, "", 64) = 0', 'read(3, "", 64) = 0'),
    ],
)  # fmt: skip
def test_quoted_calls_are_without_payload(text: str, shown: str) -> None:
    said = discreet.call(text)
    assert said == shown
    assert "GET" not in said
    assert discreet.call(said) == said


def test_no_report_has_payload_or_arguments_unless_asked(secret: fdtrace.Case) -> None:
    plain = secret.report()
    for form in (plain.to_markdown, plain.to_jira, plain.to_text, plain.to_html, plain.to_json):
        assert not set(leaked(form())) & {
            f"{what}: {SECRETS[what]}" for what in ("argv", "variable", "payload", "answer", "header")
        }
    assert "kontostand-77" in secret.report(show_payload=True).to_markdown()


def test_payload_is_never_shown_in_a_redacted_report(redacted: Redacted) -> None:
    with pytest.raises(BadArgument, match="exclude each other"):
        Report(redacted, lambda *_: None, show_payload=True)
