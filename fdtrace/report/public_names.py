"""Names that say nothing about anybody: of system directories, common programs, libraries and users.

Redaction leaves these as they are and replaces all others: what is missing from
a list costs a reader a name, what is wrongly in one would give a name away.
"""

from __future__ import annotations

import re

TREES = ("/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/sbin", "/proc", "/sys", "/dev")
"""Directories of the system, below which every name stays …"""

LOCAL = ("/usr/local", "/usr/src", "/dev/shm", "/dev/mqueue", "/dev/mapper", "/dev/disk", "/sys/fs/cgroup")
"""… but for these, which people fill."""

DIRECTORIES = frozenset(
    """etc var usr lib lib32 lib64 bin sbin run tmp opt srv home root mnt media boot dev proc sys data app
    Users Library System private Volumes Applications
    cache spool log www html local share libexec include src shm mqueue lock user ssl certs keys tls pki
    conf config conf.d ld.so.conf.d default init.d cron.d systemd system dbus journal containers overlay2
    nscd alternatives locale zoneinfo x86_64-linux-gnu aarch64-linux-gnu site-packages dist-packages
    node_modules vendor plugins modules target debug release dist build tests migrations static templates
    .config .cache .local .ssh .npm .cargo .rustup .venv venv .git .m2 .gradle .mozilla
    system.slice user.slice init.scope cgroup unified""".split()
)

FILES = frozenset(
    """passwd shadow group hosts hostname resolv.conf nsswitch.conf ld.so.cache ld.so.preload localtime
    services protocols host.conf gai.conf timezone os-release machine-id ssl.conf openssl.cnf mime.types
    random urandom null zero tty ptmx stdin stdout stderr socket sock pid access.log error.log syslog
    messages auth.log kern.log index.html index.js main.py app.py manage.py package.json Makefile
    log.txt docker.sock containerd.sock system_bus_socket .s.PGSQL.5432 mysqld.sock""".split()
)

PROGRAMS = frozenset(
    """bash sh dash zsh ash fish cat cp mv ls dd tar gzip sleep sed awk grep find xargs make ld as gcc cc cc1
    cc1plus g++ clang collect2 rustc cargo go javac java node npm npx yarn deno bun python python2 python3
    perl ruby php php-fpm lua luajit mono dotnet erl beam.smp curl wget git ssh sshd scp rsync su sudo login
    init systemd systemd-journal systemd-logind systemd-resolve systemd-udevd systemd-network dbus-daemon
    cron crond rsyslogd nginx apache2 httpd haproxy envoy caddy traefik lighttpd varnishd squid unbound named
    dnsmasq chronyd ntpd postgres mysqld mariadbd mongod redis-server memcached etcd rabbitmq-server kafka
    zookeeper elasticsearch influxd prometheus grafana dockerd docker containerd containerd-shim runc
    kubelet kube-proxy gunicorn uwsgi celery uvicorn strace lsof netstat ss gdb chrome chromium firefox
    Xorg gnome-shell pulseaudio""".split()
)

USERS = frozenset(
    """root daemon bin sys sync games man lp mail news uucp proxy www-data backup list irc gnats nobody _apt
    systemd-network systemd-resolve systemd-timesync messagebus sshd syslog nginx apache postgres mysql redis
    mongodb rabbitmq docker ntp chrony dnsmasq polkitd dbus _www _windowserver _spotlight _mdnsresponder
    haproxy memcache uuidd tss avahi rtkit""".split()
)

CAPTURES = frozenset(
    """app capture trace strace lsof netstat ss tcp tcp6 udp udp6 unix raw raw6 netlink packet proc procfd
    procfs fd fds fdinfo limits ls lws libwebsockets log before after old new good bad start end open files
    sockets output out stdin ticket report sample snapshot snapshots test server client service worker
    gateway web nginx""".split()
)
"""Words in the name of a capture's file that only say what it is."""

_LIBRARIES = re.compile(
    r"(?:ld-linux|ld-musl|lib(?:c|m|dl|rt|pthread|resolv|nss_\w+|stdc\+\+|gcc_s|asan|tsan|websockets|uv|ev|event"
    r"|ssl|crypto|curl|nghttp2|z|zstd|lzma|bz2|sqlite3|pq|mysqlclient|glib|gio|gobject|dbus|systemd|python"
    r"|jvm|node|ruby|perl|xml2|expat|ffi|cap|selinux|pcre2?|gnutls|mbedtls|boost_\w+|protobuf|grpc|eatmydata))"
    r"(?:[-_.]|$)[\w.+-]*"
)
_NUMBERS = re.compile(r"[\d*.…_-]*")
_EXTENSION = re.compile(
    r"(?:\.(?:so[\d.]*|a|o|py|pyc|js|mjs|ts|rb|pl|php|sh|java|jar|class|c|cc|cpp|h|go|rs|html|css|json|jsonl|xml"
    r"|ya?ml|toml|ini|conf|cfg|cnf|log|txt|csv|md|db|sqlite3?|db-wal|db-shm|wal|dat|bin|tmp|swp|lock|pid|sock"
    r"|socket|service|scope|slice|pem|crt|key|gz|xz|zst|zip|tar|png|jpe?g|svg|pdf|mp4|strace|part|bak|old|\d{1,3}))+$"
)


def component(name: str) -> bool:
    """Whether a part of a path may stay."""
    return (
        name in DIRECTORIES
        or name in FILES
        or name in PROGRAMS
        or _NUMBERS.fullmatch(name) is not None
        or library(name)
    )


def library(name: str) -> bool:
    """Whether this is a library that many programs use."""
    return _LIBRARIES.fullmatch(name) is not None


def extension(name: str) -> str:
    """The endings of a file's name that tell its sort: `.so.2`, `.log.1`; "" without."""
    found = _EXTENSION.search(name)
    return found[0] if found else ""
