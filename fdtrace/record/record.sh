#!/bin/sh
# Records a program with strace, and looks at its descriptors meanwhile. Made by fdtrace @VERSION@.
#
#     sh record.sh [-o DIR] COMMAND [ARGUMENT...]     starts a program
#     sh record.sh [-o DIR] -p PID                    attaches to a running one; Ctrl-C ends it, the program goes on
#
# It needs sh, strace and the usual small tools (busybox will do); lsof and ss are used where they are.
# Take the directory to a machine with fdtrace then: fdtrace leaks DIR
# It has no limits of size: watch the disk. Where that was full, the trace has holes, and cannot be trusted.

DETAIL=@DETAIL@         # full, or light: no reads, writes or waits
STACKS=@STACKS@              # 1: the stack of each call (slow)
PAYLOAD=@PAYLOAD@            # bytes of what is read, written and passed that are kept
EVERY=@EVERY@             # seconds between two looks
DURATION=@DURATION@           # seconds until it ends by itself; 0: not

say() { echo "record: $*" >&2; }
die() { say "$1"; exit "${2:-125}"; }

dir=@FOLDER@
target=
while getopts o:p: option; do
    case $option in
        o) dir=$OPTARG ;;
        p) target=$OPTARG ;;
        *) die "usage: sh record.sh [-o DIR] COMMAND [ARGUMENT...] | sh record.sh [-o DIR] -p PID" 2 ;;
    esac
done
shift $((OPTIND - 1))
[ -n "$target" ] || [ $# -gt 0 ] || die "a command, or -p PID, is needed" 2
[ -z "$target" ] || [ $# -eq 0 ] || die "either a command or -p PID, not both" 2

# -- what strace can do

command -v strace >/dev/null || die "strace is not installed"
found=$(strace -V 2>&1)
version=$(echo "$found" | sed -n 's/^strace -- version \([0-9]*\)\.\([0-9]*\).*/\1 \2/p' | head -n 1)
major=${version% *}
minor=${version#* }
[ -n "$version" ] || die "strace -V does not say which version it is"
since() { [ "$major" -gt "$1" ] || { [ "$major" -eq "$1" ] && [ "$minor" -ge "$2" ]; }; }

if [ $DETAIL = light ]; then
    options="-f -ttt -s $PAYLOAD"
    calls=@LIGHT@
    since 4 17 || die "strace 4.17 or later is needed for a light recording"
else
    options="-f -ttt -T -yy -s $PAYLOAD"
    calls=@FULL@
    since 4 17 || calls=@OLD@
fi
[ $STACKS = 0 ] || options="$options -k"
[ -n "$target" ] || ! since 5 3 || options="$options --seccomp-bpf"
options="$options -e trace=$calls"

# -- what may be in the way

if [ -n "$target" ]; then
    [ -d "/proc/$target" ] || die "there is no process $target"
    tracer=$(sed -n 's/^TracerPid:[[:space:]]*//p' "/proc/$target/status")
    [ "$tracer" = 0 ] || die "process $target is already traced by process $tracer: end that one first"
else
    command -v "$1" >/dev/null || die "$1: no such command" 127
fi
mkdir -m 700 "$dir" || die "name a directory that does not exist: -o DIR"

# -- looks

# The processes that have a number in a field of their status: traced by, child of.
with() { grep -ls "^$1:[[:space:]]*$2\$" /proc/[0-9]*/status | sed 's,/proc/\([0-9]*\)/.*,\1,'; }

below() {
    echo "$1"
    for child in $(with PPid "$1"); do below "$child"; done
}

stamp() { date -u '+# %Y-%m-%dT%H:%M:%SZ'; }

look() { # PID...
    { stamp; for pid; do of_process "$pid"; done; for table in tcp tcp6 udp udp6 unix; do
        shown "/proc/$1/net/$table"
    done; } 2>/dev/null | keep proc
    if command -v lsof >/dev/null; then
        { stamp; lsof -nP -w +c0 -p "$(echo "$*" | tr ' ' ,)"; } 2>/dev/null | keep lsof
    fi
    if command -v ss >/dev/null; then
        { stamp; ss -tuxapne; } 2>/dev/null | keep ss
    fi
    for pid; do
        for tid in "/proc/$pid/task/"*; do
            [ ! -d "$tid" ] || echo "$pid ${tid##*/}" >>"$dir/.threads"
        done
    done
}

# A look is kept whole or not at all: this one may be ended in the middle.
keep() { cat >"$dir/.look" && cat "$dir/.look" >>"$dir/$1.txt"; }

shown() { # FILE: a file under its name
    [ -r "$1" ] && { echo "==> $1 <=="; cat "$1"; echo; }
}

of_process() { # PID
    [ -d "/proc/$1" ] || return
    echo "/proc/$1/fd:"
    ls -l "/proc/$1/fd"
    echo
    shown "/proc/$1/limits"
    shown "/proc/$1/status"
    for info in "/proc/$1/fdinfo/"*; do shown "$info"; done
}

# In the background, as long as strace runs.
watch() {
    began=$(date +%s)
    sleep 1
    while tracer=$(cat "$dir/.strace" 2>/dev/null) && [ -d "/proc/$tracer" ]; do
        pids=$(with TracerPid "$tracer")
        # shellcheck disable=SC2086 # numbers, one word each
        [ -z "$pids" ] || look $pids
        left=$EVERY
        while [ "$left" -gt 0 ] && [ -d "/proc/$tracer" ]; do
            sleep 1
            left=$((left - 1))
            if [ $DURATION -gt 0 ] && [ $(($(date +%s) - began)) -ge $DURATION ]; then
                finish "$tracer"
                return
            fi
        done
    done
}

finish() { # STRACE: the last look, and the end
    pids=$(with TracerPid "$1")
    # shellcheck disable=SC2086 # numbers, one word each
    [ -z "$pids" ] || look $pids
    if [ -n "$target" ]; then
        kill -INT "$1"
    else
        # shellcheck disable=SC2086 # numbers, one word each
        kill -TERM $pids
    fi
}

# -- the recording

started=$(date -u +%Y-%m-%dT%H:%M:%SZ)
pids=
if [ -n "$target" ]; then
    for pid in $(below "$target"); do
        pids="$pids -p $pid"
    done
    # shellcheck disable=SC2046 # numbers, one word each
    look $(below "$target")
    say "recording process $target; Ctrl-C ends it, the program goes on"
fi
trap : INT TERM
watch &
watcher=$!
(
    trap - INT TERM
    set -f # the ? before names is not for the shell
    # shellcheck disable=SC2086 # options and numbers, one word each
    set -- strace $options $pids -o "$dir/trace.strace" "$@"
    [ -z "$target" ] || exec 2>"$dir/strace.messages.txt" # the program's own messages stay where they are
    exec sh -c 'echo $$ >"$0"; exec "$@"' "$dir/.strace" "$@"
)
code=$?
[ -z "$target" ] || [ $code -ne 130 ] || code=0 # interrupted, as it has to be
rm -f "$dir/.strace"
kill "$watcher" 2>/dev/null
wait "$watcher" 2>/dev/null
if ! [ -s "$dir/trace.strace" ]; then
    [ -z "$target" ] || head -n 3 "$dir/strace.messages.txt" >&2
    rm -rf "$dir"
    die "strace could not trace (root may; in a container, CAP_SYS_PTRACE is needed)"
fi
if [ -n "$target" ] && [ -d "/proc/$target" ]; then
    # shellcheck disable=SC2046 # numbers, one word each
    look $(below "$target")
fi

# -- the manifest

threads=$(sort -u "$dir/.threads" 2>/dev/null | sort -n -k 1,1 -k 2,2 | awk '
    $1 != last { printf "%s\"%s\": {\"threads\": [%s", last ? "]}, " : "", $1, $2; last = $1; next }
    { printf ", %s", $2 }
    END { if (last) printf "]}" }')
rm -f "$dir/.threads" "$dir/.look"
cat >"$dir/manifest.json" <<END
{"format": "@FORMAT@", "state": "complete", "by": "script",
 "started": "$started", "ended": "$(date -u +%Y-%m-%dT%H:%M:%SZ)",
 "versions": {"fdtrace": "@VERSION@", "strace": "$major.$minor"},
 "host": {"kernel": "$(uname -r)", "machine": "$(uname -m)"},
 "options": {"detail": "$DETAIL", "stacks": $([ $STACKS = 0 ] && echo false || echo true), "payload": $PAYLOAD},
 "processes": {$threads},
 "files": {"trace.strace": {"kind": "strace"}}}
END
say "next, where fdtrace is: fdtrace leaks $dir"
exit "$code"
