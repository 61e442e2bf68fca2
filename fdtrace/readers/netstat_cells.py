"""The cells of a row of netstat behind its addresses: state, owner, inode, program, timer, path."""

from __future__ import annotations

import re

from . import addresses
from .addresses import Endpoint
from .sheet import Socket

TIMER = re.compile(r"(?:^|\s)([^\s(]{1,30}) \(+([\d.]{1,12})/(\d{1,9})(?:/-?\d{1,9})?\)\s*$")
_OWNED = re.compile(
    r"(?:(?P<user>[^\s/-][^\s/]*)\s+(?P<inode>\d{1,18})(?:\s+|$))?(?P<program>-(?=\s|$)|\d{1,9}/.*)?(?P<rest>.*)$"
)
_NUMBER = re.compile(r"\d+(?:\.\d+)?$")
_CONTEXT = re.compile(r"\s{2,}\S+:\S+:\S+$")
_KNOWN = sorted({*addresses.NAMES, *addresses.STATES, *addresses.TRANSLATED}, key=len, reverse=True)
_STATE = re.compile(rf"(?:{'|'.join(name.replace('_', '[_ ]') for name in _KNOWN)})(?=\s|$)")
_WORD = re.compile(r"[^\W\d]\w*(?=\s|$)")
_OFF = frozenset("off aus vyp apagado desligado eikäi inactif spento wyłączony выкл 关闭 關閉 オフ".split())
_ON = {
    **dict.fromkeys("ein zapnut käib em encendido 打开 开启 オン".split(), "on"),
    "キープアライブ": "keepalive",
    **dict.fromkeys("时间等待 等待 時間待ち".split(), "timewait"),
}
"""Timers in the languages of net-tools, and their names."""
_PROGRAM = 20
"""Width of the column PID/Program name."""


def set_end(row: Socket, end: Endpoint, *, is_local: bool) -> None:
    """Enter one end of a socket."""
    if is_local:
        row.local, row.local_addr, row.local_port = end.text, end.addr, end.port
    else:
        row.peer, row.peer_addr, row.peer_port = end.text, end.addr, end.port


def tail_of(row: Socket, text: str) -> str | None:
    """What stands behind the addresses: state, user, inode, program, timer; a reason if it is neither."""
    if timer := TIMER.search(text):
        timed(row, timer)
        text = text[: timer.start()].rstrip()
    rest = text
    if row.proto in ("raw", "icmp"):
        state, _, rest = text.partition(" ")
        if state.isdecimal():
            row.state = _raw_state(row, state)
        else:
            rest = text
    elif known := _STATE.match(text):
        row.state = addresses.state(known[0])
        rest = text[known.end() :]
    elif row.proto in ("udp", "udplite"):
        row.state = "CLOSE"  # printed as a blank
    if _owned(row, rest.lstrip()):
        return None
    word = _WORD.match(text)
    if rest is text and word and _owned(row, text[word.end() :].lstrip()):
        row.state = addresses.state(word[0])  # a translation that is not known here: as printed
        return None
    return "what follows the addresses is neither state nor program"


def _owned(row: Socket, text: str) -> bool:
    """User, inode and program, each of which may be missing."""
    found = _OWNED.match(text)
    if not found or found["rest"].strip():
        return False
    user, inode, program = found["user"], found["inode"], found["program"]
    if user is not None:
        row.uid = int(user) if user.isdecimal() and user.isascii() and len(user) <= 10 else None
        row.inode = int(inode) or None
    program_of(row, program)
    return True


def program_of(row: Socket, text: str | None) -> None:
    """`PID/Program name`, as far as printed; behind two blanks stands a security context (-Z)."""
    if text and text[0] != "-":
        pid, _, name = text.partition("/")
        row.pid = int(pid) or None
        row.program = (_CONTEXT.sub("", name) if "  " in name else name).strip() or None


def timed(row: Socket, timer: re.Match[str]) -> None:
    """The timer, its seconds left and the retransmissions; `off` is none."""
    name, seconds, retrans = timer.groups()
    row.retrans = int(retrans)
    if name not in _OFF:
        row.timer = _ON.get(name, name)
        row.timer_s = float(seconds) if _NUMBER.match(seconds) else None


def _raw_state(row: Socket, number: str) -> str | None:
    """The kernel's number of a state; busybox prints the protocol in its place, which is the local port."""
    if number == "7":
        return "CLOSE"
    return "ESTABLISHED" if number == "1" and row.local_port != 1 else None


def named(row: Socket, text: str, has_program: bool) -> None:
    """Program and path of a unix socket. The program's column is 20 wide and may hold blanks."""
    if not has_program or not re.match(r"-(?:\s|$)|\d{1,9}/", text):
        row.path = text.strip() or None
        return
    program, path = text[:_PROGRAM], text[_PROGRAM:]
    if path and not program.endswith(" "):
        # Someone squeezed the blanks: the path begins at the first slash or @ behind a blank.
        found = re.match(r"(-|\d{1,9}/\S*)\s+(\S.*)$", text)
        program, path = (found[1], found[2]) if found else (text, "")
    elif not path and (found := re.match(r"(-|\d{1,9}/\S*) ([/@]\S*)$", text)) and len(text) < _PROGRAM - 1:
        program, path = found[1], found[2]
    program_of(row, program.strip())
    row.path = path.strip() or None
