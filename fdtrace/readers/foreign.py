"""What is not strace: the marks of other captures, look-alikes and foreign files.

The marks of a kind that has a reader are in the reader's module; here are those
of what no version will read. All of it is for :mod:`fdtrace.readers.sniff`.
"""

from __future__ import annotations

import functools
import re

from fdtrace.readers import reader_of

LOOK_ALIKES: tuple[tuple[str, re.Pattern[bytes]], ...] = (
    (
        "ltrace",
        re.compile(
            rb"^.*(?:\+\+\+ exited \(status \d+\) \+\+\+|\) *= <void>|<no return \.\.\.>)"
            rb"|^[\s\d.:\[\]pid]*(?:SYS_\w+|[\w.+-]+->\w+|\w+@[\w.+-]+|_[A-Z]\w+|[a-z]\w*(?:\.\w+)+)\("
        ),
    ),
    ("perf trace", re.compile(rb"^\s*(?:\d+\.\d+|\?) \(\s*(?:\d+\.\d+ ms)?\s*\): ")),
    ("gVisor", re.compile(rb".*\bstrace\.go:\d+\]")),
    ("strace -c", re.compile(rb"^\s*% time\s+seconds|^\s*[ -]{30,}$|^\s*\d+\.\d+ +\d+\.\d+ +\d+ +\d+ .*\w$")),
    ("truss", re.compile(rb".*\)\s*(?:= -?\d+ \(0x[0-9a-f]+\)|ERR#\d+ '.*|Err#\d+ \w+)\s*$")),
    ("dtruss", re.compile(rb".*\)\t+ = -?\w+ (?:-?\d+|Err#-?\d+)\s*$|^SYSCALL\(args\)")),
    ("ftrace", re.compile(rb"^# tracer: |^\s*\S.*-\d+ +\[\d{3}\] .*: sys_\w+")),
    ("audit", re.compile(rb"^(?:node=\S+ )?type=[A-Z_]+ msg=audit\(")),
    ("sysdig", re.compile(rb"^\d+ \d\d:\d\d:\d\d\.\d{9} \d+ \S+ \(\d+(?:\.\d+)?\) [<>] \w+")),
    (
        "Windows netstat",
        re.compile(
            rb"^\s*Active Connections\s*$|^\s*Proto\s+Local Address\s+Foreign Address\s+State\s*(?:PID)?\s*$"
            rb"|^\s+(?:TCP|UDP)\s+\S+:\d+\s+\S+:[\d*]+(?:\s+[A-Z_]{6,12}\w*)?(?:\s+\d+)?\s*$"
        ),
    ),
    ("bpf tool", re.compile(rb"^\s*(?:TIME\S*\s+)?(?:UID\s+)?PID\s+COMM\s+FD\s+ERR")),
)

# A line that has the form of more than one kind is of the first of them: the strictest forms come first.
_ORDER = ("lws", "ss", "netstat", "procfs", "lsof")

_NEARLY_STRACE = tuple(pair for pair in LOOK_ALIKES if pair[0] in ("ltrace", "truss", "dtruss"))

_RECORD = "record with: strace -f -tt -T -yy -k -o FILE COMMAND"

ADVICE: dict[str, str] = {
    "ltrace": "looks like ltrace output: calls of libraries, which do not show what the kernel did"
    f" with descriptors; {_RECORD}",
    "perf trace": "looks like perf trace output, which fdtrace does not read: it does not show every"
    f" argument and result; {_RECORD}",
    "gVisor": "looks like the log of gVisor's own call tracer (strace.go), which is not strace output;"
    f" outside the sandbox, {_RECORD}",
    "strace -c": "looks like the summary table of strace -c: the calls are counted, they are not in it;"
    f" {_RECORD} (without -c; -C gives both)",
    "truss": "looks like truss output (BSD, Solaris), which fdtrace does not read; on Linux use strace",
    "dtruss": "looks like dtruss output (macOS), which fdtrace does not read; on Linux use strace",
    "ftrace": f"looks like an ftrace log of the kernel, which fdtrace does not read; {_RECORD}",
    "audit": f"looks like an audit log (auditd), in which releases of descriptors are missing; {_RECORD}",
    "sysdig": f"looks like sysdig output, which fdtrace does not read; {_RECORD}",
    "bpf tool": f"looks like the output of opensnoop or a kin of it: opens without closes; {_RECORD}",
    "Windows netstat": "looks like the output of netstat on Windows, which fdtrace does not read:"
    " descriptors are those of Linux",
    "JSON": "looks like JSON; if strace lines are strings in it, take them out first"
    " (for container logs: jq -rj .log FILE)",
    "HTML": "looks like an HTML or XML page; save the capture itself, not the page around it",
    "prefixed": "has system calls behind the prefix of another logger; cut the prefix off first"
    " (cut, sed), so that each line begins as strace wrote it",
}

_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x7fELF", "is a program or core file (ELF), not a capture"),
    (0, b"PERFILE2", "is perf.data, a binary of perf; fdtrace reads strace captures"),
    (0, b"\xd4\xc3\xb2\xa1", "is a network capture (pcap), not a trace of system calls"),
    (0, b"\xa1\xb2\xc3\xd4", "is a network capture (pcap), not a trace of system calls"),
    (0, b"\x4d\x3c\xb2\xa1", "is a network capture (pcap), not a trace of system calls"),
    (0, b"\x0a\x0d\x0d\x0a", "is a network capture (pcapng), not a trace of system calls"),
    (0, b"PK\x03\x04", "is a zip archive: unpack it and name the capture in it"),
    (257, b"ustar", "is a tar archive: unpack it and name the capture, or its directory"),
    (0, b"7z\xbc\xaf\x27\x1c", "is a 7z archive: unpack it and name the capture in it"),
    (0, b"Rar!\x1a", "is a rar archive: unpack it and name the capture in it"),
    (0, b"\x04\x22\x4d\x18", "is compressed with lz4: unpack it first (lz4 -d)"),
    (0, b"\x1f\x9d", "is compressed with compress (.Z): unpack it first (uncompress)"),
    (0, b"\x89LZO", "is compressed with lzop: unpack it first (lzop -d)"),
    (0, b"\x1f\x8b", "is compressed twice: unpack it once (zcat)"),
    (0, b"\xfd7zXZ\x00", "is compressed twice: unpack it once (xzcat)"),
    (0, b"\x28\xb5\x2f\xfd", "is compressed twice: unpack it once (zstdcat)"),
    (0, b"BZh91AY&SY", "is compressed twice: unpack it once (bzcat)"),
    (0, b"%PDF-", "is a PDF document, not a capture"),
    (0, b"\x89PNG", "is a picture (PNG), not a capture: text is needed"),
    (0, b"\xff\xd8\xff", "is a picture (JPEG), not a capture: text is needed"),
    (0, b"SQLite format 3", "is an SQLite database, not a capture"),
    (0, b"PAR1", "is a Parquet file, not a capture"),
)

_JSON = re.compile(rb"\s*(?:\{\s*\"[^\"]*\"\s*:|\[\s*[\{\[\"]|\{\s*\})")
_MARKUP = re.compile(rb"\s*<(?:!doctype|html|\?xml|svg|body|head)\b", re.IGNORECASE)
_CONTROL = bytes(b for b in range(32) if b not in b"\0\a\b\t\n\v\f\r\x1b")


def binary_file(head: bytes) -> str:
    """The sentence for a file that is no text at all; "" when it may be text.

    NUL bytes alone do not make a binary: a log that was emptied while it was
    written begins with a hole of them.
    """
    for offset, mark, sentence in _SIGNATURES:
        if head.startswith(mark, offset):
            return sentence
    sample = head.replace(b"\0", b"")[:8192]
    strange = len(sample) - len(sample.translate(None, _CONTROL))
    if len(sample) >= 32 and strange > 0.05 * len(sample):
        return "looks like binary data, not text"
    return ""


def document(head: bytes) -> str:
    """Whether the text begins like "JSON" or like "HTML"; "" for neither."""
    if _JSON.match(head):
        return "JSON"
    return "HTML" if _MARKUP.match(head) else ""


def look_alike(line: bytes, *, with_result: bool = False) -> str:
    """The tool whose output this line has the form of, when that tool only resembles strace.

    `with_result` says that the line could be one of strace as well; then only
    the tools that write `name(arguments) = result` come into question.
    """
    for name, pattern in _NEARLY_STRACE if with_result else LOOK_ALIKES:
        if pattern.match(line):
            return name
    return ""


def other_kind(line: bytes) -> str:
    """The kind of capture, other than strace, that has lines of this form."""
    for name, pattern in _marks():
        if pattern.match(line):
            return name
    return ""


@functools.cache
def _marks() -> tuple[tuple[str, re.Pattern[bytes]], ...]:
    """Every kind other than strace with the form of its lines; the readers are imported for it."""
    return tuple((kind, reader_of(kind).MARKS) for kind in _ORDER)
