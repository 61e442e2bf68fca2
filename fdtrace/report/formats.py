"""What fdtrace reads, for `fdtrace formats`."""

from __future__ import annotations

UNDERSTOOD = """\
strace      One file, a family of files from -ff (NAME.PID), or a terminal's text pasted with its prompts.
            Any leader: bare pid, [pid N], pid<comm>, none; -t, -tt, -ttt, -r, none; -T, -i, -n, -k, -kk,
            -y, -yy, -Y, -x, -xx, -X, -v, -s, --secontext; versions 4.5 to 7.
            Messages of strace itself (its standard error), beside the trace they belong to.

Packed as   nothing, gzip, bzip2, xz or zstd, found by content; zstd before Python 3.14 needs
            pip install 'fdtrace[zstd]'
Given as    files, directories (what is no capture as a whole is passed over), or - for standard input

For the best answer record
    strace -f -ttt -T -yy -k \\
        -e trace=%desc,%network,%process,close_range,unshare,seccomp,prlimit64,setrlimit \\
        -o app.strace COMMAND        (or -p PID instead of COMMAND)
"""
