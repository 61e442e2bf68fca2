"""Before and after: what a change cured, what it did not, and what it brought."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .case import Case
from .comparison.judging import Change, Comparison, Verdict, compare
from .comparison.kept import read_report
from .comparison.sides import Side
from .loading import load
from .model import Severity
from .report import diffs
from .report.findings_json import coverage_record, finding_record
from .schema import TABLES

if TYPE_CHECKING:
    import pandas as pd

Input = str | os.PathLike[str] | Case
_COLUMNS = {
    "status": "str", "check": "str", "severity": "str", "severity_before": "str", "command": "str",
    "kind": "str", "call_site": "str", "target": "str", "title": "str", "unit": "str", "before": "Int64",
    "before_work": "Float64", "after": "Int64", "after_work": "Float64", "expected": "Float64",
    "needed": "Int64", "why": "str",
}  # fmt: skip


class Diff(Sequence[Change]):
    """What became of each serious finding, the worst first.

    `table` is the DataFrame; printed, it is the answer.

    `verdict` is one of: fixed; not fixed; worse (what BEFORE had is gone or not to be
    seen, and something is new); cannot tell; nothing found (serious in either).
    """

    def __init__(self, comparison: Comparison) -> None:
        self.comparison = comparison

    @property
    def verdict(self) -> Verdict:
        """What to say of the whole."""
        return self.comparison.verdict

    def __getitem__(self, index: Any) -> Any:
        return self.comparison.changes[index]

    def __len__(self) -> int:
        return len(self.comparison.changes)

    def records(self) -> list[dict[str, object]]:
        """One record for each change, as they are in `table`, its key first."""
        return [_record(change) for change in self.comparison.changes]

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row for each change, index `key`.

        `before` and `after` count what stayed open of `before_work` and
        `after_work`, of which `unit` is one; `expected` is what AFTER would have
        left open at BEFORE's rate, `needed` the work that it takes to tell. NA where
        nothing could be counted.
        """
        import pandas as pd

        frame = pd.DataFrame(self.records(), columns=["key", *_COLUMNS])
        return frame.astype({"key": "str", **_COLUMNS}).set_index("key")

    def to_markdown(self) -> str:
        """The answer for a ticket, or for the comment of a merge request."""
        return diffs.markdown(self.comparison)

    def to_json(self) -> dict[str, object]:
        """Verdict, changes, and both sides' findings behind them."""
        made = self.comparison
        names = TABLES["findings"].names
        return {
            "verdict": self.verdict,
            "headline": diffs.headline(made),
            "changes": [
                {
                    **_record(change),
                    "finding_before": None if change.before is None else finding_record(change.before, names),
                    "finding_after": None if change.after is None else finding_record(change.after, names),
                }
                for change in self
            ],
            "before": [coverage_record(one) for one in made.before.coverage],
            "after": [coverage_record(one) for one in made.after.coverage],
        }

    def __str__(self) -> str:
        return diffs.answer(self.comparison)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        import html

        return f"<pre>{html.escape(str(self))}</pre>"


def _record(change: Change) -> dict[str, object]:
    one, measure = change.finding, change.measure
    return {
        "key": change.key,
        "status": change.status,
        "check": one.check,
        "severity": None if change.after is None else change.after.severity,
        "severity_before": None if change.before is None else change.before.severity,
        "command": one.command,
        "kind": one.kind,
        "call_site": one.call_site,
        "target": one.target,
        "title": one.title,
        "unit": None if measure is None else measure.unit,
        "before": None if measure is None else measure.before,
        "before_work": None if measure is None else float(measure.before_work),
        "after": None if measure is None else measure.after,
        "after_work": None if measure is None else float(measure.after_work),
        "expected": None if measure is None else round(measure.expected, 3),
        "needed": None if measure is None else measure.needed,
        "why": diffs.because(change) or None,
    }


def diff(
    before: Input, after: Input, *, only: Sequence[str] | None = None, severity: Severity = "medium"
) -> Diff:
    """What became of the findings of one capture in another: after a fix, or in the next release.

    Args:
        before: a Case, or what `load` takes: a file, a directory, a saved Case;
            or a report that `leaks`, `check` or `report` wrote as JSON.
        after: the same for the other side.
        only: compare the findings of these checks and no others.
        severity: compare findings that are at least so serious on one side.

    Raises:
        BadArgument: a check of that name does not exist, or a JSON file is no report.
        CaptureError: nothing could be read of one side.
    """
    return Diff(compare(side(before, only), side(after, only), severity))


def side(given: Input, only: Sequence[str] | None = None, name: str = "") -> Side:
    """One side of a comparison, read. `name` is what it is called; else its path, or that of its captures."""
    if isinstance(given, Case):
        names = [one.capture for one in given.coverage]
        case, name = given, name or ", ".join(names[:2]) + (" …" if len(names) > 2 else "")
    else:
        name = name or os.fspath(given)
        if (report := read_report(os.fspath(given))) is not None:
            found, coverage = report
            return Side(name, [one for one in found if only is None or one.check in only], coverage, None)
        case = load(given)
    judged = case.check(only)
    return Side(name, list(judged), judged.coverage, case.places)


def redacted(made: Diff, before: Case, after: Case, key: str | None = None) -> tuple[Diff, tuple[str, ...]]:
    """The same answer with pseudonyms, one for one thing on both sides; and what to say of that."""
    plain = made.comparison
    with tempfile.TemporaryDirectory() as folder:
        names = key or os.path.join(folder, "names")
        one = before.redacted(names)
        old = {id(c): one.shown(c.before) for c in plain.changes if c.before is not None}
        one.keep_key()
        other = after.redacted(names)  # it takes up the names that the first gave
        new = {id(c): other.shown(c.after) for c in plain.changes if c.after is not None}
        other.keep_key()
    changes = tuple(
        dataclasses.replace(
            change,
            before=old.get(id(change)),
            after=new.get(id(change)),
            heirs=tuple(map(other.redactor.symbol, change.heirs)),
        )
        for change in plain.changes
    )
    sides = [
        dataclasses.replace(
            side, name=shown.redactor.text(side.name.rpartition("/")[2]), coverage=shown.coverage
        )
        for side, shown in ((plain.before, one), (plain.after, other))
    ]
    comparison = dataclasses.replace(plain, before=sides[0], after=sides[1], changes=changes)
    said = dict.fromkeys((one.account[0], *other.account))
    return Diff(comparison), tuple(text for text in said if not text.endswith("nothing to replace."))


__all__ = ["Change", "Diff", "diff", "side"]
