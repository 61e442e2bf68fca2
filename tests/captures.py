"""Small captures written out in tests, as files that `load` takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fdtrace

START = '100 execve("/srv/app", ["app"], 0x7ffd /* 20 vars */) = 0\n'
"""A program that is traced from birth."""


def case(folder: Path, text: str, name: str = "app.strace") -> fdtrace.Case:
    """The Case of a capture with this text."""
    path = folder / name
    path.write_text(text)
    return fdtrace.load(path)


def family(folder: Path, **files: str) -> fdtrace.Case:
    """The Case of a `-ff` family; the name of each file is `t` and its thread."""
    for name, text in files.items():
        (folder / f"app.strace.{name[1:]}").write_text(text)
    return fdtrace.load(folder)


def table(case: fdtrace.Case, pid: int, how: str = "none") -> dict[int, bool | None]:
    """The open numbers of a process above standard error, with their close-on-exec flags."""
    processes = case.processes[case.processes["pid"] == pid]
    fds = case.fds[(case.fds["table"] == processes.iloc[-1]["table"]) & (case.fds["how"] == how)]
    rows = fds[fds["fd"] > 2]
    return {
        int(fd): None if flag is None or flag != flag else bool(flag)
        for fd, flag in zip(
            rows["fd"], rows["cloexec"].astype(object).where(rows["cloexec"].notna(), None), strict=True
        )
    }


def lives(case: fdtrace.Case, **wanted: Any) -> list[dict[str, Any]]:
    """The rows of `fds` that have these values, with None for NA."""
    frame = case.fds.reset_index()
    for column, value in wanted.items():
        frame = frame[frame[column] == value]
    return [
        {key: None if value != value else value for key, value in row.items()}
        for row in frame.astype(object).where(frame.notna(), None).to_dict("records")
    ]
