"""A Case as it may be shown to others: the same tables and answers, with pseudonyms."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, cast

from fdtrace.errors import CaptureError, FdtraceError
from fdtrace.model import Coverage, Evidence, Finding
from fdtrace.report import cells, discreet
from fdtrace.report.pseudonyms import read_key
from fdtrace.report.redact import UNSEEN, Redactor

if TYPE_CHECKING:
    import pandas as pd

    from fdtrace.case import Case, Findings
    from fdtrace.report.report import Keep, Report
    from fdtrace.story import Story
    from fdtrace.timeline import Timeline

_TABLES = (
    "fds", "events", "processes", "tasks", "frames", "open_files", "sockets", "lws_objects", "lws_events",
    "sightings", "problems",
)  # fmt: skip
_SNAPSHOTS = ("open_files", "sockets", "lws_objects", "lws_events")
_LWS_WORDS = frozenset(
    """WS WSS ws wss h1 h2 H1 H2 http https mqtt MQTT RAW RAWRW raw raw-skt default system pipe netlink udp
    context""".split()
)


class Redacted:
    """A Case whose every text went through one Redactor. It has the tables and answers of the Case.

    `key` is a file that leads from pseudonyms back to what they stand for: it is
    read, if it is there, so that several runs use the same names, and written by `keep_key`.
    """

    def __init__(self, case: Case, keep: Keep, key: str | None = None) -> None:
        self._case = case
        self._keep = keep
        self._key = key
        self.redactor = Redactor(read_key(key) if key else None)
        self._frames: dict[str, pd.DataFrame] = {}
        self._learn()

    def _learn(self) -> None:
        """Takes in what only its column tells to be a name, before any text is written."""
        redactor, case = self.redactor, self._case
        files, sockets = case.open_files, case.sockets
        for name in _distinct(files, "user"):
            redactor.user(name)
        for frame in (sockets, files):
            for column in ("local", "peer"):
                for end in _distinct(frame, column):
                    redactor.endpoint(end)
        for tag in _distinct(case.lws_objects, "description"):
            self._tag(tag)
        for frame, column in ((files, "command"), (sockets, "program")):
            for name in _distinct(frame, column):
                redactor.program(name)
        for name in _distinct(files, "name"):
            if name.startswith("/"):
                redactor.learn_path(name)

    def _plain(self, name: str) -> pd.DataFrame:
        """A table as it is; those that need a recording to be read tell the names of its programs, too."""
        if name not in _SNAPSHOTS:
            self._learn_programs()
        frame: pd.DataFrame = getattr(self._case, name)
        return frame

    def _learn_programs(self) -> None:
        """Takes in what only the recordings tell: the names of the programs."""
        for command in _distinct(self._case.processes, "command"):
            self.redactor.program(command)

    def _tag(self, tag: str) -> str:
        """The description of an object of libwebsockets: role, protocol, virtual host, peer."""
        if tag.startswith("/"):
            return self.redactor.path(tag)
        parts = [part.split("|") for part in tag.split("/")]
        return "/".join("|".join(self._word_of_tag(word) for word in words) for words in parts)

    def _word_of_tag(self, word: str) -> str:
        if word in _LWS_WORDS or not word.strip("-0123456789"):
            return word
        return self.redactor.text(word) if word[:1].isdigit() else self.redactor.host(word)

    # -- the Case, redacted --------------------------------------------------

    def __getattr__(self, name: str) -> Any:
        if name in _TABLES:
            if name not in self._frames:
                self._frames[name] = self.frame(name, self._plain(name))
            return self._frames[name]
        if name in ("interrupted", "leaked"):
            return getattr(self._case, name)
        raise AttributeError(name)

    @property
    def skipped(self) -> list[tuple[str, str]]:
        """Files that were not taken."""
        return [(self._file(name), self.redactor.text(reason)) for name, reason in self._case.skipped]

    @property
    def unreadable(self) -> list[FdtraceError]:
        """Inputs that could not be read."""
        return [CaptureError(self.redactor.text(str(error))) for error in self._case.unreadable]

    @property
    def coverage(self) -> list[Coverage]:
        """What each capture can show."""
        return [self._coverage(one) for one in self._case.coverage]

    def gather(self) -> None:
        """Prepares for both answers and tables."""
        self._case.gather()

    def leaks(self, **thresholds: Any) -> Findings:
        """The leaks."""
        return self._findings(self._case.leaks(**thresholds))

    def check(self, only: Any = None) -> Findings:
        """Every check."""
        if only is None:
            self.gather()
        return self._findings(self._case.check(only=only))

    def iter_events(self, **wanted: Any) -> Iterator[pd.DataFrame]:
        """The events in pieces."""
        self._plain("processes")
        for piece in self._case.iter_events(**wanted):
            yield self.frame("events", piece)

    def executions(self) -> Iterator[tuple[str, int | None, float | None, int, str | None]]:
        """The programs that were executed."""
        for capture, pid, t_s, line, program in self._case.executions():
            shown = None if program is None else self.redactor.program(program)
            yield self._file(capture), pid, t_s, line, shown

    def story(self, pid: int | None = None, fd: int = 0, at: float | None = None) -> Story:
        """One descriptor's life."""
        told = self._case.story(pid=pid, fd=fd, at=at)
        return dataclasses.replace(
            told,
            life=self.frame("fds", told.life.to_frame().T).iloc[0],
            calls=self.frame("events", told.calls),
            table=self.frame("story", told.table),
            copies=self.frame("fds", told.copies),
        )

    def timeline(self, *chosen: Any, **named: Any) -> Timeline:
        """Descriptors over time."""
        plain = self._case.timeline(*chosen, **named)
        return type(plain)(cast("Case", self), plain.pid, plain.by)

    def report(self, only: Any = None, *, date: str | None = None) -> Report:
        """The report, without payload."""
        from fdtrace.report.report import Report

        return Report(self, self._keep, only, date=date)

    def keep_key(self) -> None:
        """Writes the key, if one is wanted."""
        if self._key:
            self.redactor.names.write(self._key)

    @property
    def account(self) -> tuple[str, str]:
        """What was replaced, counted; what was not, or cannot be."""
        return self.redactor.account(), UNSEEN

    def shown(self, one: Finding) -> Finding:
        """A single finding."""
        self._take_in(one)
        coverage = self._case.coverage
        (discreetly,) = discreet.findings([one], coverage)
        return self._finding(discreetly, {file: cap.kind for cap in coverage for file in cap.files})

    def _take_in(self, one: Finding) -> None:
        """Learns the names that only a finding tells to be names."""
        if one.command:
            self.redactor.program(one.command)
        for frame in (one.call_site, *one.callers):
            if frame:
                self.redactor.symbol(frame)
        if one.target and one.target.startswith("/"):
            self.redactor.learn_path(one.target)

    def _findings(self, found: Findings) -> Findings:
        self._learn_programs()
        for one in found:
            self._take_in(one)
        kinds = {file: one.kind for one in found.coverage for file in one.files}
        shown = [self._finding(one, kinds) for one in discreet.findings(found, found.coverage)]
        return type(found)(shown, [self._coverage(one) for one in found.coverage], found.asked, found.leaked)

    def _finding(self, one: Finding, kinds: dict[str, str]) -> Finding:
        redactor = self.redactor
        return dataclasses.replace(
            one,
            key=redactor.text(one.key),
            title=redactor.text(one.title),
            capture=self._file(one.capture),
            command=None if one.command is None else redactor.program(one.command),
            call_site=None if one.call_site is None else redactor.symbol(one.call_site),
            callers=tuple(map(redactor.symbol, one.callers)),
            source=None if one.source is None else redactor.path(one.source),
            target=None if one.target is None else redactor.named(one.target),
            peer=None if one.peer is None else redactor.endpoint(one.peer),
            state_source=None if one.state_source is None else self._told_by(one.state_source),
            evidence=tuple(
                Evidence(
                    self._file(quote.file),
                    quote.line,
                    self._quote(quote.text, kinds.get(quote.file)),
                )
                for quote in one.evidence
            ),
            reasons=redactor.words(one.reasons),
            advice=redactor.text(one.advice),
        )

    def _coverage(self, one: Coverage) -> Coverage:
        words = self.redactor.words
        return dataclasses.replace(
            one,
            capture=self._file(one.capture),
            files=tuple(map(self._file, one.files)),
            options=words(one.options),
            joined=words(one.joined),
            symbols=words(one.symbols),
            missing=words(one.missing),
            reasons=words(one.reasons),
        )

    def _quote(self, text: str, kind: str | None) -> str:
        if kind == "procfs":
            return self.redactor.listed(text)
        return self.redactor.quote(text, to_the_end=kind == "lsof")

    def _told_by(self, source: str) -> str:
        """Who told a state: tools, and in parentheses a file."""
        tools, parenthesis, file = source.partition(" (")
        return self.redactor.text(tools) + (f" ({self._file(file)}" if parenthesis else "")

    def _file(self, name: str) -> str:
        """A capture's file: without its directories, which are of the machine it was analysed on."""
        return self.redactor.capture(name)

    # -- tables --------------------------------------------------------------

    def frame(self, name: str, frame: pd.DataFrame) -> pd.DataFrame:
        """A table with every text redacted by what its column means."""
        shown = frame.copy(deep=False)
        if name == "events":
            shown = _without_payload(shown)
        if name == "story":
            told = zip(frame["source"].astype(object), frame["what"].astype(object), strict=True)
            shown["what"] = [discreet.call(what) if source == "strace" else what for source, what in told]
        for column in shown.columns:
            if (say := self._saying(name, str(column))) is not None:
                shown[column] = _mapped(shown[column], say)
        if frame.index.name == "key":
            shown.index = frame.index.map(self.redactor.text)
        return shown

    def _saying(self, table: str, column: str) -> Callable[[str], str] | None:
        """How the texts of a column are redacted; None where they are no names."""
        redactor = self.redactor
        if column in ("capture", "file"):
            return self._file
        if (table, column) == ("lws_objects", "description"):
            return self._tag
        if table == "processes" and column == "argv":
            return lambda argv: discreet.arguments(f'"", {argv}', "execve").removeprefix('"", ')
        if (table, column) == ("problems", "text"):
            # What nobody understood may be anything, payload as well.
            return lambda text: f"… {cells.counted(len(text), 'character')}"
        if (table, column) == ("open_files", "name"):
            return redactor.named
        if table in ("frames", "findings") and column == "source":
            return redactor.path
        columns: dict[str, Callable[[str], str]] = {
            "user": redactor.user,
            "command": redactor.program,
            "program": redactor.program,
            "local": redactor.endpoint,
            "peer": redactor.endpoint,
            "local_addr": redactor.host,
            "peer_addr": redactor.host,
            "target": redactor.named,
            "path": self._socket_path,
            "fd_text": redactor.annotation,
            "call_site": redactor.symbol,
            "module": redactor.path,
            "args": redactor.quote,
            "what": redactor.quote,
            "state_source": self._told_by,
            **dict.fromkeys(("text", "reason", "error"), redactor.text),
        }  # fmt: skip
        return columns.get(column)

    def _socket_path(self, path: str) -> str:
        return self.redactor.quote(path) if path.startswith("@") else self.redactor.path(path)


def _distinct(frame: pd.DataFrame, column: str) -> list[str]:
    return [str(value) for value in frame[column].dropna().unique()]


def _mapped(series: pd.Series[Any], say: Callable[[str], str]) -> pd.Series[Any]:
    """The column with each distinct text said once."""
    names = {value: say(str(value)) for value in series.dropna().unique()}
    plain = series.astype(object).map(names, na_action="ignore")
    return plain.astype("category") if str(series.dtype) == "category" else plain.astype(series.dtype)


def _without_payload(frame: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    calls = zip(frame["args"].astype(object), frame["syscall"].astype(object), strict=True)
    shown = [discreet.arguments(args, str(call)) if isinstance(args, str) else None for args, call in calls]
    return frame.assign(args=pd.Series(shown, frame.index, dtype=frame["args"].dtype))
