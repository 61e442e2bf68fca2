"""Where the files of a dataset lie: a directory of this machine, or a URL."""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from fdtrace.errors import BadArgument, FdtraceError
from fdtrace.readers import remote

_DRAFTS = ".drafts"
_LOCK = ".lock"
_AT_ONCE = 64
"""Objects that are fetched together."""


def place_of(name: str) -> Directory | Bucket:
    """The place of this name, which may be a path or a URL."""
    if remote.is_url(name) and not name.startswith("file://"):
        return Bucket(name)
    return Directory(name.removeprefix("file://"))


class Directory:
    """A directory of this machine."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._path = os.path.abspath(name)

    def put(self, path: str, data: bytes) -> None:
        """Written among the drafts, and renamed."""
        target, draft = self._at(path), self._at(f"{_DRAFTS}/{uuid.uuid4().hex}")
        try:
            for needed in (os.path.dirname(draft), os.path.dirname(target)):
                os.makedirs(needed, exist_ok=True)
            with open(draft, "xb") as stream:
                stream.write(data)
            os.replace(draft, target)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.unlink(draft)
            raise FdtraceError(f"{self.name} cannot be written ({error.strerror})") from error

    def read(self, path: str) -> bytes | None:
        """The bytes of a file."""
        try:
            with open(self._at(path), "rb") as stream:
                return stream.read()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise FdtraceError(f"{self.name} cannot be read ({error.strerror})") from error

    def remove(self, path: str) -> None:
        """A file, and the directories that are empty without it."""
        with contextlib.suppress(OSError):
            os.unlink(self._at(path))
            os.removedirs(os.path.dirname(self._at(path)))

    def files(self, folder: str) -> list[str]:
        """As they are on disk."""
        return [
            os.path.relpath(os.path.join(root, name), self._path).replace(os.sep, "/")
            for root, _, names in os.walk(self._at(folder))
            for name in names
        ]

    def contents(self, paths: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """The bytes of many files, each with its path; without those that are gone."""
        for path in paths:
            if (data := self.read(path)) is not None:
                yield path, data

    def is_free(self) -> bool:
        """Whether there is nothing yet."""
        if not os.path.isdir(self._path):
            return not os.path.lexists(self._path)
        return set(os.listdir(self._path)) <= {_LOCK, _DRAFTS}

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """While this lasts no other scan writes there; drafts that a killed one left are swept away."""
        os.makedirs(self._path, exist_ok=True)
        with open(self._at(_LOCK), "w", encoding="ascii") as lock:
            _lock(lock, self.name)
            shutil.rmtree(self._at(_DRAFTS), ignore_errors=True)
            yield
            shutil.rmtree(self._at(_DRAFTS), ignore_errors=True)

    def _at(self, path: str) -> str:
        return os.path.join(self._path, *path.split("/"))


def _lock(stream: Any, name: str) -> None:
    try:
        import fcntl
    except ImportError:  # Windows: nothing keeps two scans apart
        return
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise BadArgument(f"{name}: another scan is writing there") from None
    except OSError:  # a file system without locks
        return


class Bucket:
    """A place at a URL. Each file is one put, which object stores do whole or not at all."""

    def __init__(self, url: str) -> None:
        self.name = remote.public(url)
        self._url = url
        self._system, path = remote.file_system(url)
        self._path = path.rstrip("/")

    def put(self, path: str, data: bytes) -> None:
        """One put."""
        with self._errors():
            try:
                self._system.pipe_file(self._at(path), data)
            except FileNotFoundError:  # one that has real directories
                self._system.makedirs(self._at(path).rpartition("/")[0], exist_ok=True)
                self._system.pipe_file(self._at(path), data)

    def read(self, path: str) -> bytes | None:
        """One get."""
        with self._errors():
            try:
                return bytes(self._system.cat_file(self._at(path)))
            except (FileNotFoundError, NotADirectoryError):
                return None

    def remove(self, path: str) -> None:
        """One delete."""
        with self._errors(), contextlib.suppress(FileNotFoundError):
            self._system.rm_file(self._at(path))

    def files(self, folder: str) -> list[str]:
        """As the store lists them now."""
        with self._errors(), contextlib.suppress(FileNotFoundError):
            self._system.invalidate_cache()
            root = f"{self._path}/".lstrip("/")
            return [str(one).lstrip("/").removeprefix(root) for one in self._system.find(self._at(folder))]
        return []

    def contents(self, paths: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Many gets, some of them at once."""
        for start in range(0, len(paths), _AT_ONCE):
            some = paths[start : start + _AT_ONCE]
            by_path = {self._at(path): path for path in some}
            with self._errors():
                found = self._system.cat(list(by_path), on_error="omit")
            for full, data in (found if isinstance(found, dict) else {next(iter(by_path)): found}).items():
                yield by_path.get(full) or by_path[f"/{full}"], data

    def is_free(self) -> bool:
        """Whether there is nothing yet."""
        return not self.files("")

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Object stores have no locks: two scans at once do no harm but work twice."""
        yield

    def _at(self, path: str) -> str:
        return f"{self._path}/{path}".rstrip("/")

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (FdtraceError, FileNotFoundError):
            raise
        except Exception as error:  # each file system has its own
            raise remote.unreachable(self._url, error) from error
