#!/bin/sh
# Records the stock service while it serves: sh record.sh, in a directory with stock.py.
python=${PYTHON:-python3}
port=9101

look() {
    for tool in lsof ss proc; do date -u '+# %Y-%m-%dT%H:%M:%SZ' >>$tool.txt; done
    lsof -nP -p "$pid" >>lsof.txt
    ss -tanpe "( sport = :$port )" >>ss.txt
    ls -lR "/proc/$pid/fd" >>proc.txt
}

# $1 requests; every fourth asks for what is not there.
ask() {
    "$python" - "$port" "$1" <<'EOF'
import http.client, sys, time
for number in range(int(sys.argv[2])):
    client = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
    client.request("GET", ("/bolt", "/nut", "/bolt", "/washer")[number % 4])
    client.getresponse().read()
    client.close()
    time.sleep(0.05)
EOF
}

rm -f stock.db lsof.txt ss.txt proc.txt stock.strace
ulimit -n 1024
"$python" stock.py "$port" >stock.log 2>&1 &
pid=$!
until ss -tln | grep -q ":$port "; do sleep 0.2; done
ask 12
look
strace -f -ttt -T -yy -k -e trace=%desc,%network,%process,close_range,unshare,seccomp,prlimit64,setrlimit \
    -o stock.strace -p "$pid" &
tracer=$!
sleep 1
ask 28
look
ask 28
look
sleep 8
look
cat "/proc/$pid/limits" >>proc.txt
kill "$tracer"
wait "$tracer"
kill "$pid"
