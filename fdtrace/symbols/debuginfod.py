"""Debug files from debuginfod servers, by build id: only from servers that the user names.

    GET SERVER/buildid/ID/debuginfo      (also executable)

What was fetched is kept in the user's cache directory and used again.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator, Sequence

from ..errors import BadArgument
from .elf import Elf, NotUsable

MOST_BYTES = 2 << 30
"""The debug file of a browser or an engine of databases is about half of that."""
SECONDS = 60.0
FROM_ENVIRONMENT = "env"
"""In place of a server: those that $DEBUGINFOD_URLS names."""
_BLOCK = 1 << 20
_BUILD_ID = re.compile(r"[0-9a-f]{8,128}$")


class Servers:
    """The servers that may be asked, in the order in which they are.

    Raises:
        BadArgument: something is no address of a server.
    """

    def __init__(self, addresses: Sequence[str]) -> None:
        self.addresses = [address.rstrip("/") for given in addresses for address in _named(given)]
        self.remarks: list[str] = []
        self._lost: set[str] = set()

    def files(self, build_id: str, *kinds: str) -> Iterator[str]:
        """Files of a build (`executable`, `debuginfo`), fetched as they are asked for."""
        if not _BUILD_ID.match(build_id):
            return
        for kind in kinds:
            if not self.addresses:
                return
            path = os.path.join(_cache(), build_id, kind)
            if _is_of(path, build_id) or self._fetch(build_id, kind, path):
                yield path

    def _fetch(self, build_id: str, kind: str, path: str) -> bool:
        for address in self.addresses:
            if address in self._lost:
                continue
            try:
                if self._saved(f"{address}/buildid/{build_id}/{kind}", path):
                    if _is_of(path, build_id):
                        return True
                    os.unlink(path)
                    self.remarks.append(f"{address}: what it has for build id {build_id} is of another build")
            except (OSError, ValueError) as error:
                self._lost.add(address)
                reason = getattr(error, "reason", None) or error
                self.remarks.append(f"{address}: not reached ({reason}), and not asked again")
        return False

    def _saved(self, url: str, path: str) -> bool:
        """Fetches a file; False where the server does not have it."""
        import http.client
        import urllib.error
        import urllib.request

        os.makedirs(os.path.dirname(path), exist_ok=True)
        request = urllib.request.Request(url, headers={"User-Agent": "fdtrace"})
        handle, draft = tempfile.mkstemp(dir=os.path.dirname(path))
        try:
            with (
                os.fdopen(handle, "wb") as stream,
                urllib.request.urlopen(request, timeout=SECONDS) as answer,
            ):
                size = 0
                while block := answer.read(_BLOCK):
                    size += len(block)
                    if size > MOST_BYTES:
                        self.remarks.append(f"{url}: more than {MOST_BYTES:,} bytes, not taken")
                        return False
                    stream.write(block)
            os.replace(draft, path)
        except urllib.error.HTTPError as error:
            if error.code != 404:
                self.remarks.append(f"{url}: {error.code} {error.reason}")
            return False
        except http.client.HTTPException as error:
            raise OSError(str(error) or type(error).__name__) from error
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(draft)
        return True


def _named(given: str) -> list[str]:
    if given == FROM_ENVIRONMENT:
        addresses = os.environ.get("DEBUGINFOD_URLS", "").split()
        if not addresses:
            raise BadArgument("debuginfod: $DEBUGINFOD_URLS names no server. Give the address of one.")
        return [one for one in addresses if one.startswith(("http://", "https://"))]
    if not given.startswith(("http://", "https://")):
        raise BadArgument(
            f"debuginfod cannot be {given!r}: write the address of a server (https://…), or env."
        )
    return [given]


def _is_of(path: str, build_id: str) -> bool:
    try:
        elf = Elf(path)
    except NotUsable:
        return False
    try:
        return elf.build_id == build_id
    except NotUsable:
        return False
    finally:
        elf.close()


def _cache() -> str:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "fdtrace", "debuginfod")
