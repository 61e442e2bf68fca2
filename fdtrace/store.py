"""A Case kept on disk: a directory of Parquet files, one a table, and `fdtrace.json`, which describes them.

Column types, lists and records survive; DuckDB, polars and pandas read the
files as they are. The manifest has what is no table: coverage, what was not
taken, what was not readable. A store is written beside its place and renamed:
it is there whole or not at all. `VERSION` counts changes of its layout; a
table whose columns are not those of :mod:`fdtrace.schema` is refused as well.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import itertools
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from . import __version__, schema
from .errors import BadArgument, DamagedInput, FdtraceError, MissingExtra, NeedsCaptured, UnknownFormat
from .model import Coverage, Evidence, Finding, Place

if TYPE_CHECKING:
    import pandas as pd

    from .history.events_wanted import Wanted

VERSION = 2
MANIFEST = "fdtrace.json"
ENDING = ".fdtrace"
_MARK = "fdtrace store"

STORED: tuple[str, ...] = tuple(name for name in schema.TABLES if name != "story")
"""The tables that a store has: all but the one that is made anew for each question."""
_EXECUTING = frozenset({"execve", "execveat"})
_NUMBERS = frozenset({"tids", "pids", "examples", "example_fds"})
"""Columns of tuples of numbers. All other tuples are of texts, but for `evidence`."""


@dataclass(frozen=True)
class Contents:
    """All that a store holds. A table is given in pieces, so that it need not be in memory as a whole."""

    tables: Mapping[str, Callable[[], Iterable[pd.DataFrame]]]
    coverage: tuple[Coverage, ...]
    skipped: tuple[tuple[str, str], ...] = ()
    unreadable: tuple[str, ...] = ()
    leaked: tuple[int, ...] = ()
    places: tuple[Place, ...] | None = None


# -- writing -----------------------------------------------------------------


def save(path: str, contents: Contents, force: bool = False) -> None:
    """Writes a store; with `force` it takes the place of another store, never of anything else.

    Raises:
        BadArgument: there is something at `path` that may not be replaced, or no directory for it.
        MissingExtra: pyarrow is not installed.
    """
    path = path.rstrip("/") or path
    check_place(path, force)
    _parquet()
    folder, name = os.path.split(os.path.abspath(path))
    try:
        draft = tempfile.mkdtemp(prefix=f".{name[:100]}.", suffix=".part", dir=folder)
    except OSError as error:
        raise BadArgument(f"{path} cannot be written: {error.strerror}") from error
    try:
        _fill(draft, contents)
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(draft, 0o777 & ~mask)
        _take_place(draft, path)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def check_place(path: str, force: bool) -> None:
    """Raises :class:`BadArgument` when no store may be written at `path`."""
    if not os.path.isdir(os.path.dirname(os.path.abspath(path))):
        raise BadArgument(f"{path}: there is no such directory")
    if not os.path.lexists(path):
        return
    if not os.path.isfile(os.path.join(path, MANIFEST)):
        raise BadArgument(f"{path} exists and is no store of fdtrace: it is left alone, choose another name")
    if not force:
        raise BadArgument(f"{path} exists; --force (force=True) replaces it")


def _fill(folder: str, contents: Contents) -> None:
    files = {}
    for name in STORED:
        pieces = contents.tables[name]() if name in contents.tables else ()
        target = os.path.join(folder, f"{name}.parquet")
        rows = write_table(target, name, pieces)
        files[name] = {"rows": rows, "bytes": os.path.getsize(target)}
    manifest = {
        "format": _MARK,
        "version": VERSION,
        "written_by": f"fdtrace {__version__}",
        "tables": files,
        "coverage": [dataclasses.asdict(one) for one in contents.coverage],
        "skipped": contents.skipped,
        "unreadable": contents.unreadable,
        "leaked": contents.leaked,
        "places": None if contents.places is None else [dataclasses.asdict(one) for one in contents.places],
    }
    with open(os.path.join(folder, MANIFEST), "w", encoding="ascii") as stream:
        json.dump(manifest, stream, indent=1)
        stream.write("\n")


def _take_place(draft: str, path: str) -> None:
    """Renames the finished store to its place; what was there goes only when the new one is in place."""
    if not os.path.lexists(path):
        os.rename(draft, path)
        return
    old = tempfile.mkdtemp(
        prefix=f".{os.path.basename(path)[:100]}.", suffix=".old", dir=os.path.dirname(draft)
    )
    os.rename(path, os.path.join(old, "store"))
    try:
        os.rename(draft, path)
    except OSError:
        os.rename(os.path.join(old, "store"), path)
        raise
    finally:
        shutil.rmtree(old, ignore_errors=True)


def write_table(path: str, name: str, pieces: Iterable[pd.DataFrame]) -> int:
    """Writes the table `name`, or the columns that its first piece has, into one Parquet file.

    Returns the number of rows.
    """
    pa, pq = _parquet()
    whole = _arrow_schema(name, pa)
    rest = iter(pieces)
    first = _indexless(next(rest, schema.empty(name)))
    kinds = pa.schema([whole.field(column) for column in first.columns])
    rows = 0
    with pq.ParquetWriter(path, kinds, compression="zstd") as writer:
        for piece in itertools.chain([first], rest):
            rows += len(piece)
            if len(piece):
                writer.write_table(_arrow_table(_indexless(piece), kinds, pa))
    return rows


def _indexless(frame: pd.DataFrame) -> pd.DataFrame:
    """A table with its index, if it has one of its own, as its first column."""
    return frame.reset_index() if frame.index.name else frame


def _parquet() -> tuple[Any, Any]:
    try:
        return importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise MissingExtra("a Parquet file", "parquet") from None


def _arrow_schema(name: str, pa: Any) -> Any:
    table = schema.TABLES[name]
    columns = (*([table.index] if table.index else []), *table.columns)
    return pa.schema([(column.name, _arrow_type(column, pa)) for column in columns])


def _arrow_type(column: schema.Column, pa: Any) -> Any:
    kinds = {
        "Int32": pa.int32(),
        "Int64": pa.int64(),
        "int64": pa.int64(),
        "float64": pa.float64(),
        "boolean": pa.bool_(),
        "category": pa.dictionary(pa.int32(), pa.string()),
        "str": pa.string(),
        "datetime64[ns, UTC]": pa.timestamp("ns", tz="UTC"),
    }
    if column.dtype != "object":
        return kinds[column.dtype]
    if column.name == "evidence":
        return pa.list_(pa.struct([("file", pa.string()), ("line", pa.int64()), ("text", pa.string())]))
    return pa.list_(pa.int64() if column.name in _NUMBERS else pa.string())


def _arrow_table(frame: pd.DataFrame, kinds: Any, pa: Any) -> Any:
    """A piece of a table in the types of its file."""
    from .arrays import spelled

    arrays = []
    for field in kinds:
        series = frame[field.name]
        if pa.types.is_dictionary(field.type):
            words = pa.array([spelled(str(word)) for word in series.cat.categories], pa.string())
            codes = pa.array(series.cat.codes.to_numpy(), pa.int32(), mask=series.isna().to_numpy())
            arrays.append(pa.DictionaryArray.from_arrays(codes, words))
        elif pa.types.is_list(field.type):
            arrays.append(pa.array([_nested(value, spelled) for value in series], field.type))
        else:
            arrays.append(pa.array(series, field.type, from_pandas=True))
    return pa.Table.from_arrays(arrays, schema=kinds)


def _nested(value: Any, spelled: Callable[[str], str]) -> Any:
    """A tuple, a record or a text of one in the form that Parquet has for it."""
    if isinstance(value, tuple):
        return [_nested(item, spelled) for item in value]
    if isinstance(value, dict):
        return {name: _nested(item, spelled) for name, item in value.items()}
    return spelled(value) if isinstance(value, str) else value


# -- reading -----------------------------------------------------------------


def is_store(path: str) -> bool:
    """Whether a directory is a store, or looks like what is left of one."""
    if not os.path.isdir(path):
        return False
    if os.path.isfile(os.path.join(path, MANIFEST)):
        return True
    return path.rstrip("/").endswith(ENDING) and any(n.endswith(".parquet") for n in os.listdir(path))


class Store:
    """A store that was opened. Nothing but its manifest is read before a table is asked for.

    Raises:
        DamagedInput: the manifest or a file is missing, cut or not what it was.
        UnknownFormat: it is of something else, or of a newer fdtrace.
        MissingExtra: pyarrow is not installed.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._manifest = _manifest(path)
        _parquet()
        for name, file in self._manifest["tables"].items():
            self._check_file(name, file["bytes"])

    def _check_file(self, name: str, size: int) -> None:
        try:
            found = os.path.getsize(self._file(name))
        except OSError as error:
            message = f"this store is not whole: its table {name} is missing ({error.strerror})"
            raise DamagedInput(message, path=self.path) from error
        if found != size:
            message = f"this store is not whole: its table {name} has {found:,} bytes, not {size:,}"
            raise DamagedInput(message, path=self.path)

    def _file(self, name: str) -> str:
        return os.path.join(self.path, f"{name}.parquet")

    @cached_property
    def coverage(self) -> list[Coverage]:
        """What each capture could show."""
        return [_coverage(one) for one in self._manifest["coverage"]]

    @property
    def skipped(self) -> list[tuple[str, str]]:
        """Files that were not taken, with the reason."""
        return [(name, reason) for name, reason in self._manifest["skipped"]]

    @property
    def unreadable(self) -> list[FdtraceError]:
        """What could not be read when it was saved."""
        return [DamagedInput(message) for message in self._manifest["unreadable"]]

    @property
    def leaked(self) -> frozenset[int]:
        """The numbers (fd_id) of all lives that serious leak findings are about."""
        return frozenset(self._manifest.get("leaked", ()))

    @property
    def places(self) -> tuple[Place, ...] | None:
        """How much each place opened and closed; None where an earlier fdtrace did not save it."""
        saved = self._manifest.get("places")
        if saved is None:
            return None
        return tuple(Place(**{**one, "callers": tuple(one["callers"])}) for one in saved)

    @cached_property
    def findings(self) -> list[Finding]:
        """What every check found, as it was saved."""
        with self._reading("findings") as file:
            return [_finding(row) for row in file.read().to_pylist()]

    def judged(
        self, checks: tuple[str, ...], thresholds: Mapping[str, Any]
    ) -> tuple[list[Finding], list[Coverage]]:
        """What these checks found, and the coverage as it is after them.

        Raises:
            NeedsCaptured: other thresholds are asked for than those that it was saved with.
        """
        if asked := {
            name: value for name, value in thresholds.items() if (name, value) != ("group_by", "site")
        }:
            said = ", ".join(f"{name}={value!r}" for name, value in asked.items())
            raise NeedsCaptured(
                f"{self.path} has only the answers that were saved; for {said} name the captures"
            )
        found = [finding for finding in self.findings if finding.check in checks]
        if "leak" in checks:
            return found, self.coverage
        return found, [dataclasses.replace(one, settled={}) for one in self.coverage]

    def events(self, wanted: Wanted) -> Iterator[pd.DataFrame]:
        """The events that are wanted, in pieces."""
        for one in self.coverage:
            if one.kind == "strace":
                wanted.check(one.capture, one.clock)
        for piece in self.pieces("events"):
            chosen = piece[wanted.among(piece)]
            if len(chosen):
                yield chosen

    def executions(self) -> Iterator[tuple[str, int | None, float | None, int, str | None]]:
        """The programs that were executed, as `Case.executions` tells them."""
        from .history.births import program
        from .history.events_wanted import Wanted
        from .readers.strace.args import Call

        if not any(_EXECUTING & set(one.syscalls) for one in self.coverage):
            return
        names = "capture pid t_s line syscall args".split()
        for piece in self.events(Wanted(syscalls=_EXECUTING)):
            done = piece[piece["outcome"] == "ok"]
            columns = (done[name].astype(object) for name in names)
            for capture, pid, t_s, line, syscall, args in zip(
                *(column.where(column.notna(), None) for column in columns), strict=True
            ):
                call = Call(f"{syscall}({args or ''})".encode("utf-8", "surrogateescape"))
                yield capture, pid, t_s, line, program(call)

    def table(self, name: str) -> pd.DataFrame:
        """One table, whole."""
        with self._reading(name) as file:
            return _frame(name, file.read())

    def pieces(self, name: str, rows: int = 1 << 16) -> Iterator[pd.DataFrame]:
        """One table in pieces of at most so many rows."""
        pa, _ = _parquet()
        with self._reading(name) as file:
            for batch in file.iter_batches(batch_size=rows):
                yield _frame(name, pa.Table.from_batches([batch]))

    @contextlib.contextmanager
    def _reading(self, name: str) -> Iterator[Any]:
        """The Parquet file of a table; what is wrong with it is said in words."""
        pa, pq = _parquet()
        try:
            with pq.ParquetFile(self._file(name)) as file:
                if not file.schema_arrow.equals(_arrow_schema(name, pa)):
                    raise UnknownFormat(
                        f"its table {name} has other columns than this fdtrace ({__version__}):"
                        f" it was saved by {self._manifest['written_by']}; save the captures again",
                        path=self.path,
                    )
                yield file
        except (OSError, pa.ArrowException) as error:
            reason = str(error).splitlines()[0]
            raise DamagedInput(f"its table {name} cannot be read ({reason})", path=self.path) from error


def _manifest(path: str) -> dict[str, Any]:
    place = os.path.join(path, MANIFEST)
    try:
        with open(place, encoding="utf-8") as stream:
            manifest = json.load(stream)
    except FileNotFoundError as error:
        raise DamagedInput(f"has no {MANIFEST}: a store that is not whole", path=path) from error
    except OSError as error:
        raise DamagedInput(f"cannot be read ({error.strerror})", path=place) from error
    except ValueError as error:
        raise DamagedInput(f"is cut or damaged ({error})", path=place) from error
    if not isinstance(manifest, dict) or manifest.get("format") != _MARK:
        raise UnknownFormat(f"{MANIFEST} is not that of a store of fdtrace", path=path)
    version = manifest.get("version")
    if version != VERSION:
        raise UnknownFormat(
            f"was saved by {manifest.get('written_by', 'another fdtrace')} as version {version!r}"
            f" of the store; this fdtrace ({__version__}) reads version {VERSION}",
            path=path,
        )
    lacking = [name for name in STORED if name not in manifest.get("tables", ())]
    if lacking or not {"coverage", "skipped", "unreadable"} <= manifest.keys():
        raise DamagedInput(
            f"{MANIFEST} is not complete: it lacks {', '.join(lacking) or 'coverage'}", path=path
        )
    return manifest


def _frame(name: str, table: Any) -> pd.DataFrame:
    """A table out of its file, with the types of the schema."""
    import pandas as pd

    pa, _ = _parquet()
    nullable = {pa.int32(): pd.Int32Dtype(), pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
    columns: dict[str, Any] = {}
    for field in table.schema:
        column = table[field.name]
        if pa.types.is_list(field.type):
            columns[field.name] = [_tuple(value) for value in column.to_pylist()]
        elif pa.types.is_dictionary(field.type):
            words = column.to_pandas().cat.remove_unused_categories()
            columns[field.name] = words.cat.reorder_categories(sorted(words.cat.categories)).array
        else:
            columns[field.name] = column.to_pandas(types_mapper=nullable.get)
    return schema.conform(name, columns)


def _tuple(value: Any) -> Any:
    if value is None:
        return None
    return tuple(Evidence(**item) if isinstance(item, dict) else item for item in value)


def _finding(row: dict[str, Any]) -> Finding:
    return Finding(
        **{name: _tuple(value) if isinstance(value, list) else value for name, value in row.items()}
    )


def _coverage(saved: dict[str, Any]) -> Coverage:
    """Coverage out of JSON, which has lists where the record has tuples."""
    known = {field.name for field in dataclasses.fields(Coverage)}
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in saved.items()
        if name in known
    }
    return Coverage(**values)
