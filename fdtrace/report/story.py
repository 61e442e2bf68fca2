"""A life as a tale: what it is, how it came, each call on it with its time, how it ended, its copies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fdtrace.report import cells
from fdtrace.report.document import Block, Code, Grid, Lines, Strong, Words

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = 40
_COPIES = 6
_ARGUMENTS = 100
_LETTERS = 200
_TOLD_BY = {"procfs": "/proc"}
_CAME = {
    "dup": "is a copy within its process",
    "dup_over": "is a copy within its process",
    "fork_copy": "is a copy that its process got from its parent",
    "implied": "was not seen to be made, its use implies it",
    "inherited": "was there before its process is first seen",
    "pidfd_getfd": "was taken from another process",
    "scm_rights": "was received over a unix socket",
    "snapshot": "is known from a snapshot only, nothing shows it being made",
}
_ENDED = {
    "close": "Closed",
    "close_error": "Closed, with an error that was returned all the same,",
    "close_range": "Closed with others by close_range",
    "cloexec_exec": "Closed by exec, as close-on-exec descriptors are,",
    "dup_over": "Closed because another descriptor was put onto its number",
    "implied_reuse": "Closed at a time the capture does not show; its number was given out again",
    "snapshot_gone": "Gone at the next look",
}


def tale(life: pd.Series, table: pd.DataFrame, copies: pd.DataFrame) -> str:
    """The text of a story; long middles are left out and counted."""
    lines = _head(life)
    rows: list[Any] = list(table.itertuples())
    left_out = max(0, len(rows) - _SHOWN)
    if rows:
        lines += ["", f"{'seconds':>12}  {'line':>7}"]
    for place, row in enumerate(rows):
        if left_out and place == _SHOWN // 2:
            lines.append(f"{'':>12}  {'':>7}  … {cells.counted(left_out, 'more line')} …")
        if not left_out or place < _SHOWN // 2 or place >= len(rows) - _SHOWN // 2:
            lines.append(_line(row))
    lines += ["", *_end(life), *_copies(copies)]
    return "\n".join(lines) + "\n"


def blocks(life: pd.Series, table: pd.DataFrame, copies: pd.DataFrame) -> list[Block]:
    """The same tale in blocks, what happened as a table."""
    head, *came = _head(life)
    parts: list[Block] = [Lines(((Strong(head),), *((line,) for line in came)))]
    rows: list[Any] = list(table.itertuples())
    left_out = max(0, len(rows) - _SHOWN)
    if left_out:
        rows = [*rows[: _SHOWN // 2], None, *rows[len(rows) - _SHOWN // 2 :]]
    if rows:
        gap: tuple[Words, ...] = ((), (), (), (f"… {cells.counted(left_out, 'more line')} …",))
        shown = tuple(gap if row is None else _row(row) for row in rows)
        parts.append(Grid(("seconds", "line", "told by", "what"), shown, frozenset({0, 1})))
    ends = [*_end(life), *(line.strip() for line in _copies(copies))]
    return [*parts, Lines(tuple((line,) for line in ends))]


def _row(row: Any) -> tuple[Words, ...]:
    at = f"{row.t_s:.6f}" if _known(row.t_s) else ""
    return (
        (at,),
        (f"{row.line:,}",),
        (_TOLD_BY.get(row.source, row.source),),
        (Code(cells.shorten(row.what, _LETTERS, "both")),),
    )


def _known(value: object) -> bool:
    import pandas as pd

    return not pd.isna(value)  # type: ignore[call-overload]


def _word(value: object) -> str:
    return cells.visible(str(value)) if _known(value) else ""


def _head(life: pd.Series) -> list[str]:
    process = f" of process {life['pid']}" if _known(life["pid"]) else ""
    target = _word(life["target"])
    lines = [f"Descriptor {life['fd']}{process}: {life['kind']}{f' {target}' if target else ''}"]
    via = str(life["via"])
    site = f" in {_word(life['call_site'])}" if _known(life["call_site"]) else ""
    made = f"made by {_word(life['opened_by'])}(){site}" if _known(life["opened_by"]) else ""
    if via in _CAME:
        lines.append(f"It {_CAME[via]}{f', {made}' if made else ''}.")
    else:
        lines.append(f"It was {made or f'made ({_word(via)})'}.")
    if life["certainty"] != "certain":
        lines.append("Parts of this are inferred: the capture does not show all of it.")
    return lines


def _line(row: Any) -> str:
    at = f"{row.t_s:12.6f}" if _known(row.t_s) else " " * 12
    told_by = "" if row.source == "strace" else f"[{_TOLD_BY.get(row.source, row.source)}] "
    return f"{at}  {row.line:>7}  {told_by}{cells.visible(row.what)}"


def call(row: Any) -> str:
    """A row of events as the call that it is."""
    ret = f" = {row.ret}" if _known(row.ret) else ""
    errno = f" {row.errno}" if _known(row.errno) else ""
    unfinished = " (did not return)" if row.outcome in ("unfinished", "no_return") else ""
    args = cells.shorten(_word(row.args), _ARGUMENTS)
    return f"{row.syscall}({args}){ret}{errno}{unfinished}"


def _end(life: pd.Series) -> list[str]:
    how = str(life["how"])
    if how in ("none", "exit"):
        until = "the capture ends" if how == "none" else "its process ends"
        said = f"Never closed: still open when {until}."
    else:
        where = f" on line {life['close_line']:,}" if _known(life["close_line"]) else ""
        at = f", at {life['close_t_s']:.6f} s" if _known(life["close_t_s"]) else ""
        said = f"{_ENDED.get(how, f'Ended ({how})')}{where}{at}."
    lines = [said]
    if _known(life["state"]):
        lines.append(f"State {_word(life['state'])}, known from {_word(life['state_source'])}.")
    if _known(life["uses"]):
        failed = f" ({life['errors']:,} failed)" if life["errors"] else ""
        moved = [
            f"{cells.size(int(life[name]))} {way}"
            for name, way in (("read_bytes", "read"), ("written_bytes", "written"))
            if _known(life[name]) and life[name]
        ]
        lines.append(", ".join([f"Used by {cells.counted(int(life['uses']), 'call')}{failed}", *moved]) + ".")
    return lines


def _copies(copies: pd.DataFrame) -> list[str]:
    """The other descriptors of the same open file, those that are still open first."""
    if copies.empty:
        return []
    still = copies["how"] == "none"
    ordered = [*copies[still].itertuples(), *copies[~still].itertuples()]
    number = int(still.sum())
    held = f"{number:,} of them still open at the end" if number else "none of them still open at the end"
    lines = [f"Other descriptors of the same open file: {len(copies):,}, {held}."]
    for copy in ordered[:_COPIES]:
        process = f" of process {copy.pid}" if _known(copy.pid) else ""
        end = {"none": "open", "exit": "open until its process ended"}.get(str(copy.how), "closed")
        lines.append(f"  {copy.fd}{process} ({str(copy.via).replace('_', ' ')}), {end}")
    if len(ordered) > _COPIES:
        lines.append(f"  and {len(ordered) - _COPIES:,} more")
    return lines
