"""Captures from a web server and from an object store, and a result in one."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import fdtrace
from fdtrace.errors import BadArgument, DamagedInput
from fdtrace.fleet import work
from fdtrace.fleet.inputs import incidents
from fdtrace.readers import remote
from tests.fleet import small

fsspec = pytest.importorskip("fsspec")
pytest.importorskip("aiohttp")


class Server(http.server.SimpleHTTPRequestHandler):
    """Serves files; what is called `cut` breaks off, `secret` is forbidden."""

    def log_message(self, *arguments: Any) -> None:
        pass

    def do_GET(self) -> None:
        if "cut" in self.path and not self.path.endswith("/"):
            text = Path(self.translate_path(self.path)).read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text[: len(text) // 2])
            self.close_connection = True
        elif "secret" in self.path and not self.path.endswith("/"):
            self.send_error(403)
        else:
            super().do_GET()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """The URL of a directory `www`."""
    (tmp_path / "www").mkdir()
    handler = partial(Server, directory=str(tmp_path / "www"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def bucket() -> Iterator[str]:
    """A place in the memory of this process."""
    system = fsspec.filesystem("memory")
    yield "memory://fleet-tests"
    if system.exists("/fleet-tests"):
        system.rm("/fleet-tests", recursive=True)


@pytest.fixture
def threads() -> Iterator[Executor]:
    with ThreadPoolExecutor(2) as executor:
        yield executor


def test_one_capture_at_a_url_is_read_by_any_command(tmp_path: Path, site: str) -> None:
    small.put(tmp_path / "www", small.trace(True), "app.strace.gz")
    case = fdtrace.load(f"{site}/app.strace.gz")
    (finding,) = case.leaks()
    assert (finding.open, finding.severity) == (40, "high")
    assert finding.evidence[0].file == f"{site}/app.strace.gz"
    assert len(case.fds) > 40
    with pytest.raises(DamagedInput, match="is not there"):
        fdtrace.load(f"{site}/none.strace")


def test_what_came_before_the_connection_broke_is_used(tmp_path: Path, site: str) -> None:
    small.put(tmp_path / "www", small.trace(True, rounds=4000), "cut.strace")
    case = fdtrace.load(f"{site}/cut.strace")
    assert len(case.leaks())
    assert "cannot be fetched" in str(case.unreadable[0])


def test_a_fleet_on_a_web_server(tmp_path: Path, site: str, threads: Executor) -> None:
    # GIVEN hosts that leak and hosts that do not, a broken connection, a file that is forbidden
    small.hosts(tmp_path / "www", 4, (1, 2))
    small.put(tmp_path / "www" / "web-1", "Netid State\n", "ss.txt")
    small.put(tmp_path / "www" / "host-cut", small.trace(True, rounds=4000))
    small.put(tmp_path / "www" / "host-secret", small.trace(True))
    names = [f"{site}/", f"{site}/none.strace", "http://127.0.0.1:1/app.strace"]
    # WHEN
    fleet = fdtrace.scan(names, result=tmp_path / "out", executor=threads)
    # THEN
    rows = fleet.captures.set_index("incident")
    assert sorted(rows.query("verdict == 'leaks'")["host"]) == ["web-1", "web-2"]
    assert dict(rows["outcome"]) == {
        **{f"{site}/web-{number}": "analysed" for number in range(4)},
        **dict.fromkeys((f"{site}/host-cut", f"{site}/host-secret", *names[1:]), "unreachable"),
    }
    assert "403" in rows.loc[f"{site}/host-secret", "error"]
    assert "connect" in rows.loc[names[2], "error"].lower()
    files = [quote["file"] for quotes in fleet.findings["evidence"] for quote in quotes]
    assert set(files) == {f"{site}/web-1/app.strace", f"{site}/web-2/app.strace"}
    # WHEN again, with one changed: what failed is tried again, what has not changed is not fetched
    small.put(tmp_path / "www" / "web-3", small.trace(True, rounds=60))
    again = fdtrace.scan(names, result=tmp_path / "out", executor=threads)
    assert (again.done.analysed, again.done.unchanged, again.done.failed) == (1, 3, 4)
    assert sorted(again.captures.query("verdict == 'leaks'")["host"]) == ["web-1", "web-2", "web-3"]


def test_a_fleet_in_a_bucket_and_its_result_as_well(tmp_path: Path, bucket: str, threads: Executor) -> None:
    system = fsspec.filesystem("memory")
    small.hosts(tmp_path / "in", 4, (3,))
    system.put(str(tmp_path / "in"), "/fleet-tests/in", recursive=True)
    for analysed, unchanged in ((4, 0), (0, 4)):
        fleet = fdtrace.scan(f"{bucket}/in", result=f"{bucket}/out", executor=threads)
        assert (fleet.done.analysed, fleet.done.unchanged) == (analysed, unchanged)
    assert list(fleet.captures.query("verdict == 'leaks'")["host"]) == ["web-3"]
    assert [site.hosts for site in fleet.ranked if site.serious] == [1]
    assert len(system.glob("/fleet-tests/out/captures/day=*/host=*/*.parquet")) == 4
    # WHEN one has changed and one is gone
    system.pipe_file("/fleet-tests/in/web-3/app.strace", small.trace(False).encode())
    system.rm("/fleet-tests/in/web-0", recursive=True)
    fleet = fdtrace.scan(f"{bucket}/in", result=f"{bucket}/out", executor=threads, prune=True)
    assert (fleet.done.analysed, fleet.done.unchanged, len(fleet.captures)) == (1, 2, 3)
    assert not fleet.captures["verdict"].eq("leaks").any()
    # THEN a glob finds the same
    assert [one.name.rpartition("/in/")[2] for one in incidents([f"{bucket}/in/*/app.strace"])] == [
        f"web-{number}/app.strace" for number in (1, 2, 3)
    ]


def test_a_copy_has_a_limit(
    tmp_path: Path, site: str, threads: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "LARGEST_COPY", 1000)
    small.put(tmp_path / "www" / "web", small.trace(True))
    fleet = fdtrace.scan(f"{site}/", result=tmp_path / "out", executor=threads)
    (row,) = fleet.captures.itertuples()
    assert (row.outcome, "is larger than" in row.error) == ("unreachable", True)


def test_a_copy_never_leaves_its_directory() -> None:
    for url in (
        "http://h/a/../../etc/passwd",
        "http://h/a/..",
        "http://h/a/%2e%2e/x",
        "http://h/a//etc/x?q=../..",
    ):
        name = work._local_name(url, "http://h/a/")
        assert not name.startswith("/")
        assert ".." not in name.split("/")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://user:word@h:80/a?b=c", "http://h:80/a?b=c"),
        ("https://h/a?X-Amz-Signature=0123&x=1&sig=4", "https://h/a?X-Amz-Signature=…&x=1&sig=…"),
        ("s3://bucket/key", "s3://bucket/key"),
        ("http://h/path@2/x", "http://h/path@2/x"),
    ],
)
def test_no_password_is_written_down(url: str, shown: str) -> None:
    assert remote.public(url) == shown


def test_a_url_of_no_known_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadArgument, match="nosuch"):
        fdtrace.scan("nosuch://bucket/captures", result=tmp_path / "out")
    with pytest.raises(BadArgument, match="nosuch"):
        fdtrace.load("nosuch://bucket/app.strace")


def test_a_name_with_a_colon_is_no_url() -> None:
    assert not remote.is_url("captures/12:40//x")
    assert not remote.is_url("C:/captures")
    assert remote.is_url("http://x")
