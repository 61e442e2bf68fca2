"""What fdtrace reads, for `fdtrace formats`."""

from __future__ import annotations

UNDERSTOOD = """\
strace      One file, a family of files from -ff (NAME.PID), or a terminal's text pasted with its prompts.
            Any leader: bare pid, [pid N], pid<comm>, none; -t, -tt, -ttt, -r, none; -T, -i, -n, -k, -kk,
            -y, -yy, -Y, -x, -xx, -X, -v, -s, --secontext; versions 4.5 to 7.
            Messages of strace itself (its standard error), beside the trace they belong to.
lsof        Tables with any columns, with or without a header; -F and -F0; -J; -r with its markers.
netstat     Tables of Linux (net-tools, busybox), with or without -p and -e; of BSD and macOS.
ss          Any columns and protocols; -e, -p, -m, -i, -o, on one line or several.
procfs      Listings of /proc/PID/fd (ls, find), fdinfo, limits, status; /proc/net tcp, udp, unix and others.
lws         Logs of libwebsockets: contexts, vhosts and connections created and destroyed, callbacks.

A file of lsof, netstat, ss or procfs may hold many looks, each under a line that tells its time:
            # 2026-03-01T12:40:31Z, the output of date, the header of watch, the markers of lsof -r.

Packed as   nothing, gzip, bzip2, xz or zstd, found by content; zstd before Python 3.14 needs
            pip install 'fdtrace[zstd]'
Archives    tar, packed as above or not, and zip, read without being unpacked to disk
Pasted      a ticket or a mail of up to 4 MiB with several captures in it is cut into its parts
Given as    files, directories (searched 8 levels deep; what is no capture is passed over), archives,
            a directory of fdtrace save, or - for standard input; several in one call are joined

A kind that is not recognised can be told: --as strace, lsof, netstat, ss, procfs or lws.

For the best answer record
    strace -f -ttt -T -yy -k \\
        -e trace=%desc,%network,%process,close_range,unshare,seccomp,prlimit64,setrlimit \\
        -o app.strace COMMAND        (or -p PID instead of COMMAND)
and beside it, in another terminal
    while sleep 60; do date -u +%FT%TZ; lsof -nP -p PID; done > lsof.txt
"""
