"""A capture's history as the columns of its tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..readers.strace import stacks
from ..readers.strace.window import ABSENT, NO_FD, Mark, Row, Window
from .calls import Calls
from .callsites import CallSites
from .effects import EFFECTS, READS, WRITES, Op
from .kernel import Observer
from .lives import At, Life
from .run import History, window_stream

Columns = dict[str, list[Any]]


class Recorder(Observer):
    """An observer that keeps every life that ended."""

    def __init__(self) -> None:
        self.ended: list[Life] = []

    def closed(self, life: Life) -> None:
        """Keep it."""
        self.ended.append(life)


class Numbers:
    """Makes the numbers of one capture unique within a Case: offsets added to its codes."""

    def __init__(self) -> None:
        self.table = self.ofd = self.stack = self.seq = 0

    def after(self, history: History) -> None:
        """Move past everything that a capture used."""
        kernel = history.fold.calls.kernel
        self.table += len(kernel.tables)
        self.ofd += kernel.ofd()
        self.stack += len(history.scan.stacks)
        self.seq += sum(scanner.tally.calls for scanner in history.scanners)


class Moments:
    """Clock readings as seconds since the capture's first stamp and as calendar time."""

    def __init__(self, history: History, epoch_offset: int | None) -> None:
        firsts = [s.tally.first for s in history.scanners if s.tally.first != ABSENT]
        self.first = min(firsts, default=ABSENT)
        clocks = {s.tally.clock for s in history.scanners}
        self.offset = 0 if "epoch" in clocks else epoch_offset

    def seconds(self, clock: int) -> float | None:
        """None without a clock."""
        return None if clock == ABSENT else (clock - self.first) / 1e9

    def calendar(self, clock: int) -> int | None:
        """Nanoseconds since 1970, None while the date is not known."""
        return None if clock == ABSENT or self.offset is None else clock + self.offset


def seq_bases(history: History) -> list[int]:
    """Where the numbering of each file's calls begins in the capture's."""
    bases, total = [], 0
    for scanner in history.scanners:
        bases.append(total)
        total += scanner.tally.calls
    return bases


def fds(history: History, lives: list[Life], sites: CallSites, numbers: Numbers, moments: Moments) -> Columns:
    """The columns of `fds`: one row per life, in the order in which they began."""
    ident = history.fd_id
    base = seq_bases(history)
    site_of = _site_of(history, sites)

    ordered = sorted(lives, key=lambda l: (-1 if l.opened is None else l.opened.pos, ident(l)))
    gens: dict[tuple[int, int], int] = {}
    rows: Columns = {name: [] for name in _FDS}
    for life in ordered:
        o, c = life.opened, life.closed
        by_call = c is not None and life.how not in ("exit", "implied_reuse", "none")
        key = (life.table.ident, life.fd)
        gen = gens[key] = gens.get(key, -1) + 1
        first = o or c
        rows["fd_id"].append(ident(life))
        rows["table"].append(numbers.table + life.table.ident)
        rows["pid"].append(life.process.pid)
        rows["fd"].append(life.fd)
        rows["gen"].append(gen)
        rows["ofd"].append(numbers.ofd + life.ofd)
        rows["parent"].append(None if life.parent is None else ident(life.parent))
        rows["file"].append(None if first is None else history.file_name(first.file))
        rows["open_line"].append(None if o is None else o.line)
        rows["close_line"].append(None if c is None else c.line)
        rows["kind"].append(life.kind)
        rows["target"].append(life.target)
        rows["local"].append(life.local)
        rows["peer"].append(life.peer)
        rows["inode"].append(life.inode)
        rows["via"].append(life.via)
        rows["opened_by"].append(None if o is None else o.syscall.decode("ascii", "replace"))
        rows["how"].append(life.how)
        rows["closed_by"].append(c.syscall.decode("ascii", "replace") if by_call and c is not None else None)
        rows["open_seq"].append(None if o is None or o.seq < 0 else numbers.seq + base[o.file] + o.seq)
        rows["close_seq"].append(
            numbers.seq + base[c.file] + c.seq if by_call and c is not None and c.seq >= 0 else None
        )
        rows["open_tid"].append(None if o is None else o.tid or None)
        rows["open_t_s"].append(None if o is None else moments.seconds(o.clock))
        rows["close_t_s"].append(None if c is None else moments.seconds(c.clock))
        rows["open_time"].append(None if o is None else moments.calendar(o.clock))
        rows["last_use_t_s"].append(None if life.last_use is None else moments.seconds(life.last_use.clock))
        rows["cloexec"].append(life.cloexec)
        rows["uses"].append(life.uses)
        rows["errors"].append(life.errors)
        rows["read_bytes"].append(life.read_bytes)
        rows["written_bytes"].append(life.written_bytes)
        stack = -1 if o is None else o.stack
        rows["call_site"].append(site_of(stack))
        rows["stack"].append(None if stack < 0 else numbers.stack + stack)
        rows["state"].append(life.state)
        rows["state_source"].append(f"strace: {life.state_name}" if life.state else None)
        rows["certainty"].append("certain" if life.certain else "inferred")
    return rows


_FDS = (
    "fd_id table pid fd gen ofd parent file open_line close_line kind target local peer inode via opened_by how "
    "closed_by open_seq close_seq open_tid open_t_s close_t_s open_time last_use_t_s cloexec uses errors read_bytes "
    "written_bytes call_site stack state state_source certainty"
).split()


def _site_of(history: History, sites: CallSites) -> Callable[[int], str | None]:
    def site(stack: int) -> str | None:
        found = sites.of(history.scan.stacks[stack]) if stack >= 0 else None
        return None if found is None else found.site

    return site


def processes(history: History, numbers: Numbers, moments: Moments) -> Columns:
    """The columns of `processes`, in the order in which they appeared."""
    rows: Columns = {n: [] for n in (
        "pid ppid table tids command argv started_t_s ended_t_s ended_by exit_code nofile_limit peak_fds").split()}
    for process in history.fold.calls.kernel.processes:
        rows["pid"].append(process.pid)
        rows["ppid"].append(process.ppid)
        rows["table"].append(None if process.table is None else numbers.table + process.table.ident)
        rows["tids"].append(tuple(tid for tid in process.tids if tid))
        rows["command"].append(process.command)
        rows["argv"].append(process.argv)
        rows["started_t_s"].append(_moment(process.started, moments) if process.ppid else None)
        rows["ended_t_s"].append(_moment(process.ended, moments))
        rows["ended_by"].append(process.ended_by)
        rows["exit_code"].append(process.exit_code)
        rows["nofile_limit"].append(process.limit)
        rows["peak_fds"].append(process.peak)
    return rows


def _moment(at: At | None, moments: Moments) -> float | None:
    return None if at is None else moments.seconds(at.clock)


def tasks(history: History, numbers: Numbers, moments: Moments) -> Columns:
    """The columns of `tasks`, in the order in which they appeared."""
    calls: Calls = history.fold.calls
    rows: Columns = {n: [] for n in "tid pid table started_t_s ended_t_s ended_by".split()}
    everyone = [*calls.gone, *calls.tasks.values()]
    for task in sorted(everyone, key=lambda t: -1 if t.started is None else t.started.pos):
        rows["tid"].append(task.tid or None)
        rows["pid"].append(task.process.pid)
        rows["table"].append(numbers.table + task.table.ident)
        rows["started_t_s"].append(_moment(task.started, moments))
        rows["ended_t_s"].append(_moment(task.ended, moments))
        rows["ended_by"].append(task.ended_by)
    return rows


def frames(history: History, numbers: Numbers) -> Columns:
    """The columns of `frames`: every frame of every distinct stack."""
    rows: Columns = {n: [] for n in "stack depth module symbol offset address source source_line".split()}
    for code, block in enumerate(history.scan.stacks.items):
        for depth, frame in enumerate(stacks.frames(block)):
            rows["stack"].append(numbers.stack + code)
            rows["depth"].append(depth)
            rows["module"].append(frame.module)
            rows["symbol"].append(frame.symbol or None)
            rows["offset"].append(frame.offset)
            rows["address"].append(frame.address)
            rows["source"].append(frame.source)
            rows["source_line"].append(frame.source_line)
    return rows


_EVENTS = (
    "seq file line end_line tid pid table t_s end_t_s duration_s time syscall fd new_fd fd_text ret errno outcome "
    "io_bytes args stack"
).split()


def events(history: History, numbers: Numbers, moments: Moments, wanted: Callable[[int], bool] | None = None) -> Columns:
    """The columns of `events`: the capture is read once more, every call becomes a row."""
    rows: Columns = {name: [] for name in _EVENTS}
    at: dict[int, int] = {}
    bases = seq_bases(history)
    belongs = _belonging(history)
    for window in window_stream(history):
        _add_events(window, history, rows, at, numbers, bases[window.file], moments, belongs)
    return rows


def _belonging(history: History) -> Callable[[int, int, int], tuple[int | None, int | None]]:
    """Which process and table a thread had at a call: from the tenures that the fold kept."""
    tenures: dict[int, list[tuple[int, int, int | None, int]]] = {}
    for tid, file, seq, task, table in history.fold.calls.tenures:
        tenures.setdefault(tid, []).append((file, seq, task.process.pid, table.ident))

    def find(tid: int, file: int, seq: int) -> tuple[int | None, int | None]:
        found: tuple[int | None, int | None] = (None, None)
        for in_file, since, pid, table in tenures.get(tid, ()):
            if in_file != file or since <= seq or found[1] is None:
                found = (pid, table)
            if in_file == file and since > seq:
                break
        return found

    return find


def _add_events(
    window: Window,
    history: History,
    rows: Columns,
    at: dict[int, int],
    numbers: Numbers,
    base: int,
    moments: Moments,
    belongs: Callable[[int, int, int], tuple[int | None, int | None]],
) -> None:
    scan = history.scan
    names = ("kind", "tid", "clock", "syscall", "fd", "note", "ret", "ret_note", "errno", "duration", "flags",
             "seq", "line", "entry_line", "entry_clock", "stack")
    for index, row in enumerate(window.rows(names)):
        (kind, tid, clock, code, fd, note, ret, ret_note, errno, duration, flags, seq, line, entry_line,
         entry_clock, stack) = row
        if kind > Row.EXIT:
            continue
        name = scan.syscalls[code]
        if kind == Row.EXIT and seq in at:
            place = at.pop(seq)
        else:
            place = len(rows["seq"])
            for column in _EVENTS:
                rows[column].append(None)
        ended = kind != Row.ENTRY
        begun = entry_clock if kind == Row.EXIT else clock
        text = window.text(index)
        if kind == Row.ENTRY:
            at[seq] = place
        pid, table = belongs(tid, window.file, seq)
        took = duration if duration != ABSENT else None
        end = clock if kind == Row.EXIT else (clock + duration if took is not None and clock != ABSENT else ABSENT)
        fields: dict[str, Any] = {
            "seq": numbers.seq + base + seq,
            "file": history.file_name(window.file),
            "line": entry_line,
            "end_line": line if ended and ret != ABSENT or errno >= 0 else None,
            "tid": tid or None,
            "pid": pid,
            "table": None if table is None else numbers.table + table,
            "t_s": moments.seconds(begun),
            "end_t_s": moments.seconds(end) if ended else None,
            "duration_s": None if took is None else took / 1e9,
            "time": moments.calendar(begun),
            "syscall": name.decode("ascii", "replace"),
            "fd": fd if fd != NO_FD and _is_descriptor(name, fd) else None,
            "new_fd": _new_fd(name, ret, errno, text) if ended else None,
            "fd_text": scan.notes[note].decode("utf-8", "backslashreplace") if note >= 0 else None,
            "ret": None if ret == ABSENT else ret,
            "errno": scan.errnos[errno].decode("ascii", "replace") if errno >= 0 else None,
            "outcome": outcome(kind, ret, errno, flags),
            "io_bytes": ret if ret != ABSENT and ret >= 0 and (name in READS or name in WRITES) else None,
            "args": arguments(text),
            "stack": None if stack < 0 else numbers.stack + stack,
        }
        for column, value in fields.items():
            rows[column][place] = value


def outcome(kind: int, ret: int, errno: int, flags: int) -> str:
    """How a call ended, in a word."""
    if flags & Mark.NOT_EXECUTED:
        return "injected"
    if flags & Mark.RESTARTED:
        return "restarted"
    if kind == Row.ENTRY:
        return "unfinished"
    if ret == ABSENT:
        return "no_return"
    return "error" if errno >= 0 else "ok"


def _is_descriptor(name: bytes, fd: int) -> bool:
    from .effects import USES

    effect = EFFECTS.get(name)
    if name in USES:
        return fd >= -100
    return effect is not None and effect.op in (
        Op.USE, Op.READ, Op.STATE, Op.DUP, Op.DUP_OVER, Op.CLOSE, Op.CONTROL, Op.RECEIVE, Op.SEND, Op.GET_FD,
    )


def _new_fd(name: bytes, ret: int, errno: int, text: bytes) -> int | None:
    from ..readers.strace.args import Call
    from . import effects as e

    effect = EFFECTS.get(name)
    if effect is None or errno >= 0 or ret == ABSENT or ret < 0:
        return None
    if effect.op == Op.CREATE:
        return next((new.fd for new in e.created(effect, Call(text), ret, None)), None)
    if effect.op in (Op.DUP, Op.DUP_OVER, Op.GET_FD):
        return ret
    if effect.op == Op.CONTROL and b"F_DUPFD" in text:
        return ret
    if effect.op == Op.RECEIVE and b"SCM_RIGHTS" in text:
        return next((fd for fd, _ in e.received(Call(text))[0]), None)
    return None


def arguments(text: bytes) -> str:
    """What stands between the parentheses of a call."""
    from ..readers.strace.args import Call

    call = Call(text)
    return ", ".join(arg.decode("utf-8", "backslashreplace") for arg in call.args)


def problems(items: Iterable[Any]) -> Columns:
    """The columns of `problems`."""
    rows: Columns = {n: [] for n in "file line reader reason text".split()}
    for problem in items:
        for column in rows:
            rows[column].append(getattr(problem, column))
    return rows
