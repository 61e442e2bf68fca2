"""Debug files from a server, and no network without one."""

from __future__ import annotations

import functools
import http.server
import shutil
import threading
import urllib.request
from pathlib import Path

import pytest

import fdtrace
from fdtrace.errors import BadArgument
from fdtrace.symbols.debuginfod import Servers
from fdtrace.symbols.elf import Elf
from tests.symbols.elf_maker import make

SPLIT = Path(__file__).parent.parent / "captures" / "strace-6.1-split"
BUILD = Elf(str(SPLIT / "bin" / "spool")).build_id


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        super().do_GET()


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A server on loopback whose files are in `served`; what it was asked for is in `asked`."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    served = tmp_path / "served"
    served.mkdir()
    own = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=served))
    own.asked = []
    own.served = served
    own.address = f"http://127.0.0.1:{own.server_port}"
    thread = threading.Thread(target=own.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield own
    own.shutdown()
    thread.join()
    own.server_close()


def publish(server, path=SPLIT / "spool.debug"):
    place = server.served / "buildid" / BUILD / "debuginfo"
    place.parent.mkdir(parents=True)
    shutil.copy(path, place)


def lines_of(case):
    return case.frames.source_line.notna().sum()


def test_the_debug_file_of_a_stripped_program_is_fetched_once(server):
    publish(server)

    for _ in range(2):
        case = fdtrace.load(
            SPLIT / "spool.strace.xz", symbols=[SPLIT / "bin"], debuginfod=[f"{server.address}/"]
        )
        assert lines_of(case) > 0
    assert server.asked == [f"/buildid/{BUILD}/debuginfo"]


def test_without_being_told_no_server_is_asked(server, monkeypatch):
    publish(server)
    monkeypatch.setenv("DEBUGINFOD_URLS", server.address)
    monkeypatch.setattr(urllib.request, "urlopen", lambda *_: pytest.fail("asked"))

    assert lines_of(fdtrace.load(SPLIT / "spool.strace.xz", symbols=[SPLIT / "bin"])) == 0
    assert server.asked == []


def test_the_servers_of_the_environment_when_told_so(server, monkeypatch):
    publish(server)
    monkeypatch.setenv("DEBUGINFOD_URLS", f"http://127.0.0.1:9 {server.address}")

    case = fdtrace.load(SPLIT / "spool.strace.xz", symbols=[SPLIT / "bin"], debuginfod=["env"])
    assert lines_of(case) > 0
    (remark,) = [one for one in case.symbols if "127.0.0.1:9:" in one]
    assert "not asked again" in remark


def test_a_server_that_has_nothing(server):
    case = fdtrace.load(SPLIT / "spool.strace.xz", symbols=[SPLIT / "bin"], debuginfod=[server.address])

    assert lines_of(case) == 0
    assert server.asked == [f"/buildid/{BUILD}/debuginfo"]


@pytest.mark.parametrize("what", ["another build", "no ELF"])
def test_what_a_server_sends_is_not_believed(server, tmp_path, what):
    make(tmp_path / "x", {"evil": (0x1000, 64)}, build_id="ff" * 10, debug=True)
    if what == "no ELF":
        (tmp_path / "x").write_text("<html>")
    publish(server, tmp_path / "x")

    servers = Servers([server.address])
    assert list(servers.files(BUILD, "debuginfo")) == []
    assert "is of another build" in servers.remarks[0]
    assert not list((tmp_path / "cache").rglob("debuginfo"))


def test_more_than_the_limit_is_not_taken(server, tmp_path, monkeypatch):
    monkeypatch.setattr("fdtrace.symbols.debuginfod.MOST_BYTES", 1000)
    publish(server)

    servers = Servers([server.address])
    assert list(servers.files(BUILD, "debuginfo")) == []
    assert "more than 1,000 bytes, not taken" in servers.remarks[0]


def test_only_build_ids_are_asked_for(server):
    assert list(Servers([server.address]).files("../../etc/passwd", "debuginfo")) == []
    assert server.asked == []


def test_the_environment_without_servers(monkeypatch):
    monkeypatch.delenv("DEBUGINFOD_URLS", raising=False)

    with pytest.raises(BadArgument, match=r"\$DEBUGINFOD_URLS names no server"):
        Servers(["env"])
