"""Inputs at a URL, fetched through fsspec: http, s3, gs, sftp, memory and what else is installed for it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from fdtrace.errors import BadArgument, DamagedInput, FdtraceError, MissingExtra

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_SECRET = re.compile(r"([?&;][^=&;]*(?:sig|token|key|credential|passw|secret)[^=&;]*=)[^&;]*", re.IGNORECASE)
_PIECE = 1 << 16
_SILENT_S = 60.0
"""A server that says nothing for so long has gone."""

Stamp = str
"""What changes when the content does: an entity tag, or a time of change, as the server names it."""

_STAMPS = (
    "ETag", "etag", "e_tag", "Content-MD5", "md5Hash", "Digest", "checksum",
    "Last-Modified", "LastModified", "last_modified", "updated", "modified", "mtime", "created",
)  # fmt: skip


def is_url(name: str) -> bool:
    """Whether a name is that of something to fetch. A local path may have a colon, but not `://` so early."""
    return _URL.match(name) is not None


def public(url: str) -> str:
    """The URL as it may be written down: without a password, and without what signs it."""
    if "@" in url.partition("://")[2].partition("/")[0]:
        parts = urlsplit(url)
        url = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return _SECRET.sub(r"\1…", url)


def _is_http(url: str) -> bool:
    return url[:8].lower().startswith(("http://", "https://"))


def file_system(url: str) -> tuple[Any, str]:
    """The file system of a URL, and the path that it knows the URL by.

    Raises:
        MissingExtra: fsspec, or what it needs for this kind of URL, is not installed.
        BadArgument: there is no such kind of URL.
    """
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise MissingExtra("a URL", "remote") from None
    scheme = url.partition("://")[0].lower()
    options: dict[str, Any] = {"skip_instance_cache": False}
    try:
        if _is_http(url):
            from aiohttp import ClientTimeout

            # Its own limit is five minutes for all of a file, however large.
            options["client_kwargs"] = {
                "timeout": ClientTimeout(total=None, sock_connect=_SILENT_S, sock_read=_SILENT_S)
            }
        system, path = url_to_fs(url, **options)
    except ImportError as error:
        raise FdtraceError(f"{public(url)}: {scheme}:// needs one more package ({error})") from None
    except ValueError as error:
        raise BadArgument(f"{public(url)}: {error}") from None
    return system, path


def fetch(url: str, write: Callable[[bytes], None]) -> None:
    """All bytes of a URL, in pieces, to `write`.

    Raises:
        DamagedInput: it is not there, not allowed, or the connection ended too early.
    """
    system, path = file_system(url)
    # As a stream, of which all is kept that comes before it breaks; other stores want to be read in blocks.
    how = {"block_size": 0} if _is_http(url) else {}
    try:
        with system.open(path, "rb", **how) as stream:
            while data := stream.read(_PIECE):
                write(data)
    except FdtraceError:
        raise
    except Exception as error:  # each file system has its own
        raise unreachable(url, error) from error


def unreachable(url: str, error: Exception) -> DamagedInput:
    """What a server or a connection did, in words."""
    if isinstance(error, FileNotFoundError):
        cause = error.__cause__
        if not isinstance(cause, Exception) or getattr(cause, "status", None) == 404:
            return DamagedInput("is not there (404, or no such object)", path=public(url))
        error = cause  # nobody answered, which fsspec calls the same
    status = getattr(error, "status", None)
    reason = f"{status} {getattr(error, 'message', '')}".strip() if isinstance(status, int) else str(error)
    reason = public(" ".join(reason.split())[:200])
    return DamagedInput(f"cannot be fetched ({reason or type(error).__name__})", path=public(url))


def stamp_of(info: dict[str, Any]) -> Stamp:
    """What tells one content of a file from the next, out of what the file system says about it."""
    return next((str(info[name]) for name in _STAMPS if info.get(name) not in (None, "")), "")
