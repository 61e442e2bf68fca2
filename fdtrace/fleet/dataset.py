"""The result of a fleet on disk or at a URL: Parquet files below `TABLE/day=…/host=…`, as Hive has them.

    RESULT/fdtrace-fleet.json                        what it is
    RESULT/captures/day=…/host=…/ID.parquet          one row: an incident
    RESULT/findings/day=…/host=…/ID-ANALYSIS.parquet its findings

The row of captures is what counts: it is put in place last, by a rename (or
one put of an object), and findings count only with its ANALYSIS. So a run that
is killed leaves nothing half or twice, and what it left over is swept away by
the next.
"""

from __future__ import annotations

import importlib
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from fdtrace import __version__
from fdtrace.errors import BadArgument, DamagedInput, FdtraceError, MissingExtra, UnknownFormat
from fdtrace.fleet.places import place_of
from fdtrace.fleet.tables import CAPTURES, FINDINGS, PARTITIONS
from fdtrace.schema import Column, Table

MARK = "fdtrace-fleet.json"
VERSION = 1
_FORMAT = "fdtrace fleet"
_RESERVED = re.compile(r"""[\x00-\x1f\x7f%/\\=:*?"'<>|#{}]|^\.|[. ]$""")
"""What a directory's name had better not have, on any system."""
_UNKNOWN = "unknown"
_FILE = re.compile(r"(?P<id>[0-9a-f]{20})(?:-(?P<analysis>[0-9a-f]{20}))?\.parquet")
_SURROGATE = re.compile("[\ud800-\udfff]")
_RECORDS: dict[str, tuple[tuple[str, str], ...]] = {
    "evidence": (("file", "string"), ("line", "int64"), ("text", "string")),
    "files": (("name", "string"), ("size", "int64"), ("stamp", "string"), ("sha256", "string")),
}
"""Columns of records, and their fields."""
_NUMBERS = frozenset({"pids", "examples", "example_fds"})
"""Columns of tuples of numbers; all others are of texts."""


class Dataset:
    """The tables of a fleet at a place.

    Raises:
        BadArgument: there is something else.
        UnknownFormat: it is of a newer fdtrace.
        MissingExtra: pyarrow is not installed, or what the URL needs.
    """

    def __init__(self, name: str, create: bool = False) -> None:
        _arrow()
        self._known: dict[str, tuple[str, str]] = {}
        self._found: dict[str, str] = {}
        self.place = place_of(name)
        mark = self.place.read(MARK)
        if mark is None:
            if not create:
                raise BadArgument(f"{self.place.name} is no result of fdtrace scan: it has no {MARK}")
            if not self.place.is_free():
                raise BadArgument(
                    f"{self.place.name} exists and is no result of fdtrace scan: it is left alone,"
                    " choose another name"
                )
        else:
            _check_mark(mark, self.place.name)

    def begin(self, columns: Sequence[str]) -> list[dict[str, Any]]:
        """Says what the place is, and sweeps away what a killed run left over.

        Returns these columns of captures, each incident once.
        """
        if self.place.read(MARK) is None:
            mark = {"format": _FORMAT, "version": VERSION, "written_by": f"fdtrace {__version__}"}
            self.place.put(MARK, json.dumps(mark, indent=1).encode() + b"\n")
        newest, stale = self._newest_rows(columns)
        for path in stale:
            self.place.remove(path)
        self._known = {}
        for path, row in newest.values():
            id_ = path.rpartition("/")[2].partition(".")[0]
            self._known[id_] = (path, row["analysis"])
        self._found = {}
        for path in self.place.files(FINDINGS.name):
            if (name := _name(path)) is not None and name.analysis:
                if self._known.get(name.id) == (_path_of(CAPTURES, _folder(path), name.id), name.analysis):
                    self._found[name.id] = path
                else:
                    self.place.remove(path)
        return [row for _, row in newest.values()]

    def put(self, id_: str, capture: Mapping[str, Any], findings: Sequence[Mapping[str, Any]]) -> None:
        """The answer about an incident, in the place of an older one."""
        folder = "/".join(f"{name}={_spelled(capture.get(name))}" for name in PARTITIONS)
        old = {self._known.get(id_, ("", ""))[0], self._found.pop(id_, "")}
        path = _path_of(CAPTURES, folder, id_)
        if findings:
            self._found[id_] = _path_of(FINDINGS, folder, f"{id_}-{capture['analysis']}")
            self.place.put(self._found[id_], _parquet(FINDINGS, findings))
        self.place.put(path, _parquet(CAPTURES, [capture]))
        self._known[id_] = (path, capture["analysis"])
        for stale in old - {path, self._found.get(id_), ""}:
            self.place.remove(stale)

    def forget(self, id_: str) -> None:
        """All that is known of an incident."""
        path, _ = self._known.pop(id_)
        self.place.remove(path)
        if findings := self._found.pop(id_, ""):
            self.place.remove(findings)

    def captures(self, columns: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """The rows of captures, each incident once, in the order of their names."""
        newest, _ = self._newest_rows(columns or [column.name for column in CAPTURES.columns])
        return [row for _, (_, row) in sorted(newest.items())]

    def findings(self, of: Iterable[str], columns: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """The rows of findings that belong to these analyses."""
        wanted = set(of)
        names = columns or [column.name for column in FINDINGS.columns]
        rows = self._rows(FINDINGS, names, lambda name: name.analysis in wanted)
        return [row for _, row in rows]

    def row(self, id_: str) -> dict[str, Any]:
        """The row of an incident that is known, whole."""
        names = [column.name for column in CAPTURES.columns]
        return next(row for _, row in self._read([self._known[id_][0]], names))

    def found(self, id_: str) -> list[dict[str, Any]]:
        """The findings of one incident, whole."""
        names = [column.name for column in FINDINGS.columns]
        paths = [self._found[id_]] if id_ in self._found else []
        return [row for _, row in self._read(paths, names)]

    def _newest_rows(self, columns: Sequence[str]) -> tuple[dict[str, tuple[str, dict[str, Any]]], list[str]]:
        """The newest row of each incident with its path; the paths of older ones, which a killed run left."""
        newest: dict[str, tuple[str, dict[str, Any]]] = {}
        stale = []
        needed = list(dict.fromkeys([*columns, "incident", "analysis", "analysed_at"]))
        for path, row in self._rows(CAPTURES, needed, lambda name: not name.analysis):
            old = newest.get(row["incident"])
            if old is None or (old[1]["analysed_at"], old[0]) < (row["analysed_at"], path):
                stale += [old[0]] if old else []
                newest[row["incident"]] = path, row
            else:
                stale.append(path)
        return newest, stale

    def _rows(
        self, table: Table, columns: Sequence[str], wanted: Callable[[_Name], bool]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        paths = [path for path in self.place.files(table.name) if (name := _name(path)) and wanted(name)]
        return self._read(sorted(paths), columns)

    def _read(self, paths: Sequence[str], columns: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
        """The rows of some files, with the labels that their directories have."""
        pa, pq = _arrow()
        for path, data in self.place.contents(paths):
            try:
                file = pq.ParquetFile(pa.BufferReader(data))
                there = set(file.schema_arrow.names)
                # Threads cost more than they save where a file has a row.
                rows = _plain(file.read([name for name in columns if name in there], use_threads=False))
            except (OSError, ValueError, pa.ArrowException):  # not whole: as if it were not there
                continue
            label = {name: value for name, value in _labels(path).items() if name in columns}
            for row in rows:
                yield path, dict.fromkeys(columns) | label | row


def is_result(name: str) -> bool:
    """Whether a name is that of the result of an earlier scan."""
    try:
        return place_of(name).read(MARK) is not None
    except FdtraceError:
        return False


def _check_mark(mark: bytes, name: str) -> None:
    try:
        said = json.loads(mark)
        version = said["version"] if said["format"] == _FORMAT else None
    except (ValueError, KeyError, TypeError):
        raise DamagedInput(f"its {MARK} is damaged", path=name) from None
    if version != VERSION:
        raise UnknownFormat(
            f"was written by {said.get('written_by', 'another fdtrace')} as version {version!r} of the"
            f" dataset; this fdtrace ({__version__}) reads version {VERSION}",
            path=name,
        )


class _Name(NamedTuple):
    """What the name of a file tells; `analysis` is "" for captures."""

    id: str
    analysis: str


def _name(path: str) -> _Name | None:
    """None for a file that is not of a dataset."""
    found = _FILE.fullmatch(path.rpartition("/")[2])
    return _Name(found["id"], found["analysis"] or "") if found else None


def _path_of(table: Table, folder: str, name: str) -> str:
    return f"{table.name}/{folder}/{name}.parquet"


def _folder(path: str) -> str:
    """The partition of a file."""
    return path.partition("/")[2].rpartition("/")[0]


def _spelled(label: str | None) -> str:
    """A label as the name of a directory; readers undo the percent signs."""
    if not label:
        return _UNKNOWN
    return _RESERVED.sub(lambda found: quote(found[0], safe=""), _sound(label))


def _labels(path: str) -> dict[str, str | None]:
    pairs = (part.partition("=") for part in _folder(path).split("/"))
    return {name: None if value == _UNKNOWN else unquote(value) for name, _, value in pairs}


# -- Arrow -------------------------------------------------------------------


def _arrow() -> tuple[Any, Any]:
    try:
        return importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise MissingExtra("the result of a scan", "parquet") from None


@cache
def _types(table: Table) -> Any:
    pa, _ = _arrow()
    return pa.schema([(c.name, _type(c)) for c in table.columns if c.name not in PARTITIONS])


def _type(column: Column) -> Any:
    pa, _ = _arrow()
    if column.name in _RECORDS:
        kinds = {"string": pa.string(), "int64": pa.int64()}
        return pa.list_(pa.struct([(name, kinds[kind]) for name, kind in _RECORDS[column.name]]))
    if column.dtype == "object":
        return pa.list_(pa.int64() if column.name in _NUMBERS else pa.string())
    kinds = {
        "Int32": pa.int32(),
        "Int64": pa.int64(),
        "int64": pa.int64(),
        "float64": pa.float64(),
        "boolean": pa.bool_(),
        "datetime64[ns, UTC]": pa.timestamp("ns", tz="UTC"),
    }
    return kinds.get(column.dtype, pa.string())


def _parquet(table: Table, rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Rows as the bytes of a Parquet file."""
    pa, pq = _arrow()
    kinds = _types(table)
    arrays = [_array([_sound(row.get(field.name)) for row in rows], field.type, pa) for field in kinds]
    target = io.BytesIO()
    whole = pa.Table.from_arrays(arrays, schema=kinds)
    # Statistics and dictionaries of a few rows cost more than they save.
    pq.write_table(whole, target, compression="snappy", use_dictionary=False, write_statistics=False)
    return target.getvalue()


def _plain(table: Any) -> list[dict[str, Any]]:
    """Rows of Python's own values, times as nanoseconds since 1970."""
    pa, _ = _arrow()
    for place, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):
            table = table.set_column(place, field.name, table.column(place).cast(pa.int64()))
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def _array(values: list[Any], kind: Any, pa: Any) -> Any:
    """A column; a number that does not fit into it is absent."""
    try:
        return pa.array(values, kind)
    except (pa.ArrowException, OverflowError):
        return pa.concat_arrays([_one(value, kind, pa) for value in values])


def _one(value: Any, kind: Any, pa: Any) -> Any:
    try:
        return pa.array([value], kind)
    except (pa.ArrowException, OverflowError):
        return pa.nulls(1, kind)


def sound(text: str) -> str:
    r"""A text as UTF-8 has it: bytes that were none are `\xNN`."""
    return _SURROGATE.sub(lambda found: f"\\x{ord(found[0]) & 0xFF:02x}", text)


def _sound(value: Any) -> Any:
    """A value with all its texts sound."""
    if isinstance(value, str):
        return sound(value)
    if isinstance(value, (list, tuple)):
        return [_sound(one) for one in value]
    return {name: _sound(one) for name, one in value.items()} if isinstance(value, dict) else value
