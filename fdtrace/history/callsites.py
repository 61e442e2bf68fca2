"""Call sites: the innermost frame of a stack that is the program's own doing.

The frames of the C library, the dynamic linker, the vdso and of thin wrappers
that every program goes through (libuv's file calls, interceptors of the
sanitizers, an interpreter's own open) say nothing about who is responsible.
Libraries that programs use for everything, and the standard libraries of
languages, are passed over as well, as long as there is a frame of the program
itself; an interpreter's stack has none, and its innermost frame stands.
The lists are data; more patterns can be given wherever a Case is made.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from ..readers.strace.stacks import Frame, frames

if TYPE_CHECKING:
    from ..symbols.resolve import Resolved

RUNTIME_MODULES: tuple[str, ...] = (
    r"libc[.-]",
    r"libc\.musl",
    r"ld-linux",
    r"ld-musl",
    r"ld-\d",
    r"ld64\.so",
    r"ld\.so",
    r"libpthread[.-]",
    r"librt[.-]",
    r"libdl[.-]",
    r"libresolv[.-]",
    r"libnss_",
    r"\[vdso\]",
    r"linux-vdso",
    r"linux-gate",
    r"libasan\.",
    r"libtsan\.",
    r"libubsan\.",
    r"liblsan\.",
    r"libstdc\+\+\.",
    r"libgcc_s",
    r"libeatmydata\.",
    r"libfakeroot",
    r"libc\+\+",
)
"""Beginnings of module file names (regular expressions) whose frames are passed over."""

WRAPPER_SYMBOLS: tuple[str, ...] = (
    r"__interceptor_",
    r"_?_?libc_",
    r"uv__open",
    r"uv__socket",
    r"uv__accept",
    r"uv__pipe",
    r"uv__make_pipe",
    r"uv_fs_open",
    r"uv__fs_",
    r"uv__work",
    r"uv__stream_open",
    r"syscall\.",
    r"runtime/internal/syscall",
    r"internal/runtime/syscall",
    r"internal/poll\.",
    r"golang\.org/x/sys",
    r"std::sys::",
    r"std::os::unix",
    r"std::io::",
    r"std::fs::",
    # The interpreter of Python: which of its functions calls, and how often, changes as it specialises.
    r"_?Py[A-Z]\w*_",
    r"_?Py_(?:Run|Bytes|Main|Vectorcall|Exit|Finalize)",
    r"(?:cfunction|method|wrapperdescr|slot_tp|vectorcall)_",
    r"_Py_open",
    r"_Py_dup",
    r"_io_FileIO___init__",
    r"_io_open",
    r"os_open",
    r"posix_",
    r"sock_initobj",
    r"PyFile_",
    r"xopen$",
    r"xfopen$",
)
"""Beginnings of symbols (regular expressions) that wrap a system call for somebody else."""

LIBRARY_MODULES: tuple[str, ...] = (
    r"libsqlite3\.",
    r"libglib-2",
    r"libgio-2",
    r"libgobject-2",
    r"libcurl",
    r"libuv\.",
    r"libz\.",
    r"libbz2\.",
    r"liblzma\.",
    r"libzstd\.",
    r"libarchive\.",
    r"libcrypto\.",
    r"libssl\.",
    r"libgnutls",
    r"libexpat",
    r"libxml2\.",
    r"libapr",
    r"libboost_",
    r"libjvm\.",
    r"libjli\.",
    r"libjava\.",
    r"libnio\.",
    r"libnet\.",
    r"libnode\.",
    r"(?:lib)?(?:python|ruby|perl|php|lua)[\d.-]*(?:$|so)",
    r"(?:node|java)$",
)
"""Modules that open descriptors on behalf of whoever calls them."""

_GO = "(?!isra|part|constprop|cold|llvm)"
"""A dot in a symbol of C comes from the compiler."""

LIBRARY_SYMBOLS: tuple[str, ...] = (
    r"<?std::",
    r"<?core::",
    r"<?alloc::",
    r"<?tokio::",
    r"<?mio::",
    r"void std::",
    r"__gnu_cxx::",
    r"sqlite3_",
    r"g_file_",
    r"g_open",
    r"os/exec\.",
    r"io/ioutil\.",
    r"net/http\.",
    rf"(?:os|net|bufio|runtime)\.{_GO}",
)
"""Symbols of standard libraries that are linked into the program."""

UNWINDER_NOISE = re.compile(r"unexpected_backtracing_error|too many stack frames|BUG IN ")
_HEADER = re.compile(
    r"/usr/include/(?!.*\+\+)(?:[\w-]+/)?(?:bits|sys)/|/usr/include/(?:fcntl|unistd|stdio)\.h"
)
"""The headers of the C library: with _FORTIFY_SOURCE, open() is a function in one of them."""
_STANDARD = re.compile(r"/include/c\+\+/|/rustc/[0-9a-f]+/library/|/rustlib/src/rust/library/")
"""Sources of the standard libraries of C++ and Rust, whose inlined functions may have lost their scope."""
_START = re.compile(r"^(?:_start|__libc_start|__libc_init_first|clone|start_thread|__clone|thread_start)")


@dataclass(frozen=True, slots=True)
class CallSite:
    """Who made a call: the responsible frame and its callers, innermost first, up to main."""

    site: str
    module: str
    callers: tuple[str, ...]
    source: str | None = None
    source_line: int | None = None
    """Where in that function the call is, if that is known. Another line is no other call site."""


class CallSites:
    """Call sites of interned stacks.

    `wrappers` are further regular expressions for symbols to pass over. With `symbols`
    inlined functions are frames like others: the call site is the function in whose
    source the call stands, wherever the compiler put it.
    """

    def __init__(self, wrappers: Iterable[str] = (), symbols: Resolved | None = None) -> None:
        self._frames = frames if symbols is None else symbols.frames
        self._wrappers = tuple(wrappers)
        self.of = lru_cache(maxsize=1 << 16)(self._of)

    @cached_property
    def _modules(self) -> re.Pattern[str]:
        return _any_of(RUNTIME_MODULES)

    @cached_property
    def _symbols(self) -> re.Pattern[str]:
        return _any_of((*WRAPPER_SYMBOLS, *self._wrappers))

    @cached_property
    def _library_modules(self) -> re.Pattern[str]:
        return _any_of(LIBRARY_MODULES)

    @cached_property
    def _library_symbols(self) -> re.Pattern[str]:
        return _any_of(LIBRARY_SYMBOLS)

    def _of(self, block: bytes) -> CallSite | None:
        """The call site of a stack block; None when no frame can be blamed."""
        own = [frame for frame in self._frames(block) if not UNWINDER_NOISE.search(frame.module)]
        outside = [i for i, frame in enumerate(own) if not self._passed_over(frame)]
        if not outside:
            return None
        first = next((i for i in outside if not self._library(own[i])), outside[0])
        above = [frame for frame in own[first:] if not self._below_main(frame)]
        if not above:
            return None
        site, *callers = map(name, above)
        return CallSite(site, basename(own[first].module), tuple(callers), *_line(above[0]))

    def _passed_over(self, frame: Frame) -> bool:
        if frame.inlined and _HEADER.match(frame.source or ""):
            return True
        return bool(self._modules.match(basename(frame.module)) or self._symbols.match(_sure(frame)))

    def _library(self, frame: Frame) -> bool:
        """Whether a frame is of a library that works for others, or stands below the program's beginning."""
        symbol = _sure(frame)
        if _START.match(symbol) or self._library_symbols.match(symbol):
            return True
        if frame.inlined and _STANDARD.search(frame.source or ""):
            return True
        return bool(self._library_modules.match(basename(frame.module)))

    def _below_main(self, frame: Frame) -> bool:
        return bool(_START.match(_sure(frame)) or self._modules.match(basename(frame.module)))


def _any_of(beginnings: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{one})" for one in beginnings))


def basename(module: str) -> str:
    """The file name of a module."""
    return module.rpartition("/")[2]


def _line(frame: Frame) -> tuple[str | None, int | None]:
    """Where in its function a call is; not in a header, out of which `-kk` names what was inlined there."""
    source = frame.source or ""
    if _HEADER.match(source) or _STANDARD.search(source):
        return None, None
    return frame.source, frame.source_line


def _sure(frame: Frame) -> str:
    """The symbol, unless it is known to be a guess."""
    return "" if frame.guessed else frame.symbol


def name(frame: Frame) -> str:
    """A frame in a word: its symbol, or module and address where it has none, or one that is a guess."""
    if symbol := _sure(frame):
        return symbol
    if frame.address is None:
        return basename(frame.module)
    return f"{basename(frame.module)}+0x{frame.address:x}"
