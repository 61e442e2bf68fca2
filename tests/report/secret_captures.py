# ruff: noqa: E501 - captured lines are as long as they are
"""Captures with a secret in every field that a capture can carry, invented as the tools would write them."""

from __future__ import annotations

from pathlib import Path

SECRETS = {
    "user": "mallory",
    "home": "mallorydir",
    "blank path": "Merger Plans",
    "path": "projekt-falke",
    "file": "kundenliste",
    "unix path": "falkenhorst",
    "abstract name": "geheimbus",
    "comm": "falkend",
    "thread": "falkworker",
    "argv": "--token=tok-48151623",
    "variable": "AWS_KEY=akia-4815",
    "payload": "Passwort-Hase",
    "answer": "kontostand-77",
    "header": "sessionid=deadcafe42",
    "v4 peer": "203.0.113.77",
    "v4 own": "198.51.100.23",
    "v6": "2001:db8:77::23",
    "v6 long": "2001:0db8:0077:0000:0000:0000:0000:0023",
    "v6 capital": "2001:DB8:77::23",
    "mapped": "::ffff:203.0.113.77",
    "kernel": "4D7100CB",
    "host": "ledger.falke-bank.example",
    "bare host": "kassenserver",
    "mac": "52:54:00:ab:cd:ef",
    "memfd": "falkencache",
    "node": "falkenknoten",
    "module": "libfalkenherz",
    "source": "falkenquelle",
    "name in a handshake": "tls.falkentresor.bank",
    "host's own name": "falkenkiste",
    "comm of a pid": "falkpool",
    "share": "falkenlager",
    "mounted from": "falkenserver",
    "program below /usr": "falkenkurier",
    "working directory": "falkennest",
    "link": "falkenziel",
    "key": "falkenkey",
    "device": "falkenbr0",
    "cgroup": "falkenbank.service",
    "worker": "falkenknecht",
    "group": "falkengruppe",
    "listed": "falkenablage",
    "kernel's unix path": "falkensockel",
    "virtual host": "falkenhaus",
    "uri": "konto-abfrage",
    "capture": "falkencrash",
    "directory": "falkenordner",
}

KEPT = ("CLOSE_WAIT", "/etc/passwd", "open_ledger", ":8443", "/usr/lib/x86_64-linux-gnu/libc.so.6")

_CALLS = """\
{pid} {t}.000001 execve("/opt/projekt-falke/bin/falkend", ["falkend", "--token=tok-48151623"], ["AWS_KEY=akia-4815"]) = 0 <0.0001>
{pid} {t}.000002 prctl(PR_SET_NAME, "falkworker") = 0 <0.0001>
{pid} {t}.000003 uname({{sysname="Linux", nodename="falkenknoten", ...}}) = 0 <0.0001>
{pid} {t}.000004 openat(AT_FDCWD, "/etc/passwd", O_RDONLY|O_CLOEXEC) = 3</etc/passwd> <0.0001>
{pid} {t}.000005 close(3</etc/passwd>) = 0 <0.0001>
{pid} {t}.000006 memfd_create("falkencache", MFD_CLOEXEC) = 3</memfd:falkencache> <0.0001>
{pid} {t}.000007 close(3</memfd:falkencache>) = 0 <0.0001>
{pid} {t}.000008 socket(AF_UNIX, SOCK_STREAM, 0) = 3<UNIX-STREAM:[901]> <0.0001>
{pid} {t}.000009 connect(3<UNIX-STREAM:[901]>, {{sa_family=AF_UNIX, sun_path=@"geheimbus"}}, 110) = 0 <0.0001>
{pid} {t}.000009 ioctl(3<UNIX-STREAM:[901]>, SIOCGIFHWADDR, {{ifr_name="eth0", ifr_hwaddr={{sa_family=ARPHRD_ETHER, sa_data=52:54:00:ab:cd:ef}}}}) = 0 <0.0001>
{pid} {t}.000010 socket(AF_UNIX, SOCK_STREAM, 0) = 4<UNIX-STREAM:[902]> <0.0001>
{pid} {t}.000010 mount("//falkenlager/export", "/mnt/falkenlager", "cifs", 0, "user=mallory") = 0 <0.0001>
{pid} {t}.000010 chdir("/srv/falkennest") = 0 <0.0001>
{pid} {t}.000010 sethostname("falkenkiste", 11) = 0 <0.0001>
{pid} {t}.000010 add_key("user", "falkenkey", "falkenkey", 9, KEY_SPEC_SESSION_KEYRING) = 12 <0.0001>
{pid} {t}.000010 setsockopt(4<UNIX-STREAM:[902]>, SOL_SOCKET, SO_BINDTODEVICE, "falkenbr0\\0", 10) = 0 <0.0001>
{pid} {t}.000010 kill(4121<falkpool>, SIGTERM) = 0 <0.0001>
{pid} {t}.000010 readlinkat(AT_FDCWD</srv/falkennest>, "strom", "../falkenziel", 4096) = 13 <0.0001>
{pid} {t}.000010 clone(child_stack=NULL, flags=SIGCHLD) = 4130<falkpool> <0.0001>
4130 {t}.000010 execve("/usr/bin/falkenkurier", ["falkenkurier"], 0x7f /* 3 vars */) = 0 <0.0001>
4130 {t}.000010 openat(AT_FDCWD, "/usr/share/falkenkurier/x.conf", O_RDONLY) = 5</usr/share/falkenkurier/x.conf> <0.0001>
4130 {t}.000010 +++ exited with 0 +++
{pid} {t}.000011 bind(4<UNIX-STREAM:[902]>, {{sa_family=AF_UNIX, sun_path="/run/falkenhorst.sock"}}, 110) = 0 <0.0001>
"""
_ROUND = """\
{pid} {t}.100001 openat(AT_FDCWD, "/home/mallory/mallorydir/Merger Plans/kundenliste-{n}.db", O_RDONLY) = {fd}</home/mallory/mallorydir/Merger Plans/kundenliste-{n}.db> <0.0001>
 > /usr/lib/x86_64-linux-gnu/libc.so.6(open64+0x10) [0x1000]
 > /opt/projekt-falke/lib/libfalkenherz.so.2(open_ledger+0x20) [0x2000] /build/falkenquelle/ledger.c:17
 > /opt/projekt-falke/bin/falkend(main+0x30) [0x3000]
{pid} {t}.200001 read({fd}</home/mallory/mallorydir/Merger Plans/kundenliste-{n}.db>, "kontostand-77\\n", 4096) = 14 <0.0001>
 > /usr/lib/x86_64-linux-gnu/libc.so.6(read+0x10) [0x1100]
{pid} {t}.300001 socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = {sd}<TCP:[7{n:03}]> <0.0001>
 > /usr/lib/x86_64-linux-gnu/libc.so.6(socket+0x10) [0x1200]
 > /opt/projekt-falke/bin/falkend(+0x4000) [0x4000]
{pid} {t}.300002 connect({sd}<TCP:[7{n:03}]>, {{sa_family=AF_INET, sin_port=htons(8443), sin_addr=inet_addr("203.0.113.77")}}, 16) = 0 <0.0001>
{pid} {t}.300003 sendto({sd}<TCP:[198.51.100.23:5{n:03}->203.0.113.77:8443]>, "Passwort-Hase sessionid=deadcafe42", 34, MSG_NOSIGNAL, NULL, 0) = 34 <0.0001>
{pid} {t}.300004 sendmsg({sd}<TCP:[198.51.100.23:5{n:03}->203.0.113.77:8443]>, {{msg_name=NULL, msg_namelen=0, msg_iov=[{{iov_base="\\26\\3\\1tls.falkentresor.bank\\0", iov_len=25}}], msg_iovlen=1, msg_controllen=0, msg_flags=0}}, MSG_NOSIGNAL) = 25 <0.0001>
{pid} {t}.400001 recvfrom({sd}<TCP:[198.51.100.23:5{n:03}->203.0.113.77:8443]>, "", 64, 0, NULL, NULL) = 0 <0.0001>
"""


def write(folder: Path) -> list[str]:
    """Writes them; returns their names."""
    pid, start, count = 4120, 1_700_000_000, 24
    trace = _CALLS.format(pid=pid, t=start)
    for n in range(count):
        trace += _ROUND.format(pid=pid, t=start + 1 + n, n=n, fd=10 + 2 * n, sd=11 + 2 * n)
    trace += "this is no call, but it has a Passwort-Hase in it\n"
    (folder / "app.strace").write_text(trace)
    rows = ["COMMAND  PID    USER   FD   TYPE DEVICE SIZE/OFF NODE NAME"]
    rows.append("falkend 4120 mallory  cwd    DIR  254,1     4096  200 /srv/projekt-falke")
    for n in range(count):
        rows.append(
            f"falkend 4120 mallory  {10 + 2 * n}r   REG  254,1       14  {300 + n} "
            f"/home/mallory/mallorydir/Merger Plans/kundenliste-{n}.db"
        )
        rows.append(
            f"falkend 4120 mallory  {11 + 2 * n}u  IPv4   7{n:03}      0t0  TCP "
            f"198.51.100.23:5{n:03}->203.0.113.77:8443 (CLOSE_WAIT)"
        )
    rows.append(
        "falkend 4120 mallory  90u  IPv6   8001      0t0  TCP [2001:db8:77::23]:8443->kassenserver:443 (ESTABLISHED)"
    )
    rows.append(
        "falkend 4120 mallory  91u  unix 0xffff888    0t0 8002 /run/falkenhorst.sock type=STREAM (CONNECTED)"
    )
    rows.append("falkend 4120 mallory  92u  unix 0xffff889    0t0 8003 @geheimbus type=STREAM (CONNECTED)")
    rows.append("falkend 4120 mallory  93r   REG  0,55     14  310 /mnt/falkenlager/x (falkenserver:/export)")
    rows.append("falkenkni 4121 mallory mem  REG 254,1     14  311 /opt/projekt-falke/lib/libfalkenherz.so.2")
    (folder / "lsof.txt").write_text("\n".join(rows) + "\n")
    (folder / "netstat.txt").write_text(
        "Active Internet connections (w/o servers)\n"
        "Proto Recv-Q Send-Q Local Address           Foreign Address         State       PID/Program name\n"
        "tcp        1      0 198.51.100.23:5000      203.0.113.77:8443       CLOSE_WAIT  4120/falkend\n"
        "tcp        1      0 198.51.100.23:5001      ledger.falke-bank.example:https CLOSE_WAIT  4120/falkend\n"
        "tcp6       0      0 2001:0db8:0077:0000:0000:0000:0000:0023:8443 2001:DB8:77::23:50000 ESTABLISHED 4120/falkend\n"
        "tcp6       0      0 ::ffff:203.0.113.77:443 :::*                    LISTEN      4120/falkend\n"
        "tcp        0      0 198.51.100.23:5002      203.0.113.77:8443       ESTABLISHED 4121/falkenknecht: 7\n"
        "Active UNIX domain sockets (servers and established)\n"
        "Proto RefCnt Flags       Type       State         I-Node   PID/Program name     Path\n"
        "unix  2      [ ACC ]     STREAM     LISTENING     8002     4120/falkend         /run/falkenhorst.sock\n"
        "unix  3      [ ]         STREAM     CONNECTED     8003     4120/falkend         @geheimbus\n"
    )
    (folder / "ss.txt").write_text(
        "Netid State      Recv-Q Send-Q Local Address:Port  Peer Address:Port Process\n"
        'tcp   CLOSE-WAIT 1      0      198.51.100.23:5000  203.0.113.77:8443 users:(("falkend",pid=4120,fd=11)) ino:7000 sk:1\n'
        'tcp   ESTAB      0      0      [2001:db8:77::23]:8443 [2001:db8:77::23]:50000 users:(("falkend",pid=4120,fd=90)) ino:8001 sk:2\n'
        'tcp   LISTEN     0      128    198.51.100.23%falkenbr0:8443 0.0.0.0:* users:(("falkenknecht",pid=4121,fd=9)) uid:1000 ino:8007 sk:3 cgroup:/system.slice/falkenbank.service <->\n'
        'u_str ESTAB      0      0      /run/falkenhorst.sock 8002 * 0 users:(("falkend",pid=4120,fd=91))\n'
        'u_str ESTAB      0      0      @geheimbus 8003 * 0 users:(("falkend",pid=4120,fd=92))\n'
    )
    (folder / "tcp").write_text(
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
        "   0: 176433C6:1388 4D7100CB:20FB 08 00000000:00000001 00:00000000 00000000  1000        0 7000 1 0 20 4 30 10 -1\n"
    )
    (folder / "unix").write_text(
        "Num       RefCount Protocol Flags    Type St Inode Path\n"
        "ffff8880: 00000002 00000000 00010000 0001 01  8002 /run/falkensockel.sock\n"
        "ffff8881: 00000003 00000000 00000000 0001 03  8003 @falkensockel\n"
    )
    (folder / "procfd.txt").write_text(
        "/proc/4120/fd:\ntotal 0\n"
        "lrwx------ 1 mallory falkengruppe 64 Nov 14 22:13 94 -> /var/lib/falkenablage/kundenliste.db (deleted)\n"
        "lrwx------ 1 mallory falkengruppe 64 Nov 14 22:13 95 -> socket:[8002]\n"
    )
    (folder / "falkencrash-2023.strace").write_text(
        '5120 1700000100.000001 execve("/bin/sh", ["sh"], 0x7f /* 3 vars */) = 0 <0.0001>\n'
        '5120 1700000100.000002 openat(AT_FDCWD, "/falkenordner/kundenliste", O_RDONLY) = 3</falkenordner/kundenliste> <0.0001>\n'
        "5120 1700000100.000003 close(3</falkenordner/kundenliste>) = 0 <0.0001>\n"
        "5120 1700000100.000004 +++ exited with 0 +++\n"
    )
    (folder / "lws.log").write_text(
        "[2023/11/14 22:13:20:1000] N: lws_create_context: LWS: 4.3.3-v4.3.3, NET CLI SRV H1 H2 WS ConMon IPv6-absent\n"
        "[2023/11/14 22:13:21:1000] N:  ++ [wsicli|0|WS/h1/default/ledger.falke-bank.example] (1)\n"
        "[2023/11/14 22:13:22:1000] N:  ++ [wsicli|1|WS/h1/default/203.0.113.77] (2)\n"
        "[2023/11/14 22:13:22:2000] N:  ++ [wsisrv|0|adopted/falkenhaus] (1)\n"
        "[2023/11/14 22:13:22:3000] E: lws_http_serve: unable to serve /konto-abfrage?kunde=77\n"
    )
    names = "app.strace lsof.txt netstat.txt ss.txt tcp unix procfd.txt lws.log falkencrash-2023.strace"
    return [str(folder / name) for name in names.split()]
