"""Small ELF files made to measure: code at an address, names, a build id, a link to a debug file."""

from __future__ import annotations

import struct
from pathlib import Path

CODE_AT = 0x1000
CALL = b"\x90\x90\x90\xe8\0\0\0\0"
"""Eight bytes that end in a call."""


def make(
    path: Path,
    functions: dict[str, tuple[int, int]],
    *,
    code: bytes = b"",
    shift: int = 0,
    build_id: str = "",
    link: tuple[str, bytes] | None = None,
    exported: bool = False,
    debug: bool = False,
) -> Path:
    """Writes a file whose `functions` are at (address, length).

    `code` is at CODE_AT of the file, and loaded `shift` bytes further; `exported` puts the
    names into `.dynsym`, as a stripped library has them. A `debug` file has no code.
    """
    strings = b"\0" + b"".join(name.encode() + b"\0" for name in functions)
    symbols = bytes(24)
    for name, (address, size) in functions.items():
        at = strings.index(b"\0" + name.encode() + b"\0") + 1
        symbols += struct.pack("<IBBHQQ", at, 0x12, 0, 1, address, size)
    note = b""
    if build_id:
        raw = bytes.fromhex(build_id)
        note = struct.pack("<III", 4, len(raw), 3) + b"GNU\0" + raw
    linked = b""
    if link is not None:
        name_of = link[0].encode() + b"\0"
        linked = name_of + bytes(-len(name_of) % 4) + link[1][::-1]
    text = code or b"\x90" * 64
    parts = [
        (".text", 8 if debug else 1, 6, CODE_AT + shift, text, 0),
        (".dynsym" if exported else ".symtab", 11 if exported else 2, 0, 0, symbols, 3),
        (".strtab", 3, 0, 0, strings, 0),
        (".note.gnu.build-id", 7, 0, 0, note, 0),
        (".gnu_debuglink", 1, 0, 0, linked, 0),
    ]
    names = b"\0" + b"".join(part[0].encode() + b"\0" for part in parts) + b".shstrtab\0"
    parts.append((".shstrtab", 3, 0, 0, names, 0))
    body, headers, at = bytearray(text), [bytes(64)], CODE_AT
    for name, kind, flags, address, contents, to in parts:
        place = CODE_AT if name == ".text" else CODE_AT + len(body)
        if name != ".text":
            body += contents
        where = names.index(b"\0" + name.encode() + b"\0") + 1
        headers.append(
            struct.pack("<IIQQQQIIQQ", where, kind, flags, address, place, len(contents), to, 0, 1, 0)
        )
    sections_at = at + len(body)
    head = b"\x7fELF\x02\x01\x01" + bytes(9)
    head += struct.pack(
        "<HHIQQQIHHHHHH", 3, 62, 1, 0, 64, sections_at, 0, 64, 56, 1, 64, len(headers), len(headers) - 1
    )
    head += struct.pack(
        "<IIQQQQQQ", 1, 5, CODE_AT, CODE_AT + shift, 0, 0 if debug else len(text), len(text), 0x1000
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(head + bytes(CODE_AT - len(head)) + bytes(body) + b"".join(headers))
    return path
