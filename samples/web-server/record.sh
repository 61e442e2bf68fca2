#!/bin/sh
# Records a web server that is in order: sh record.sh, in a directory with nginx.conf and files/page1.html to page8.html.
port=9102

look() {
    for tool in lsof ss; do date -u '+# %Y-%m-%dT%H:%M:%SZ' >>$tool.txt; done
    lsof -nP -a -c nginx -d 0-255 >>lsof.txt
    ss -tanpe "( sport = :$port )" >>ss.txt
}

# Two clients keep their connections, the others come and go.
visitors() {
    python3 - "$port" <<'EOF'
import http.client, pathlib, sys, time
def visit(client, number):
    client.request("GET", f"/page{number % 8 + 1}.html")
    client.getresponse().read()
stay = [http.client.HTTPConnection("127.0.0.1", int(sys.argv[1])) for _ in range(2)]
for number in range(40):
    visit(stay[number % 2], number)
    client = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
    visit(client, number + 3)
    client.close()
    time.sleep(0.1)
pathlib.Path("served").touch()
time.sleep(8)
EOF
}

rm -f served access.log error.log lsof.txt ss.txt nginx.strace
strace -f -ttt -T -yy -k -e trace=%desc,%network,%process,close_range,unshare,seccomp,prlimit64,setrlimit \
    -o nginx.strace nginx -p . -c nginx.conf >nginx.log 2>&1 &
until ss -tln | grep -q ":$port "; do sleep 0.2; done
visitors &
sleep 3
look
until [ -e served ]; do sleep 0.2; done
look
sleep 2
look
kill -QUIT "$(cat nginx.pid)"
wait
