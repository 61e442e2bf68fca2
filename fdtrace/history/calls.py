"""What each call does between its entry and its exit.

`enter` is told what the entry line shows, `leave` what the exit line adds; a
call on one line goes through both at once. A call under way is a `Flight`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from ..readers.strace import args as a
from ..readers.strace.args import Call
from ..readers.strace.window import ABSENT, NO_FD, Mark
from . import effects as e
from . import sockets
from .effects import CLONE_FILES, EFFECTS, FD_COMMANDS, New, Op
from .family import Family
from .kernel import Kernel, Observer
from .lives import STDIO, At, Flight, Life, Table
from .tasks import Task

Result = tuple[int, bytes | None, bytes, int, int, int]
"""ret, its annotation, errno, flags, the exit's clock, the exit's line."""

_ALIAS = re.compile(rb"/\* (\d+) in strace's PID NS \*/")
_USING = frozenset({Op.USE, Op.STATE, Op.READ, Op.RECEIVE, Op.SEND, Op.CONTROL, Op.DUP, Op.CREATE, Op.GET_FD})
_CREATING = frozenset({Op.CREATE, Op.DUP, Op.DUP_OVER, Op.RECEIVE, Op.CONTROL, Op.GET_FD, Op.SPAWN})
_LAST_FD = (1 << 31) - 1


class Calls(Family):
    """The tables of one capture and the calls that work on them."""

    def __init__(self, observers: Iterable[Observer], list_copies: bool) -> None:
        super().__init__(Kernel(observers, list_copies))
        self.sent: list[tuple[sockets.End | None, list[Life]]] = []
        self.hidden: dict[str, int] = {}

    # -- entry ---------------------------------------------------------------

    def enter(
        self, task: Task, op: int, at: At, fd: int, note: bytes | None, text: bytes, flags: int, alone: bool
    ) -> Flight:
        """Apply what takes effect when a call begins."""
        table = task.table
        flight = Flight(op, at, table)
        if not alone:
            self._lost(task)
            task.flight = flight
            table.flights[task] = flight
        if flags & Mark.NOT_EXECUTED:
            return flight
        if op == Op.CLOSE:
            if fd >= 0 and not (self.kernel.unordered and fd in table.reused):
                self.kernel.remove(flight, fd)
        elif op in _USING:
            flight.old = table.fds.get(fd) if fd >= 0 else None
            if op == Op.SEND and b"cmsg_type" in text:
                self._enter_send(flight, at, text)
        elif op == Op.DUP_OVER:
            self._enter_dup_over(flight, Call(text), fd)
        elif op == Op.CLOSE_RANGE:
            self._enter_range(task, flight, Call(text))
        elif op == Op.SPAWN:
            self._enter_spawn(task, flight, Call(text), alone)
        elif op == Op.EXIT:
            task.exiting = at
            self.kernel.let_go(task, at)
        elif op == Op.EXIT_GROUP:
            task.process.exiting = at
        return flight

    def _lost(self, task: Task) -> None:
        """The exit of the task's previous call was not seen: what its entry did stands."""
        flight = task.flight
        if flight is not None:
            flight.table.flights.pop(task, None)
            self.spawns.waiting.pop(task, None)
            for fd in list(flight.closed):
                self.kernel.confirm(flight, fd, "close", flight.at)
            task.flight = None

    def _enter_dup_over(self, flight: Flight, call: Call, old: int) -> None:
        flight.old = flight.table.fds.get(old)
        new = call.fd(1)
        if new is not None and new[0] != old:
            self.kernel.remove(flight, new[0])

    def _enter_range(self, task: Task, flight: Flight, call: Call) -> None:
        flight.flags = _range_flags(call)
        if flight.flags & 4 or (flight.flags & 2 and len(flight.table.users) > 1):
            return
        first, last = _range(call)
        for fd in [n for n in flight.table.fds if first <= n <= last]:
            self.kernel.remove(flight, fd)

    def _enter_spawn(self, task: Task, flight: Flight, call: Call, alone: bool) -> None:
        flight.flags = e.spawn_flags(call)
        if not flight.flags & CLONE_FILES:
            self.kernel.snapshot(flight)
        if not alone:
            self.spawns.waiting[task] = flight

    # -- exit ----------------------------------------------------------------

    def resume(
        self, task: Task, op: int, at: At, fd: int, note: bytes | None, text: bytes, flags: int
    ) -> Flight:
        """The flight that a resumption ends; for an orphan, one that begins here."""
        flight = task.flight
        if flags & Mark.ORPHAN or flight is None or flight.op != op:
            if op == Op.EXEC:
                found = self._exec_elsewhere(task)
                if found is not None:
                    return found
            if flight is not None and flight.op != op:
                self._lost(task)
            flight = Flight(op, at, task.table)
            if fd >= 0:
                flight.old = task.table.fds.get(fd)
            if op == Op.SPAWN and not e.spawn_flags(Call(text)) & CLONE_FILES:
                self.kernel.snapshot(flight)
        task.flight = None
        flight.table.flights.pop(task, None)
        if op in _CREATING:
            flight.table.changed = at.pos  # it may have held a number until now
        return flight

    def _exec_elsewhere(self, task: Task) -> Flight | None:
        """An exec resumed under the leader's number that another thread of the process began."""
        for other in task.process.tasks:
            if other is not task and other.flight is not None and other.flight.op == Op.EXEC:
                flight = other.flight
                other.flight = None
                self.superseded(task.tid, other.tid, flight.at)
                return flight
        return None

    def leave(
        self, task: Task, flight: Flight, op: int, at: At, fd: int, note: bytes | None, text: bytes, result: Result
    ) -> Life | None:
        """Apply what takes effect when a call ends; the life that it used, if any."""
        task = self.tasks.get(task.tid, task)
        ret, ret_note, errno, flags, _, _ = result
        if flags & (Mark.NOT_EXECUTED | Mark.RESTARTED):
            self.kernel.undo(flight)
            self.spawns.waiting.pop(task, None)
            return None
        life = self._used(task, flight, op, at, fd, note, ret, errno)
        handler = _HANDLERS.get(op)
        if handler is not None:
            handler(self, task, flight, op, at, fd, text, result)
        elif op == Op.USE or op == Op.READ:
            if life is not None and (ret == 0 or errno):
                sockets.io(life, at, ret, errno)
        if op == Op.READ and life is not None and life.kind == "fanotify" and ret > 0:
            self._fanotify(task, flight, at, text, life)
        if op == Op.STATE and life is not None:
            self._state(task, flight, at, life, text, ret, errno)
        if errno in (b"EMFILE", b"ENFILE"):
            for observer in self.kernel.observers:
                observer.failed(task, at, fd, errno, None)
        return life

    def _used(
        self, task: Task, flight: Flight, op: int, at: At, fd: int, note: bytes | None, ret: int, errno: bytes
    ) -> Life | None:
        """The life that a call worked on, revealed when nothing is known to have created it."""
        if fd < 0 or op not in _USING or (op == Op.CREATE and at.syscall not in e.USES):
            return None
        table = flight.table
        life = flight.old or table.fds.get(fd)
        if errno == b"EBADF":
            if life is None:
                for observer in self.kernel.observers:
                    observer.failed(task, at, fd, errno, table.last_closed.get(fd))
            return None
        if life is None:
            if ret == ABSENT and not errno:
                return None
            life = self._closing(table, fd)
            if life is None:
                life = self._shared_with(task, fd, note) or self.kernel.reveal(task.table, fd, note, at)
        if life.table is not table and table.fds.get(fd) is life:
            life = self.kernel.own(table, fd) or life
        if note is not None and life.target is None:
            life.describe(note)
        return life

    def _closing(self, table: Table, fd: int) -> Life | None:
        """The life of a number that a call under way is about to close: it was still open for this one."""
        for flight in table.flights.values():
            if fd in flight.closed and flight.op != Op.DUP_OVER:
                return self.kernel.put_back(flight, fd)
        return None

    def _shared_with(self, task: Task, fd: int, note: bytes | None) -> Life | None:
        """After an attach: a thread that uses a number which another one made shares its table."""
        table = task.table
        if table.complete or not self._stranger_table(table):
            return None
        for other in self.kernel.tables:
            life = other.fds.get(fd)
            if (
                other is not table and life is not None and life.table is other and not life.copied
                and self._stranger_table(other) and life.opened is not None
                and (note is None or life.target is None or _same_target(life, note))
                and self.merge(task, other)
            ):
                return other.fds.get(fd)
        return None

    def _stranger_table(self, table: Table) -> bool:
        return table.origin is None and not table.complete and bool(table.users)

    # -- single calls --------------------------------------------------------

    def _close(self, task: Task, flight: Flight, op: int, at: At, fd: int, text: bytes, result: Result) -> None:
        ret, _, errno, flags, clock, _ = result
        table = flight.table
        if fd < 0 or fd == NO_FD:
            return
        if errno == b"EBADF":
            gone = not flight.closed
            self.kernel.undo(flight)
            if gone:
                for observer in self.kernel.observers:
                    observer.failed(task, at, fd, errno, table.last_closed.get(fd))
            return
        how, end = ("close_error" if errno else "exit" if ret == ABSENT else "close"), at
        if errno and fd in flight.closed:
            flight.closed[fd].close_errno = errno.decode("ascii", "replace")
        if self.kernel.confirm(flight, fd, how, end):
            return
        now = table.fds.get(fd)
        if now is not None and now.opened is not None:
            late = table.reused.pop(fd, None)
            if late is not None and (self.kernel.unordered or ABSENT != at.clock < now.opened.clock):
                late.how, late.closed, late.certain = how, end, True
                return
            if now.opened.pos > flight.pos:
                self._end_now(table, fd, how, end)
                return
        if now is None and self.kernel.unordered and fd in table.touched and fd not in table.blind:
            table.blind[fd] = end  # its creation is still to come
            return
        if self._creating(table) and not (fd < STDIO and fd not in table.touched and table.survived_exec):
            table.blind[fd] = end
            return
        if now is not None:
            self._end_now(table, fd, how, end)
            return
        if ret == ABSENT:
            return
        note = a.descriptor(text.partition(b"(")[2])
        life = self._shared_with(task, fd, None)
        if life is None:
            life = self.kernel.reveal(task.table, fd, note[1] if note else None, at)
        self._end_now(task.table, fd, how, end)

    def _end_now(self, table: Table, fd: int, how: str, at: At) -> None:
        flight = Flight(Op.CLOSE, at, table)
        self.kernel.remove(flight, fd)
        self.kernel.confirm(flight, fd, how, at)

    def _creating(self, table: Table) -> bool:
        """Whether a call under way may be about to return the number."""
        return any(flight.op in _CREATING for flight in table.flights.values())

    def _close_range(
        self, task: Task, flight: Flight, op: int, at: At, fd: int, text: bytes, result: Result
    ) -> None:
        ret, _, errno, _, _, _ = result
        if errno or ret == ABSENT:
            self.kernel.undo(flight)
            return
        call = Call(text)
        first, last = _range(call)
        table = task.table
        flags = flight.flags or _range_flags(call)
        if flags & 2 and len(table.users) > 1:
            table = self.kernel.unshare(task, at)
            self.settled(task, at)
        if flags & 4:
            for number in [n for n in table.fds if first <= n <= last]:
                self.kernel.set_cloexec(table, number, True)
            return
        if flags & 2 and table is not flight.table:
            inner = Flight(op, at, table)
            for number in [n for n in table.fds if first <= n <= last]:
                self.kernel.remove(inner, number)
            flight = inner
        for number in list(flight.closed):
            self.kernel.confirm(flight, number, "close_range", at)

    def _create(self, task: Task, flight: Flight, op: int, at: At, fd: int, text: bytes, result: Result) -> None:
        ret, ret_note, errno, _, _, _ = result
        if errno or ret == ABSENT or ret < 0:
            return
        call = Call(text)
        effect = EFFECTS[call.name]
        news = list(e.created(effect, call, ret, ret_note))
        made = [self._new(task, flight, at, new) for new in news]
        if call.name == b"fanotify_init" and made:
            made[0].passes_cloexec = call.has(1, b"O_CLOEXEC", e.CLOEXEC_BIT)
        if call.name == b"socketpair" and len(made) == 2:
            for one, other in (made, made[::-1]):
                one.peer = one.peer or f"fd {other.fd}"
                one.other_end = other.ofd
        elif call.name == b"pidfd_open" and made:
            made[0].peer = f"pid {call.number(0)}"

    def _new(self, task: Task, flight: Flight, at: At, new: New, ofd: int | None = None) -> Life:
        """Install one created descriptor."""
        table = task.table
        hidden = new.fd == e.HIDDEN
        if hidden:
            new = replace(new, fd=table.lowest_free())
            self.hide("descriptors made but not printed (-s 0): taken to be the lowest free numbers")
        self._settle_doubt(table, new.fd)
        source = table.fds.get(new.source) if new.source is not None else None
        if new.via == "dup":
            source = flight.old or source
            if source is None and new.source is not None:
                source = self._closing(table, new.source) or self.kernel.reveal(table, new.source, None, at)
            ofd = source.ofd if source is not None else None
        life = self.kernel.life(table, new.fd, new.kind, new.via, at, ofd)
        if source is not None and new.via == "dup":
            life.same_file_as(source)
        elif source is not None and new.via == "accept":
            life.kind = source.kind if source.kind not in ("unknown", "file") else new.kind
            life.local = source.local
            life.peer = new.peer
            life.state, life.state_at, life.state_name = "ESTABLISHED", at, "accept"
        if new.target is not None:
            life.target = new.target
        life.describe(new.note)
        life.certain = not hidden
        if new.via not in ("dup", "dup_over") or at.syscall == b"dup":
            self.kernel.fill_below(life, flight.pos)
        self.kernel.install(life, new.cloexec)
        self._note_for_forks(table, flight, life)
        return life

    def _settle_doubt(self, table: Table, fd: int) -> None:
        """The kernel gave out `fd`: it was free, and everything below it was not."""
        doubt = table.doubt
        if not doubt:
            return
        for number in sorted(doubt):
            if number < fd and number not in table.fds and table.lowest_free() == number:
                table.fds[number] = doubt[number]
                if self.kernel.list_copies:
                    self.kernel._copy(table, number, doubt[number], table.forked).certain = False

    def _note_for_forks(self, table: Table, flight: Flight, life: Life) -> None:
        """A fork of this table is, or was, under way: whether the copy has the new descriptor is open."""
        for copy in flight.copies:
            held = copy.fds.get(life.fd)
            if held is not None and held.opened is None and held.table is copy:
                held.same_file_as(life)
                held.parent, held.via, held.opened, held.cloexec = life, "fork_copy", copy.forked, life.cloexec
            elif held is None and life.fd not in copy.touched:
                copy.doubt[life.fd] = life
        for fork in table.flights.values():
            if fork.op == Op.SPAWN and fork.spawned is None and fork.snapshot is not None:
                if flight.pos < fork.pos and life.fd not in fork.snapshot:
                    fork.snapshot[life.fd] = life
                    if life.cloexec:
                        fork.cloexec.add(life.fd)
                fork.doubt[life.fd] = life

    def _dup(self, task: Task, flight: Flight, op: int, at: At, fd: int, text: bytes, result: Result) -> None:
        ret, ret_note, errno, _, _, _ = result
        if not errno and ret != ABSENT and ret >= 0:
            self._new(task, flight, at, New(ret, ret_note, "unknown", False, via="dup", source=fd))

    def _dup_over(self, task: Task, flight: Flight, op: int, at: At, fd: int, text: bytes, result: Result) -> None:
        ret, ret_note, errno, _, _, _ = result
        call = Call(text)
        new = call.fd(1)
        if errno or ret == ABSENT:
            if errno:
                self.kernel.undo(flight)
            else:
                for number in list(flight.closed):
                    self.kernel.confirm(flight, number, "dup_over", at)
            if errno == b"EBADF":
                for observer in self.kernel.observers:
                    observer.failed(task, at, fd, errno, task.table.last_closed.get(fd))
            return
        if new is not None and new[0] == fd:
            if fd not in task.table.fds:
                self.kernel.reveal(task.table, fd, None, at)
            return
        if not self.kernel.confirm(flight, ret, "dup_over", at) and new is not None and new[1] is not None:
            if ret not in task.table.fds:
                self.kernel.reveal(task.table, ret, new[1], at)
                self._end_now(task.table, ret, "dup_over", at)
        old = call.fd(0)
        if flight.old is None and fd >= 0 and fd not in task.table.fds:
            note = old[1] if old else None
            flight.old = self._closing(task.table, fd) or self.kernel.reveal(task.table, fd, note, at)
        cloexec = e.is_cloexec(EFFECTS[call.name], call) if call.name == b"dup3" else False
        if ret in task.table.fds and task.table.fds[ret].opened is not None:
            self._end_now(task.table, ret, "dup_over", at)
        self._new(task, flight, at, New(ret, ret_note, "unknown", cloexec, via="dup", source=fd)).via = "dup_over"

    def _control(self, task: Task, flight: Flight, op: int, at: At, fd: int, text: bytes, result: Result) -> None:
        ret, ret_note, errno, _, _, _ = result
        if errno or ret == ABSENT or ret < 0:
            return
        ioctl = text.startswith(b"ioctl")
        if not ioctl and not any(word in text for word in FD_COMMANDS) and b", F_" in text:
            return
        call = Call(text)
        for change in e.control(call, ret, ret_note):
            if isinstance(change, New):
                self._new(task, flight, at, change)
            else:
                self.kernel.set_cloexec(task.table, fd, change)
        if ioctl and e.may_create(call):
            self.hide("ioctl that may install a descriptor")

    def _spawn(self, task: Task, flight: Flight, op: int, at: At, fd: int, text: bytes, result: Result) -> None:
        ret, _, errno, _, _, _ = result
        if errno or ret == ABSENT or ret <= 0:
            self.spawns.waiting.pop(task, None)
            return
        call = Call(text)
        alias = _ALIAS.search(call.rest)
        flight.flags = flight.flags or e.spawn_flags(call)
        self.spawned(task, flight, ret, int(alias.group(1)) if alias else None, at)
        pidfd = e.spawn_pidfd(call, flight.flags)
        if pidfd is not None:
            self._new(task, flight, at, pidfd).peer = f"pid {ret}"

    def _exec(self, task: Task, flight: Flight, op: int, at: At, fd: int, text: bytes, result: Result) -> None:
        ret, _, errno, _, _, _ = result
        if errno or ret != 0:
            return
        process = task.process
        if process.started is not None and process.started.seq == at.seq:
            process.born = self.rooted = True
        process.exiting = None
        inherited = self.kernel.exec(task, at)
        self.settled(task, at)
        for tid in [t for t, other in self.tasks.items() if other.process is process and other is not task]:
            self.gone.append(self.tasks.pop(tid))
        call = Call(text)
        index = 1 if call.name == b"execveat" else 0
        path = a.string(call.arg(index))
        argv = a.string(call.arg(index + 1).lstrip(b"["))
        program = path or argv
        if program is not None:
            process.command = e.a_text(program[0]).rpartition("/")[2][:64] or e.a_text(program[0])
        process.argv = e.a_text(call.arg(index + 1)) or None
        for observer in self.kernel.observers:
            observer.executed(task, at, inherited)

    def _unshare(self, task: Task, flight: Flight, op: int, at: At, fd: int, text: bytes, result: Result) -> None:
        ret, _, errno, _, _, _ = result
        if errno or ret != 0:
            return
        call = Call(text)
        if call.has(0, b"CLONE_NEWPID", e.CLONE_NEWPID):
            task.process.makes_inner = True
        if len(task.table.users) > 1 and call.has(0, b"CLONE_FILES", CLONE_FILES):
            self.kernel.unshare(task, at)
            self.settled(task, at)

    def _receive(self, task: Task, flight: Flight, op: int, at: At, fd: int, text: bytes, result: Result) -> None:
        ret, _, errno, _, _, _ = result
        life = flight.old or task.table.fds.get(fd)
        if life is not None and (ret == 0 or errno):
            sockets.io(life, at, ret, errno)
        if errno or ret == ABSENT or ret < 0 or b"cmsg_type" not in text:
            return
        call = Call(text)
        found, cloexec, hidden = e.received(call)
        if hidden:
            self.hide("control message cut by -s: descriptors may have arrived unseen")
        originals = self._taken(life, len(found), call.has(2, b"MSG_PEEK", 2)) if found else []
        for index, (number, note) in enumerate(found):
            original = originals[index] if index < len(originals) else None
            ofd = original.ofd if original is not None else None
            made = self._new(task, flight, at, New(number, note, "unknown", cloexec, via="scm_rights"), ofd)
            if original is not None and made.target is None:
                made.same_file_as(original)
        for number, note in e.pidfds_received(call):
            self._new(task, flight, at, New(number, note, "pidfd", True, via="scm_rights"))

    def _taken(self, receiver: Life | None, count: int, peek: bool) -> list[Life]:
        """The lives that were sent to this socket, oldest message first, else the oldest of that size."""
        keys = sockets.endpoints(receiver) if receiver is not None else frozenset()
        for exact in (True, False):
            for index, (to, lives) in enumerate(self.sent):
                if len(lives) >= count and (to in keys if exact else to is None or not keys):
                    if not peek:
                        del self.sent[index]
                    return lives
        return []

    def _enter_send(self, flight: Flight, at: At, text: bytes) -> None:
        """Queue what a message carries: the receiver may return before the sender does."""
        found, _ = e.passed(b", ".join(Call(text).args))
        table = flight.table
        lives = [table.fds.get(number) for number, _ in found]
        if lives and all(life is not None for life in lives):
            to = sockets.other_end(flight.old) if flight.old is not None else None
            flight.message = (to, [life for life in lives if life is not None])
            self.sent.append(flight.message)
            del self.sent[:-1000]

    def _send(self, task: Task, flight: Flight, op: int, at: At, fd: int, text: bytes, result: Result) -> None:
        ret, _, errno, _, _, _ = result
        life = flight.old or task.table.fds.get(fd)
        if errno and life is not None:
            sockets.io(life, at, ret, errno)
        if (errno or ret == ABSENT) and flight.message in self.sent:
            self.sent.remove(flight.message)
        elif not errno and b"cmsg_type" in text and flight.message is None:
            found, _ = e.passed(b", ".join(Call(text).args))
            for number, note in found:
                if number not in task.table.fds:
                    self.kernel.reveal(task.table, number, note, at)
            self._enter_send(flight, at, text)

    def _get_fd(self, task: Task, flight: Flight, op: int, at: At, fd: int, text: bytes, result: Result) -> None:
        ret, ret_note, errno, _, _, _ = result
        if errno or ret == ABSENT or ret < 0:
            return
        call = Call(text)
        pidfd = task.table.fds.get(fd)
        wanted = call.number(1)
        original = None
        if pidfd is not None and wanted is not None:
            for word in (pidfd.peer or "", (pidfd.target or "").replace(":", " ")):
                if word.startswith("pid ") and word[4:].isdigit():
                    other = self.tasks.get(int(word[4:]))
                    original = other.table.fds.get(wanted) if other is not None else None
        made = self._new(
            task, flight, at, New(ret, ret_note, "unknown", True, via="pidfd_getfd"), original.ofd if original else None
        )
        if original is not None and made.target is None:
            made.same_file_as(original)

    def _limit(self, task: Task, flight: Flight, op: int, at: At, fd: int, text: bytes, result: Result) -> None:
        if b"NOFILE" not in text or result[2]:
            return
        call = Call(text)
        pid = call.number(0) if call.name.startswith(b"prlimit") else 0
        if pid in (0, None, task.process.pid):
            limit = e.nofile_limit(call)
            if limit is not None:
                task.process.limit = limit

    def _fanotify(self, task: Task, flight: Flight, at: At, text: bytes, life: Life) -> None:
        numbers, hidden = e.fanotify_events(Call(text))
        for number in numbers:
            self._new(task, flight, at, New(number, None, "file", life.passes_cloexec, via="fanotify"))
        if hidden:
            self.hide("fanotify event cut by -s: descriptors may have arrived unseen")

    def _state(self, task: Task, flight: Flight, at: At, life: Life, text: bytes, ret: int, errno: bytes) -> None:
        call = Call(text)
        sockets.decide(life, at, call, ret, errno)
        if call.name == b"getsockopt" and not errno:
            found = e.peer_pidfd(call)
            if found is not None:
                self._new(task, flight, at, New(found[0], found[1], "pidfd", True, via="pidfd"))

    def _identity(self, task: Task, flight: Flight, op: int, at: At, fd: int, text: bytes, result: Result) -> None:
        """gettid and set_tid_address return the caller's number: another than strace's is a namespace's."""
        if result[0] != ABSENT and not result[2] and task.tid and result[0] != task.tid:
            task.process.inner = True

    def hide(self, what: str) -> None:
        """Count something that the capture hides."""
        self.hidden[what] = self.hidden.get(what, 0) + 1

    # -- observers -----------------------------------------------------------

    def publish(self) -> None:
        """Tell the observers what began and ended since the last time, uses already counted."""
        kernel = self.kernel
        begun, kernel.begun = kernel.begun, []
        ended, kernel.ended = kernel.ended, []
        for observer in kernel.observers:
            for life in begun:
                observer.opened(life)
            for life in ended:
                observer.closed(life)

    def finish(self) -> None:
        """The capture is over: calls under way keep what their entry did."""
        for task in list(self.tasks.values()):
            self._lost(task)
        self.settle()


def _same_target(life: Life, note: bytes) -> bool:
    from ..readers.strace import notes

    seen = notes.read(note)
    return seen.target == life.target or (seen.inode is not None and seen.inode == life.inode)


def _range(call: Call) -> tuple[int, int]:
    first, last = call.number(0), call.number(1)
    return (0 if first is None else first & 0xFFFFFFFF), (_LAST_FD if last is None else last & 0xFFFFFFFF)


def _range_flags(call: Call) -> int:
    unshare = 2 if call.has(2, b"CLOSE_RANGE_UNSHARE", 2) else 0
    return unshare | (4 if call.has(2, b"CLOSE_RANGE_CLOEXEC", 4) else 0)


_HANDLERS = {
    Op.CLOSE: Calls._close,
    Op.CLOSE_RANGE: Calls._close_range,
    Op.CREATE: Calls._create,
    Op.DUP: Calls._dup,
    Op.DUP_OVER: Calls._dup_over,
    Op.CONTROL: Calls._control,
    Op.SPAWN: Calls._spawn,
    Op.EXEC: Calls._exec,
    Op.UNSHARE: Calls._unshare,
    Op.RECEIVE: Calls._receive,
    Op.SEND: Calls._send,
    Op.GET_FD: Calls._get_fd,
    Op.LIMIT: Calls._limit,
    Op.IDENTITY: Calls._identity,
}
