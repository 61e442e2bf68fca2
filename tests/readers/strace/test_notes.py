"""What the annotations of -y, -yy and -Y say about the file behind a number."""

from __future__ import annotations

import pytest

from fdtrace.readers.strace.notes import Note, kind_of_path, read


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (b"/etc/passwd", Note("file", "/etc/passwd")),
        (b"/usr/lib/x (deleted)", Note("file", "/usr/lib/x (deleted)")),
        (rb"/tmp/a\74b\76c", Note("file", "/tmp/a<b>c")),
        (rb"/tmp/a\"b\\c\12", Note("file", '/tmp/a"b\\c\n')),
        (rb"/tmp/\303\251", Note("file", "/tmp/é")),
        (rb"/tmp/\351", Note("file", "/tmp/\\xe9")),
        (rb"\x2f\x65\x74\x63", Note("file", "/etc")),
        (rb"\x2f\x61\x5c\x6e", Note("file", "/a\\n")),
        (rb"\x2f\x61 (deleted)", Note("file", "/a (deleted)")),
        (
            rb"\x61\x6e\x6f\x6e\x5f\x69\x6e\x6f\x64\x65\x3a\x5b\x65\x76\x65\x6e\x74\x70\x6f\x6c\x6c\x5d",
            Note("epoll", "anon_inode:[eventpoll]"),
        ),
        (rb"\x70\x69\x70\x65\x3a\x5b\x37\x5d", Note("pipe", "pipe:[7]", 7)),
        (rb"\x2f\x64\x65\x76\x2f\x6e\x75\x6c\x6c<char 1:3>", Note("char", "/dev/null")),
        (rb"/memfd:mem \74x\76 (deleted)", Note("memfd", "/memfd:mem <x>")),
        (b"/secretmem", Note("memfd", "/secretmem")),
        (b"/srv/app/#2222372 (deleted)", Note("file", "/srv/app/#2222372 (deleted)")),
        (b"pipe:[178736]", Note("pipe", "pipe:[178736]", 178736)),
        (b"socket:[178803]", Note("socket", "socket:[178803]", 178803)),
        (b"pidfd:[9]", Note("pidfd", "pidfd:[9]", 9)),
        (b"pid:20572", Note("pidfd", "pid:20572")),
        (b"pid:20572<comm>", Note("pidfd", "pid:20572")),
        (b"anon_inode:[eventpoll]", Note("epoll", "anon_inode:[eventpoll]")),
        (b"anon_inode:[eventfd]", Note("eventfd", "anon_inode:[eventfd]")),
        (b"anon_inode:[timerfd]", Note("timerfd", "anon_inode:[timerfd]")),
        (b"anon_inode:[pidfd]", Note("pidfd", "anon_inode:[pidfd]")),
        (b"anon_inode:inotify", Note("inotify", "anon_inode:inotify")),
        (b"anon_inode:bpf-map", Note("bpf", "anon_inode:bpf-map")),
        (b"anon_inode:kvm-vcpu:0", Note("kvm-vcpu", "anon_inode:kvm-vcpu:0")),
        (b"{eventfd-count=0x7, eventfd-id=4, eventfd-semaphore=1}", Note("eventfd", "anon_inode:[eventfd]")),
        (b"signalfd:[INT TERM]", Note("signalfd", "anon_inode:[signalfd]")),
        (b"/dev/null<char 1:3>", Note("char", "/dev/null")),
        (b"/dev/sda<block 8:0>", Note("block", "/dev/sda")),
        (b"/dev/ptmx<char 5:2 @/dev/pts/1>", Note("char", "/dev/ptmx")),
        (b"TCP:[412024]", Note("tcp", "TCP:[412024]", 412024)),
        (b"TCP:[127.0.0.1:35685]", Note("tcp", "TCP:[127.0.0.1:35685]", None, "127.0.0.1:35685")),
        (
            b"TCP:[127.0.0.1:43674->127.0.0.1:35685]",
            Note("tcp", "TCP:[127.0.0.1:43674->127.0.0.1:35685]", None, "127.0.0.1:43674", "127.0.0.1:35685"),
        ),
        (
            b"TCPv6:[[::1]:80->[::1]:5000]",
            Note("tcp6", "TCPv6:[[::1]:80->[::1]:5000]", None, "[::1]:80", "[::1]:5000"),
        ),
        (
            b"TCPv6:[::1:80->::1:5000]",
            Note("tcp6", "TCPv6:[::1:80->::1:5000]", None, "[::1]:80", "[::1]:5000"),
        ),
        (b"UNIX:[178765->178769]", Note("unix", "UNIX:[178765->178769]", 178765, None, None, 178769)),
        (
            b'UNIX-STREAM:[178769->178765,"/tmp/s,ock]>"]',
            Note("unix", 'UNIX-STREAM:[178769->178765,"/tmp/s,ock]>"]', 178769, "/tmp/s,ock]>", None, 178765),
        ),
        (b'UNIX:[1,@"abs"]', Note("unix", 'UNIX:[1,@"abs"]', 1, "@abs")),
        (b"NETLINK:[178796]", Note("netlink", "NETLINK:[178796]", 178796)),
        (b"NETLINK:[ROUTE:19193]", Note("netlink", "NETLINK:[ROUTE:19193]")),
        (b"UDPLITEv6:[12]", Note("udplitev6", "UDPLITEv6:[12]", 12)),
        (b"L2TP/IP:[12]", Note("l2tp/ip", "L2TP/IP:[12]", 12)),
        (b"net:[4026531837]", Note("file", "net:[4026531837]")),
        (b"", Note("file", "")),
    ],
)
def test_annotations(text: bytes, note: Note) -> None:
    assert read(text) == note


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/dev/null", "char"),
        ("/dev/ptmx", "char"),
        ("/dev/pts/12", "char"),
        ("/dev/net/tun", "char"),
        ("/dev/shm/pool.12", "file"),
        ("/dev/nullified", "file"),
        ("/srv/dev/null", "file"),
    ],
)
def test_what_a_name_tells_of_a_device(path: str, kind: str) -> None:
    assert kind_of_path(path) == kind
    assert read(path.encode()).kind == kind
