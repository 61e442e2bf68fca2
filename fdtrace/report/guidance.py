"""When a check may be wrong, and how to make sure by hand: what its rule cannot say of itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Guidance:
    """`wrong`: findings that are no fault; `confirm`: what to look at, and to type; `example`: one to try."""

    wrong: tuple[str, ...]
    confirm: tuple[str, ...]
    example: str


_STATES = Guidance(
    (
        "A socket that is closed a moment later was only caught on its way: two looks tell.",
        "FIN_WAIT2 is meant where a client half-closes and goes on reading.",
        "CLOSE is also a socket that was made and not connected yet.",
    ),
    (
        "Look again after a minute, `ss -tanp state close-wait`: the same ports are still there.",
        "`fdtrace story CAPTURE --pid PID --fd FD` on a trace shows the read that returned 0 and what "
        "followed.",
    ),
    "fdtrace check samples/lws-gateway/lsof.txt --only close_wait",
)

GUIDANCE: dict[str, Guidance] = {
    "leak": Guidance(
        (
            "A pool, or a cache of open files, that had not reached its size when the capture ended: record "
            "longer.",
            "Descriptors that are kept on purpose and hardly used: watches, locks, one log for each tenant.",
            "What a garbage collector closes later than the capture lasts.",
            "Closes that the trace does not have: io_uring, threads that were not followed, a filter without "
            "close.",
        ),
        (
            "`ls -l /proc/PID/fd | wc -l` while the program does its work again: the number rises and stays.",
            "`fdtrace story CAPTURE --pid PID --fd FD` of an example: after its last use nothing comes.",
            "Do the work n times and record; a leak leaves n, or a fixed share of n. "
            "`fdtrace diff BEFORE AFTER` compares the shares.",
        ),
        "fdtrace leaks samples/lws-gateway",
    ),
    "exhaustion": Guidance(
        (
            "A program that asks how many descriptors it may have by opening them until it fails.",
            "A limit that was raised before the trace began is not known; the one seen last counts.",
        ),
        (
            "`grep 'open files' /proc/PID/limits` beside `ls /proc/PID/fd | wc -l`.",
            "`fdtrace leaks CAPTURE`: what fills the table.",
        ),
        "fdtrace check samples/stock-service --only exhaustion",
    ),
    "double_close": Guidance(
        (
            "Programs that close every number up to their limit before an exec; where they run in order, "
            "these are recognised.",
            "A close whose first one is not in the trace, as the number was inherited.",
        ),
        (
            "`fdtrace events CAPTURE --fd FD --syscall close`: two closes, and the thread of each.",
            "Run the program under valgrind --track-fds=yes (3.21 or later), which reports the second close.",
        ),
        "fdtrace check samples/stock-service --only double_close",
    ),
    "use_after_close": Guidance(
        ("A loop that ends when its descriptor is closed by another thread, and counts on EBADF.",),
        ("`fdtrace events CAPTURE --fd FD`: the close, and the call that comes after it.",),
        "fdtrace check samples/stock-service --only use_after_close",
    ),
    "close_errors": Guidance(
        ("EINTR from close() has released the number on Linux: closing again would be the fault.",),
        ("`fdtrace events CAPTURE --syscall close --format jsonl`: the error, and which file it was.",),
        "fdtrace check samples/stock-service --only close_errors",
    ),
    "inherited": Guidance(
        (
            "Descriptors that are handed over on purpose: a listener (LISTEN_FDS), a make jobserver, "
            "the pipes of a supervisor.",
        ),
        (
            "`ls -l /proc/PID/fd` of the child: the same target as in the parent.",
            "`fdtrace fds CAPTURE --columns pid,fd,target,cloexec,via`: what has no close-on-exec.",
        ),
        "fdtrace check samples/stock-service --only inherited",
    ),
    "missed_open": Guidance(
        (
            "After an attach these are simply from before.",
            "A number that changed hands between two tools' looks.",
        ),
        ("`fdtrace doctor CAPTURE`: which calls were not recorded.",),
        "fdtrace check samples/stock-service --only missed_open",
    ),
    "missed_close": Guidance(
        ("A snapshot of another process that got the same number.", "A clock of the snapshots that is off."),
        ("`fdtrace doctor CAPTURE`; a second recording with `close_range` and all threads (-f).",),
        "fdtrace check samples/stock-service --only missed_close",
    ),
    "lws_descriptors": Guidance(
        (
            "Descriptors of the program itself that were opened while a context was being made.",
            "Clocks of log and trace that could not be laid over each other.",
        ),
        (
            "`fdtrace lws LOG`: when the context was destroyed; `fdtrace story CAPTURE --pid PID --fd FD`: "
            "that nothing closes the number afterwards.",
        ),
        "fdtrace check samples/lws-gateway --only lws_descriptors",
    ),
    "receive_buffer": Guidance(
        ("A protocol whose messages have no upper bound and are streamed on purpose.",),
        ("Double rx_buffer_size, or the buffer that is read into, and count the callbacks or reads again.",),
        "fdtrace check samples/stock-service --only receive_buffer",
    ),
    "close_wait": _STATES,
    "half_closed": _STATES,
    "dead_socket": _STATES,
    "shared_listener": Guidance(
        ("Workers that are meant to accept from their parent's listener under another name.",),
        ("`ss -ltnp`: all who hold the port. After the owner has ended, the port is still taken.",),
        "fdtrace check samples/stock-service --only shared_listener",
    ),
    "deleted_file": Guidance(
        (
            "Temporary files that are unlinked while open, on purpose (tmpfile, O_TMPFILE).",
            "Libraries and programs that a package update replaced under a running process.",
        ),
        ("`lsof +L1 -p PID`; `df` before and after the process ends.",),
        "fdtrace check samples/lws-gateway/lsof.txt --only deleted_file",
    ),
    "lws_objects": Guidance(
        (
            "Contexts and clients that are still in use when the log ends.",
            "A log level that leaves out destructions.",
        ),
        ("`fdtrace lws LOG`: created_time, destroyed_time and open of each object.",),
        "fdtrace check samples/lws-gateway/lws.log --only lws_objects",
    ),
    "lws_releases": Guidance(
        ("A log that ends while peers are being given time to close their side.",),
        ("`fdtrace lws LOG`: the object's last_callback.",),
        "fdtrace check samples/lws-gateway/lws.log --only lws_releases",
    ),
    "lws_retries": Guidance(
        ("A peer that was down while the log was written, and a retry policy that is as it should be.",),
        ("`grep -c 'connect failed' LOG` beside the policy's lws_retry_bo_t.",),
        "fdtrace check samples/lws-gateway/lws.log --only lws_retries",
    ),
}
"""One for each check."""
