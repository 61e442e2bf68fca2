"""Members of tar and zip archives as inputs."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fdtrace.errors import DamagedInput, FdtraceError, UnknownFormat
from fdtrace.readers.archive import members
from fdtrace.readers.bundle import Gathered, gather
from fdtrace.readers.portions import Limits
from fdtrace.readers.text import Source, open_source

TRACE = b'7 execve("/bin/sh", ["sh"], 0x7ffd /* 35 vars */) = 0\n7 close(3) = 0\n' * 40
LSOF = b"COMMAND PID USER FD TYPE DEVICE SIZE/OFF NODE NAME\nsh 1 root 3r REG 254,0 1 2 /etc/passwd\n"
NETSTAT = b"Active Internet connections (w/o servers)\ntcp  0  0 127.0.0.1:5  127.0.0.1:6  ESTABLISHED 7/sh\n"
NOTES = b"What I did next was this.\n" * 50

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "tar": bytes,
    "tar.gz": gzip.compress,
    "tar.bz2": bz2.compress,
    "tar.xz": lzma.compress,
}


def tar(files: dict[str, bytes], *special: tarfile.TarInfo, form: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime = len(data), 1_795_000_000
            archive.addfile(entry, io.BytesIO(data))
        for entry in special:
            archive.addfile(entry)
    return out.getvalue()


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, target
    return entry


def put(folder: Path, data: bytes, name: str = "case.bin") -> str:
    (folder / name).write_bytes(data)
    return str(folder / name)


def shown(gathered: Gathered) -> list[tuple[str, str]]:
    """The names of the captures behind that of the archive, and their kinds."""
    return [(capture.name.partition(".bin:")[2], capture.kind) for capture in gathered.captures]


def reasons(gathered: Gathered) -> dict[str, str]:
    return {name.partition(".bin:")[2]: reason for name, reason in gathered.skipped}


def whole(source: Source) -> bytes:
    return b"".join(source.blocks())


def all_of(source: Source, limits: Limits) -> list[Source]:
    """Every member that is read before a limit or damage ends it."""
    return [
        member.keep() for member in members(source, source.archive, lambda _: "", lambda *_: None, limits)
    ]


@pytest.mark.parametrize("packer", PACKERS)
def test_the_members_of_a_tar_are_captures_by_name_order(tmp_path: Path, packer: str) -> None:
    # GIVEN an archive of two hosts, compressed or not, whatever its name
    files = {"host2/lsof.txt": LSOF, "host1/app.strace": TRACE, "host1/net/netstat.txt": NETSTAT}
    path = put(tmp_path, PACKERS[packer](tar(files)))
    # WHEN
    gathered = gather([path])
    # THEN each member is a capture, with its own text, time and directory
    assert gathered.unreadable == ()
    assert shown(gathered) == [
        ("host1/app.strace", "strace"),
        ("host1/net/netstat.txt", "netstat"),
        ("host2/lsof.txt", "lsof"),
    ]
    for capture in gathered.captures:
        (source,) = capture.sources
        assert whole(source) == files[source.within]
        assert source.modified_ns == 1_795_000_000 * 10**9
        assert source.folder == str(tmp_path / "case.bin" / Path(source.within).parent)
        assert source.lines_at([0])[0] == files[source.within].splitlines()[0]


def test_the_members_of_a_zip_are_captures(tmp_path: Path) -> None:
    path = put(tmp_path, zipped({"a/lsof.txt": LSOF, "a/app.strace.gz": gzip.compress(TRACE)}))
    gathered = gather([path])
    assert shown(gathered) == [("a/app.strace.gz", "strace"), ("a/lsof.txt", "lsof")]
    assert whole(gathered.captures[0].sources[0]) == TRACE


def test_a_family_in_an_archive_is_one_capture(tmp_path: Path) -> None:
    # GIVEN the files of strace -ff, one of them empty, from two hosts
    lines = b"close(3) = 0\n" * 5
    files = {"a/t.100": lines, "a/t.101": b"", "b/t.100": lines}
    # WHEN / THEN
    gathered = gather([put(tmp_path, tar(files))])
    assert [capture.tids for capture in gathered.captures] == [(100, 101), (100,)]


def test_an_archive_on_standard_input_is_one_too(monkeypatch: pytest.MonkeyPatch) -> None:
    for data in (tar({"lsof.txt": LSOF}), gzip.compress(tar({"lsof.txt": LSOF})), zipped({"lsof.txt": LSOF})):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
        (capture,) = gather(["-"]).captures
        assert (capture.name, capture.kind, whole(capture.sources[0])) == ("stdin:lsof.txt", "lsof", LSOF)


def test_an_archive_in_a_directory_is_opened_beside_its_files(tmp_path: Path) -> None:
    put(tmp_path, tar({"lsof.txt": LSOF}))
    put(tmp_path, TRACE, "app.strace")
    assert [capture.kind for capture in gather([str(tmp_path)]).captures] == ["strace", "lsof"]


def test_what_is_no_capture_is_left_with_its_reason(tmp_path: Path) -> None:
    # GIVEN an archive with everything that is not read
    data = tar(
        {
            "lsof.txt": LSOF,
            "notes.txt": NOTES,
            "app.c": b"int main() {}\n",
            "core": b"\x7fELF" + b"\0" * 99,
            ".hidden/lsof.txt": LSOF,
            "nothing.txt": b"",
            "../../etc/passwd": LSOF,
            "/absolute": LSOF,
            "inner.tar.gz": gzip.compress(tar({"lsof.txt": LSOF})),
        },
        special("soft", tarfile.SYMTYPE, "/etc/passwd"),
        special("hard", tarfile.LNKTYPE, "lsof.txt"),
        special("null", tarfile.CHRTYPE),
        special("pipe", tarfile.FIFOTYPE),
    )
    # WHEN
    gathered = gather([put(tmp_path, data)])
    # THEN
    assert shown(gathered) == [("lsof.txt", "lsof")]
    assert gathered.unreadable == ()
    told = reasons(gathered)
    assert "is not a capture" in told.pop("notes.txt")
    assert "by its name" in told.pop("app.c")
    assert "ELF" in told.pop("core")
    assert told == {
        ".hidden/lsof.txt": "hidden file",
        "nothing.txt": "is empty",
        "../../etc/passwd": "name that leads out of the archive",
        "/absolute": "name that leads out of the archive",
        "inner.tar.gz": "an archive in an archive: unpack it and name what is in it",
        "soft": "link in an archive: not followed",
        "hard": "link in an archive: not followed",
        "null": "device or pipe in an archive",
        "pipe": "device or pipe in an archive",
    }


def test_a_sosreport_is_searched_where_it_lists_descriptors(tmp_path: Path) -> None:
    # GIVEN the layout of a sosreport, with traces of the tools in unlikely places
    root = "sosreport-web1-2026-11-23-abcdefg"
    files = {
        f"{root}/sos_commands/process/lsof_M_-n_-l_-c": LSOF,
        f"{root}/sos_commands/networking/netstat_-W_-neopa": NETSTAT,
        f"{root}/proc/net/tcp": b"  sl  local_address rem_address   st\n"
        b"   0: 0100007F:8581 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 288621\n",
        f"{root}/sos_commands/block/lsblk": NETSTAT,
    } | {f"{root}/etc/conf.d/{n}": NOTES for n in range(30)}
    # WHEN
    gathered = gather([put(tmp_path, lzma.compress(tar(files)))])
    # THEN the rest is told in one row
    assert [kind for _, kind in shown(gathered)] == ["procfs", "netstat", "lsof"]
    assert [reason for _, reason in gathered.skipped] == [
        "31 files: a part of a sosreport that does not list descriptors"
    ]


def test_names_are_shown_escaped_and_short(tmp_path: Path) -> None:
    # GIVEN names with a newline, colours, a change of direction, a broken byte, and 10,000 letters
    names = ["a\nb\x1b[31m", "right\u202eleft", "byte\udcff", "x" * 10_000]
    gathered = gather([put(tmp_path, tar(dict.fromkeys(names, LSOF)))])
    # WHEN / THEN
    told = sorted(name for name, _ in shown(gathered))
    assert told[:3] == ["a\\x0ab\\x1b[31m", "byte\\xff", "right\\u202eleft"]
    assert len(told[3]) < 400


@pytest.mark.parametrize("packer", ["tar", "tar.gz"])
def test_of_a_cut_archive_is_kept_what_could_be_read(tmp_path: Path, packer: str) -> None:
    # GIVEN an archive that ends within its last member
    noise = b"".join(b"%d close(%d) = 0\n" % (n, n * n) for n in range(20_000))
    data = PACKERS[packer](tar({"a.txt": LSOF, "b.strace": noise}))
    gathered = gather([put(tmp_path, data[: len(data) * 2 // 3])])
    # WHEN / THEN
    assert [name for name, _ in shown(gathered)] == ["a.txt", "b.strace"]
    (error,) = gathered.unreadable
    assert isinstance(error, DamagedInput)
    text = b""
    with contextlib.suppress(DamagedInput):
        for block in gathered.captures[1].sources[0].blocks():
            text += block
    assert len(text) > 10_000
    assert noise.startswith(text)


def test_a_broken_header_is_told(tmp_path: Path) -> None:
    data = bytearray(tar({"a.txt": LSOF, "b.txt": LSOF}))
    data[1024 + 10] ^= 0xFF
    gathered = gather([put(tmp_path, bytes(data))])
    assert shown(gathered) == [("a.txt", "lsof")]
    assert "broken or cut" in str(gathered.unreadable[0])


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    # GIVEN a zip whose members say that they are encrypted
    data = zipped({"lsof.txt": LSOF})
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.index(mark) + flags
        data = data[:at] + b"\x01" + data[at + 1 :]
    gathered = gather([put(tmp_path, data)])
    # WHEN / THEN
    assert "is encrypted" in reasons(gathered)["lsof.txt"]
    (error,) = gathered.unreadable
    assert isinstance(error, UnknownFormat)
    assert "none of its 1 members is a capture" in str(error)


def test_a_link_in_a_zip_is_not_followed(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        entry = zipfile.ZipInfo("link")
        entry.external_attr = 0o120777 << 16
        archive.writestr(entry, "/etc/passwd")
    assert "link" in reasons(gather([put(tmp_path, out.getvalue())]))["link"]


@pytest.mark.parametrize("pack", [lambda files: gzip.compress(tar(files)), zipped], ids=["tar.gz", "zip"])
def test_a_bomb_is_not_unpacked(tmp_path: Path, pack: Callable[[dict[str, bytes]], bytes]) -> None:
    # GIVEN 20 MB of zeros in a few kilobytes, behind a capture
    source = open_source(put(tmp_path, pack({"lsof.txt": LSOF, "zeros": b"0" * 20_000_000, "more": LSOF})))
    # WHEN / THEN it ends where the limits say
    with pytest.raises(DamagedInput, match="unpacks to more than 10 times its size"):
        all_of(source, Limits(free=1 << 20, ratio=10))
    with pytest.raises(DamagedInput, match="unpacks to more than 1,000,000 bytes"):
        all_of(source, Limits(unpacked=1_000_000))


def test_members_are_counted(tmp_path: Path) -> None:
    source = open_source(put(tmp_path, gzip.compress(tar({f"{n}": b"" for n in range(300)}))))
    with pytest.raises(DamagedInput, match="more than 200 members"):
        all_of(source, Limits(members=200))


def test_a_header_that_asks_for_much_memory_is_refused(tmp_path: Path) -> None:
    # GIVEN a pax header of 40 MB, well compressed
    header = tarfile.TarInfo("pax")
    header.type, header.size = tarfile.XHDTYPE, 40_000_000
    data = tar({"lsof.txt": LSOF})[: 512 * 2] + header.tobuf(tarfile.USTAR_FORMAT) + b"\0" * 40_000_000
    gathered = gather([put(tmp_path, gzip.compress(data))])
    # WHEN / THEN
    assert shown(gathered) == [("lsof.txt", "lsof")]
    assert "a header of 40,000,000 bytes" in str(gathered.unreadable[0])


def test_an_empty_archive_is_an_error(tmp_path: Path) -> None:
    assert "is an empty archive" in str(gather([put(tmp_path, zipped({}))]).unreadable[0])


SOME_FILES = {"a/lsof.txt": LSOF, "b.strace": TRACE, "n": NOTES}


@given(
    pack=st.sampled_from([tar, zipped, lambda files: gzip.compress(tar(files))]),
    where=st.floats(0, 1),
    rubbish=st.binary(max_size=40),
    keep=st.booleans(),
)
def test_damage_never_raises(
    tmp_path_factory: pytest.TempPathFactory,
    pack: Callable[[dict[str, bytes]], bytes],
    where: float,
    rubbish: bytes,
    keep: bool,
) -> None:
    # GIVEN an archive with a hole, a piece of rubbish, or an early end
    data = pack(SOME_FILES)
    at = int(where * len(data))
    data = data[:at] + rubbish + (data[at + len(rubbish) :] if keep else b"")
    # WHEN / THEN whatever comes out of it can be read or is a known error
    for capture in gather([put(tmp_path_factory.mktemp("damaged"), data)]).captures:
        with contextlib.suppress(FdtraceError):
            whole(capture.sources[0])
