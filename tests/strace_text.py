"""Prints what the reference kernel's tracer saw, the way strace does.

`print_capture` gives the text of one log, or of the files of strace -ff, and
where each call stands in it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from tests.reference_kernel import UNKNOWN, Call, Description, Kernel, Seen

ERRORS = {
    "EAGAIN": "Resource temporarily unavailable",
    "EBADF": "Bad file descriptor",
    "EBUSY": "Device or resource busy",
    "EINTR": "Interrupted system call",
    "EINVAL": "Invalid argument",
    "EIO": "Input/output error",
    "EMFILE": "Too many open files",
    "ENOENT": "No such file or directory",
    "ENOTSOCK": "Socket operation on non-socket",
    "ESRCH": "No such process",
}
FRAMES = (
    " > /usr/lib/x86_64-linux-gnu/libc.so.6(__{name}+0x51) [0xf8011]",
    " > /srv/app/prog(work_{name}+0x13) [0x115c]",
    " > /srv/app/prog(std::pair<int, int>::make(int&&)+0x2) [0x120c]",
    " > /srv/app/prog(main+0x5bc) [0x198a]",
)


@dataclass(frozen=True)
class Form:
    """How strace was called, and which strace it was.

    * `leader`: none, pid (-o FILE -f), comm (-Y) or brackets (stderr, only
      while more than one task is traced);
    * `clock`: none, t, tt, ttt, r or rtt (-r -tt);
    * `spelling`: old (up to 4.26: a blank after `resumed>`), current, or new
      (from 6.16: the comma goes to the resumed line);
    * `annotate`: none, y or yy;
    * `split`: -ff, one file for each task;
    * `messages`: strace's own "Process N attached" in the middle of lines;
    * `quiet`: -qq, no exit lines.
    """

    leader: str = "pid"
    clock: str = "none"
    spelling: str = "current"
    annotate: str = "none"
    durations: bool = False
    stacks: bool = False
    split: bool = False
    messages: bool = False
    quiet: bool = False


@dataclass
class Capture:
    """The printed files, and for each call its file with the lines of entry and exit (from 1).

    `tids` are those of the tasks that have a line of their own.
    """

    files: dict[str, str] = field(default_factory=dict)
    places: dict[int, tuple[str, int, int]] = field(default_factory=dict)
    calls: dict[int, Call] = field(default_factory=dict)
    tids: set[int] = field(default_factory=set)

    @property
    def text(self) -> str:
        """The only file."""
        (text,) = self.files.values()
        return text


class Page:
    """One output file: knows whose line is unfinished, the column and the line number."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self.parts: list[str] = []
        self.line = 1
        self.column = 0
        self.unfinished: int | None = None
        self.last: int | None = None

    def put(self, text: str) -> None:
        """Append text."""
        self.parts.append(text)
        self.line += text.count("\n")
        cut = text.rfind("\n")
        self.column = self.column + len(text) if cut < 0 else len(text) - cut - 1

    def interrupt(self) -> None:
        """Another task prints: the unfinished line ends here."""
        if self.unfinished is not None:
            self.put(" <unfinished ...>\n")
            self.unfinished = None


class Printer:
    """Turns what was seen into text."""

    def __init__(self, kernel: Kernel, form: Form) -> None:
        self.kernel, self.form = kernel, form
        self.pages: dict[str, Page] = {}
        self.capture = Capture()
        self.traced = 1
        self.previous: int | None = None

    def print(self) -> Capture:
        """The whole capture."""
        for seen in self.kernel.seen:
            page = self.page(seen.tid)
            getattr(self, f"print_{seen.what}")(page, seen)
        self.capture.files = {name: "".join(page.parts) for name, page in self.pages.items()}
        return self.capture

    def page(self, tid: int) -> Page:
        """The file that a task's lines go to."""
        name = f"capture.{tid}" if self.form.split else "capture"
        return self.pages.setdefault(name, Page(self.form))

    def lead(self, page: Page, seen: Seen) -> None:
        """What stands before each line."""
        tid, form = seen.tid, self.form
        self.capture.tids.add(tid)
        if form.split or form.leader == "none":
            leader = ""
        elif form.leader == "brackets":
            leader = f"[pid {tid:5}] " if self.traced > 1 else ""
        else:
            leader = f"{tid}<{seen.command}> " if form.leader == "comm" else f"{tid:<5} "
        page.put(leader + self.stamp(seen.now))

    def stamp(self, now: int) -> str:
        """The clock in front of a line."""
        seconds, micros = divmod(now, 1_000_000)
        day = dt.datetime.fromtimestamp(seconds, dt.UTC)
        since, self.previous = now - (self.previous or now), now
        delta = f"{since // 1_000_000:6}.{since % 1_000_000:06}"
        return {
            "none": "",
            "t": f"{day:%H:%M:%S} ",
            "tt": f"{day:%H:%M:%S}.{micros:06} ",
            "ttt": f"{seconds}.{micros:06} ",
            "r": f"{delta} ",
            "rtt": f"{day:%H:%M:%S}.{micros:06} (+{delta}) ",
        }[self.form.clock]

    def pieces(self, pieces: list[str | int], open_now: dict[int, Description]) -> str:
        """Arguments as text; descriptors are annotated with what is open now."""
        return "".join(
            piece if isinstance(piece, str) else f"{piece}{self.annotation(piece, open_now)}"
            for piece in pieces
        )

    def annotation(self, fd: int, open_now: dict[int, Description]) -> str:
        """What -y and -yy add behind a number."""
        if self.form.annotate == "none" or fd not in open_now:
            return ""
        return open_now[fd].full if self.form.annotate == "yy" else open_now[fd].plain

    def comma(self, call: Call) -> bool:
        """Whether a separator stands between the parts printed at entry and at exit."""
        return call.comma and bool(call.tail())

    # -- one method for each thing that can be seen -------------------------------

    def print_entered(self, page: Page, seen: Seen) -> None:
        """The first half of a call."""
        call = seen.call
        assert call is not None
        page.interrupt()
        self.lead(page, seen)
        self.capture.calls[id(call)] = call
        self.capture.places[id(call)] = (self.name_of(page), page.line, page.line)
        page.put(f"{call.name}({self.pieces(call.head(), call.before)}")
        if self.comma(call) and self.form.spelling != "new":
            page.put(", ")
        page.unfinished = seen.tid

    def name_of(self, page: Page) -> str:
        """The file name of a page."""
        return next(name for name, other in self.pages.items() if other is page)

    def resume(self, page: Page, seen: Seen, call: Call) -> None:
        """Go on with a call, on its own line or on a resumed one."""
        if page.unfinished == seen.tid:
            page.unfinished = None
            return
        page.interrupt()
        self.lead(page, seen)
        blank = " " if self.form.spelling == "old" else ""
        page.put(f"<... {call.name} resumed>{blank}")

    def print_left(self, page: Page, seen: Seen) -> None:
        """The second half of a call: the rest of the arguments and the result."""
        call = seen.call
        assert call is not None
        self.resume(page, seen, call)
        if self.comma(call) and self.form.spelling == "new":
            page.put(", ")
        page.put(self.pieces(call.tail(), call.after) + ")")
        page.put(" " * max(1, 40 - page.column) + "= " + self.result(call))
        if self.form.durations and call.result != UNKNOWN:
            elapsed = seen.now - call.entered_at
            page.put(f" <{elapsed // 1_000_000}.{elapsed % 1_000_000:06}>")
        self.close_line(page, call)

    def close_line(self, page: Page, call: Call) -> None:
        """The line ends; frames follow."""
        file, first, _ = self.capture.places[id(call)]
        self.capture.places[id(call)] = (file, first, page.line)
        page.put("\n")
        if self.form.stacks and call.result != UNKNOWN:
            page.put("".join(frame.format(name=call.name) + "\n" for frame in FRAMES))

    def result(self, call: Call) -> str:
        """What stands behind the equals sign."""
        if call.result == UNKNOWN:
            return UNKNOWN
        if str(call.result).startswith("ERESTART"):
            return f"? {call.result} (To be restarted if SA_RESTART is set)"
        if isinstance(call.result, str):
            return f"-1 {call.result} ({ERRORS[call.result]}){call.remark}"
        return self.pieces([call.value()], call.after) + call.remark

    def print_torn(self, page: Page, seen: Seen) -> None:
        """The task died inside the call."""
        assert seen.call is not None
        self.resume(page, seen, seen.call)
        page.put(" <unfinished ...>)")
        page.put(" " * max(1, 40 - page.column) + "= ?")
        self.close_line(page, seen.call)

    def print_ended(self, page: Page, seen: Seen) -> None:
        """An exit or kill line."""
        page.interrupt()
        if not self.form.quiet or "killed" in seen.text:
            self.lead(page, seen)
            page.put(seen.text + "\n")
        self.traced -= 1

    def print_signal(self, page: Page, seen: Seen) -> None:
        """A signal line."""
        page.interrupt()
        self.lead(page, seen)
        page.put(seen.text + "\n")

    def print_attached(self, page: Page, seen: Seen) -> None:
        """A new task; strace's message falls into the middle of whatever line is open."""
        self.traced += 1
        if self.form.messages and not self.form.split:
            page.put(f"strace: Process {seen.tid} attached\n")

    def print_superseded(self, page: Page, seen: Seen) -> None:
        """A thread that is not the leader replaces it by execve."""
        self.traced -= 1
        thread = int(seen.text)
        old = self.page(thread)
        if self.form.split:
            old.put(f" <pid changed to {seen.tid} ...>\n")
            old.unfinished = None
        page.interrupt()
        self.lead(page, seen)
        page.put(f"+++ superseded by execve in pid {thread} +++\n")


def print_capture(kernel: Kernel, form: Form) -> Capture:
    """The capture of everything that the kernel's tracer has seen."""
    return Printer(kernel, form).print()
