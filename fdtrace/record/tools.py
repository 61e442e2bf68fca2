"""The programs that a recording needs: where they are, which versions they have, how they are installed."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable

from ..errors import CannotRecord
from .strace_options import OLDEST, Strace, strace_from

_PATIENCE_S = 5.0
_MANAGERS = (
    ("debian", "apt install"),
    ("ubuntu", "apt install"),
    ("alpine", "apk add"),
    ("fedora", "dnf install"),
    ("rhel", "dnf install"),
    ("centos", "yum install"),
    ("suse", "zypper install"),
    ("arch", "pacman -S"),
)
_PACKAGES = {"ss": {"": "iproute2", "fedora": "iproute", "rhel": "iproute"}, "netstat": {"": "net-tools"}}


def output_of(*words: str) -> str:
    """What a program prints, errors included; "" where it cannot be run."""
    try:
        done = subprocess.run(
            words,
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=_PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout + done.stderr


def find_strace(asked: Callable[..., str] = output_of) -> Strace:
    """The installed strace.

    Raises:
        CannotRecord: there is none, or it is too old to be understood.
    """
    path = shutil.which("strace")
    if path is None:
        raise CannotRecord(f"strace is not installed: {install('strace')}")
    found = strace_from(path, asked(path, "-V"))
    if found is None:
        raise CannotRecord(f"{path} does not say which version of strace it is: try {path} -V")
    if found.version < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise CannotRecord(f"{path} is strace {found.told}: {oldest} or later is needed")
    return found


def any_strace() -> Strace:
    """The installed strace; where there is none, one like those that most systems have, without a path."""
    try:
        return find_strace()
    except CannotRecord:
        return Strace("", (5, 3), "libunwind", "5.3")


def install(tool: str, release: str | None = None) -> str:
    """The command that installs a tool here; `release` is the text of /etc/os-release."""
    if release is None:
        try:
            with open("/etc/os-release", encoding="utf-8", errors="replace") as file:
                release = file.read(4096)
        except OSError:
            release = ""
    kin = " ".join(re.findall(r'^ID(?:_LIKE)?="?([^"\n]*)', release, re.MULTILINE)).split()
    for name, command in _MANAGERS:
        if any(name in word for word in kin):
            packages = _PACKAGES.get(tool, {})
            return f"sudo {command} {packages.get(name) or packages.get('') or tool}"
    return f"install {tool} with the package manager of this system"


def version_of(tool: str, path: str) -> str:
    """The version of lsof, ss or netstat as it says it; "" where it does not."""
    text = output_of(path, "-v" if tool == "lsof" else "-V")
    found = re.search(r"revision: ([\w.]+)|iproute2-([\w.-]+)|net-tools ([\w.-]+)", text)
    return next((part for part in found.groups() if part), "") if found else ""
