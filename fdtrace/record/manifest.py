"""The manifest of a recording, as it is written: what was recorded, how, when and where.

It is there from the first moment on and rewritten in place, with room kept for
it: a recording that dies, or fills the disk, has one all the same. What is known
of reading it is in :mod:`fdtrace.readers.manifest`.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import platform
import time
from collections.abc import Mapping
from typing import Any

from ..readers.manifest import FORMAT, NAME
from .processes import read

_ROOM = 1 << 16
_MACHINE = ("/etc/machine-id", "/var/lib/dbus/machine-id")


class ManifestFile:
    """The file on disk."""

    def __init__(self, folder: str) -> None:
        self.path = os.path.join(folder, NAME)
        number = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._file = open(number, "wb", buffering=0)  # noqa: SIM115 - as long as the recording

    def write(self, facts: Mapping[str, Any], last: bool = False) -> None:
        """Replace what stands there. The room behind it is given back by the `last` one.

        One write in the place of the former: whoever reads meanwhile, or after a sudden end, finds it whole.
        """
        text = json.dumps(facts, indent=1, ensure_ascii=True).encode() + b"\n"
        if len(text) > _ROOM and not last:
            text = json.dumps({**facts, "processes": {}}, ensure_ascii=True).encode() + b"\n"
        padding = b"" if last else b" " * (_ROOM - 1 - len(text)) + b"\n"
        with contextlib.suppress(OSError):
            os.pwrite(self._file.fileno(), text + padding, 0)
            if last:
                self._file.truncate(len(text))

    def close(self) -> None:
        """Nothing follows."""
        self._file.close()


def host() -> dict[str, object]:
    """What may matter of the machine, and nothing that names it.

    `id` is the same for all recordings of a machine and leads nowhere: a keyed
    digest of its random machine-id, as machine-id(5) asks for. A digest of the
    host's name could be undone by trying names.
    """
    machine = next((text for path in _MACHINE if (text := read(path).strip())), "")
    facts: dict[str, object] = {
        "kernel": platform.release(),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
    }
    if machine:
        facts["id"] = hmac.new(machine.encode(), b"fdtrace recording", hashlib.sha256).hexdigest()[:32]
    return facts


def zone() -> str:
    """How far local time is from UTC now, as in +02:00."""
    text = time.strftime("%z")
    return f"{text[:3]}:{text[3:]}"


def first_facts() -> dict[str, Any]:
    """What is known before anything is recorded."""
    return {"format": FORMAT, "state": "recording", "zone": zone(), "host": host()}
