"""What libwebsockets calls things: callback reasons, stages of a connection, numbers in its messages.

Names and numbers of the callbacks are those of `lws-callbacks.h`, which has
kept them since 2.0; CLIENT_CLOSED came with 3.0 (before, CLOSED served clients
as well), CONNECTING with 4.2. The texts of failed connections are those that
the library hands to CLIENT_CONNECTION_ERROR, from 1.5 to 5.0.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_NUMBERED = """
0 ESTABLISHED 1 CLIENT_CONNECTION_ERROR 2 CLIENT_FILTER_PRE_ESTABLISH 3 CLIENT_ESTABLISHED 4 CLOSED
5 CLOSED_HTTP 6 RECEIVE 7 RECEIVE_PONG 8 CLIENT_RECEIVE 9 CLIENT_RECEIVE_PONG 10 CLIENT_WRITEABLE
11 SERVER_WRITEABLE 12 HTTP 13 HTTP_BODY 14 HTTP_BODY_COMPLETION 15 HTTP_FILE_COMPLETION 16 HTTP_WRITEABLE
17 FILTER_NETWORK_CONNECTION 18 FILTER_HTTP_CONNECTION 19 SERVER_NEW_CLIENT_INSTANTIATED
20 FILTER_PROTOCOL_CONNECTION 21 OPENSSL_LOAD_EXTRA_CLIENT_VERIFY_CERTS
22 OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS 23 OPENSSL_PERFORM_CLIENT_CERT_VERIFICATION
24 CLIENT_APPEND_HANDSHAKE_HEADER 25 CONFIRM_EXTENSION_OKAY 26 CLIENT_CONFIRM_EXTENSION_SUPPORTED
27 PROTOCOL_INIT 28 PROTOCOL_DESTROY 29 WSI_CREATE 30 WSI_DESTROY 31 GET_THREAD_ID 32 ADD_POLL_FD
33 DEL_POLL_FD 34 CHANGE_MODE_POLL_FD 35 LOCK_POLL 36 UNLOCK_POLL 38 WS_PEER_INITIATED_CLOSE
39 WS_EXT_DEFAULTS 40 CGI 41 CGI_TERMINATED 42 CGI_STDIN_DATA 43 CGI_STDIN_COMPLETED
44 ESTABLISHED_CLIENT_HTTP 45 CLOSED_CLIENT_HTTP 46 RECEIVE_CLIENT_HTTP 47 COMPLETED_CLIENT_HTTP
48 RECEIVE_CLIENT_HTTP_READ 49 HTTP_BIND_PROTOCOL 50 HTTP_DROP_PROTOCOL 51 CHECK_ACCESS_RIGHTS
52 PROCESS_HTML 53 ADD_HEADERS 54 SESSION_INFO 55 GS_EVENT 56 HTTP_PMO 57 CLIENT_HTTP_WRITEABLE
58 OPENSSL_PERFORM_SERVER_CERT_VERIFICATION 59 RAW_RX 60 RAW_CLOSE 61 RAW_WRITEABLE 62 RAW_ADOPT
63 RAW_ADOPT_FILE 64 RAW_RX_FILE 65 RAW_WRITEABLE_FILE 66 RAW_CLOSE_FILE 67 SSL_INFO 69 CHILD_CLOSING
70 CGI_PROCESS_ATTACH 71 EVENT_WAIT_CANCELLED 72 VHOST_CERT_AGING 73 TIMER 74 VHOST_CERT_UPDATE
75 CLIENT_CLOSED 76 CLIENT_HTTP_DROP_PROTOCOL 77 WS_SERVER_BIND_PROTOCOL 78 WS_SERVER_DROP_PROTOCOL
79 WS_CLIENT_BIND_PROTOCOL 80 WS_CLIENT_DROP_PROTOCOL 81 RAW_SKT_BIND_PROTOCOL 82 RAW_SKT_DROP_PROTOCOL
83 RAW_FILE_BIND_PROTOCOL 84 RAW_FILE_DROP_PROTOCOL 85 CLIENT_HTTP_BIND_PROTOCOL 86 HTTP_CONFIRM_UPGRADE
89 RAW_PROXY_CLI_RX 90 RAW_PROXY_SRV_RX 91 RAW_PROXY_CLI_CLOSE 92 RAW_PROXY_SRV_CLOSE
93 RAW_PROXY_CLI_WRITEABLE 94 RAW_PROXY_SRV_WRITEABLE 95 RAW_PROXY_CLI_ADOPT 96 RAW_PROXY_SRV_ADOPT
97 RAW_PROXY_CLI_BIND_PROTOCOL 98 RAW_PROXY_SRV_BIND_PROTOCOL 99 RAW_PROXY_CLI_DROP_PROTOCOL
100 RAW_PROXY_SRV_DROP_PROTOCOL 101 RAW_CONNECTED 102 VERIFY_BASIC_AUTHORIZATION 103 WSI_TX_CREDIT_GET
104 CLIENT_HTTP_REDIRECT 105 CONNECTING 200 MQTT_NEW_CLIENT_INSTANTIATED 201 MQTT_IDLE
202 MQTT_CLIENT_ESTABLISHED 203 MQTT_SUBSCRIBED 204 MQTT_CLIENT_WRITEABLE 205 MQTT_CLIENT_RX
206 MQTT_UNSUBSCRIBED 207 MQTT_DROP_PROTOCOL 208 MQTT_CLIENT_CLOSED 209 MQTT_ACK 210 MQTT_RESEND
211 MQTT_UNSUBSCRIBE_TIMEOUT 212 MQTT_SHADOW_TIMEOUT 213 MQTT_QOS2_RX_COMPLETE
214 HTTP_INTERCEPTOR_CHECK 215 GET_PSS_SIZE 216 DHT_VERB_DISPATCH 217 QT_SERVER_RECEIVE
218 QT_CLIENT_RECEIVE 219 CLIENT_ESTABLISHED_EARLY
""".split()

NAMES: dict[int, str] = {int(n): name for n, name in zip(_NUMBERED[::2], _NUMBERED[1::2], strict=True)}
"""Callback reasons by number (2.0 and later)."""

NUMBERS: dict[str, int] = {name: number for number, name in NAMES.items()}
"""The same by name, without `LWS_CALLBACK_`."""

_LEADING = frozenset(("ESTABLISHED", "CLOSED", "RECEIVE", "CONNECTING"))
"""Names that are also words: without their prefix they count only where a message begins."""
_PREFIXED = frozenset(("HTTP", "TIMER", "CGI"))
"""Names that count only with their prefix."""

_WORD = re.compile(r"[A-Z][A-Z0-9_]{2,}(?![a-z])")
_PREFIX = "LWS_CALLBACK_"
_NEED_MORE = _LEADING | _PREFIXED
_LEAD = re.compile(
    rf"(?:\w+: )?(?P<lead>{'|'.join(sorted(_LEADING))})(?=$|[:,.(]| \()(?P<detail>.*)", re.DOTALL
)
_BY_NUMBER = re.compile(
    r"(?<!close )\breason\s{0,3}[=:#(]?\s{0,9}(\d{1,3})\b(?![.:/\w])"
    r"|\b(?:callback|cb)(?:_\w+)?\s{0,3}[=:#(]?\s{0,9}(\d{1,3})\b(?![.:/\w])"
)
_USER_CODE = 1000

_CLIENT = re.compile(r"CLIENT|^CONNECTING$|^RAW_CONNECTED$|_CLI_")
_NOBODY = frozenset(
    """PROTOCOL_INIT PROTOCOL_DESTROY GET_THREAD_ID EVENT_WAIT_CANCELLED LOCK_POLL UNLOCK_POLL TIMER
    OPENSSL_LOAD_EXTRA_CLIENT_VERIFY_CERTS OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS VHOST_CERT_AGING
    VHOST_CERT_UPDATE FILTER_NETWORK_CONNECTION GET_PSS_SIZE ADD_POLL_FD DEL_POLL_FD CHANGE_MODE_POLL_FD
    DHT_VERB_DISPATCH HTTP_INTERCEPTOR_CHECK""".split()
)
_EITHER = frozenset(("WSI_CREATE", "WSI_DESTROY", "WS_PEER_INITIATED_CLOSE", "CHILD_CLOSING", "SSL_INFO"))


class Callback(NamedTuple):
    """A callback that a message tells of; `name` is None for a number that no table has."""

    name: str | None
    number: int | None
    detail: str
    """What the message says behind the name."""


def callback(message: str, numbered: bool = True) -> Callback | None:
    """The callback that an application's message names, None when it names none.

    `numbered` says whether numbers mean what they do since libwebsockets 2.0.
    """
    for word in _WORD.finditer(message):
        name = word[0].removeprefix(_PREFIX)
        number = NUMBERS.get(name)
        if number is None or (name in _NEED_MORE and name == word[0]):
            continue
        if word.start() and (message[word.start() - 1] == "_" or message[word.start() - 1].isalnum()):
            continue
        return Callback(name, number, message[word.end() :])
    lead = _LEAD.match(message)
    if lead is not None:
        return Callback(lead["lead"], NUMBERS[lead["lead"]], lead["detail"])
    if "reason" not in message and "callback" not in message and "cb" not in message:
        return None
    found = _BY_NUMBER.search(message)
    if found is None:
        return None
    number = int(found[1] or found[2])
    if number not in NAMES:
        return None
    return Callback(NAMES[number] if numbered else None, number, message[found.end() :])


def side(name: str) -> str:
    """Whose callback it is: "client", "server", "either", or "" when it is about no connection."""
    if name in _NOBODY:
        return ""
    if name in _EITHER:
        return "either"
    return "client" if _CLIENT.search(name) else "server"


# -- why a connection failed ---------------------------------------------------

_STAGES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (stage, re.compile(pattern, re.IGNORECASE))
    for stage, pattern in (
        ("descriptor", r"open socket|skt creation|skt options|insert wsi|insert fd|set nonblocking|"
         r"errno 2[34]\b|ENFILE|EMFILE"),
        ("timeout", r"timed? ?out waiting|^timeout|waiting for event loop"),
        ("dns", r"\bdns\b|NXDOMAIN|getaddrinfo|lookup|adns|no ads|resolution|v6 scopes"),
        ("proxy", r"^proxy|^socks|http_proxy"),
        ("tls", r"^tls|connect SYSCALL|connect unrecover|\bssl\b|lws_ssl|bio_create|"
         r"certificate|\bcert\b|handshake failure|TLS disabled"),
        ("handshake", r"^HS: |Peer hung up|read failed|first service|problems parsing|ws protocol no match|"
         r"h2 preface|h1 not built|^user$|upgrade"),
        ("connect", r"conn fail|connect fail|unable to connect|socket connect|Closed before|POLLOUT|"
         r"ECONN|EHOST|ENET|ETIMEDOUT|says e"),
    )
)  # fmt: skip


def stage(text: str) -> str | None:
    """At which stage a connection failed with this text: see the pairs above."""
    for name, pattern in _STAGES:
        if pattern.search(text):
            return name
    return None


_LINUX_ERRORS = """1 EPERM 2 ENOENT 4 EINTR 5 EIO 9 EBADF 11 EAGAIN 12 ENOMEM 13 EACCES 14 EFAULT 16 EBUSY
17 EEXIST 19 ENODEV 22 EINVAL 23 ENFILE 24 EMFILE 28 ENOSPC 32 EPIPE 71 EPROTO 88 ENOTSOCK 91 EPROTOTYPE
92 ENOPROTOOPT 93 EPROTONOSUPPORT 95 EOPNOTSUPP 97 EAFNOSUPPORT 98 EADDRINUSE 99 EADDRNOTAVAIL
100 ENETDOWN 101 ENETUNREACH 102 ENETRESET 103 ECONNABORTED 104 ECONNRESET 105 ENOBUFS 106 EISCONN
107 ENOTCONN 108 ESHUTDOWN 110 ETIMEDOUT 111 ECONNREFUSED 112 EHOSTDOWN 113 EHOSTUNREACH 114 EALREADY
115 EINPROGRESS""".split()
_ERRORS = {int(n): name for n, name in zip(_LINUX_ERRORS[::2], _LINUX_ERRORS[1::2], strict=True)}
_ERROR = re.compile(
    r"\berrno[ :=]{1,2}(\d+)|\bsays e(?:rr)? (\d+)"
    r"|\bSYSCALL (\d+)|\bconn fail: (\d+)\b|\berr(?:or)? (\d+)\b|\(-1 (\d+)\)"
    r"|\b(?P<name>E(?:CONN|ADDR|HOST|NET|TIMED|MFILE|NFILE|PIPE|ACCES|AGAIN|PERM|INVAL|NOBUFS|NOTCONN|INPROGRESS)"
    r"[A-Z]*)\b"
)


def error(text: str) -> str | None:
    """The error that a message names, by its Linux name; a number without a known name as it stands.

    A connect that is in progress is none.
    """
    found = _ERROR.search(text)
    if found is None:
        return None
    number = next((int(group) for group in found.groups()[:-1] if group), None)
    name = found["name"] if number is None else _ERRORS.get(number, str(number))
    return None if number == 0 or name == "EINPROGRESS" else name


# -- numbers in messages ---------------------------------------------------------

_FD = re.compile(r"\b(?:sockfd|fd|skt|sock)[ =:]{1,2}(\d{1,7})\b(?!\.)")


def descriptor(message: str) -> int | None:
    """The descriptor that a message of the library names."""
    found = _FD.search(message)
    return int(found[1]) if found else None


class Fragment(NamedTuple):
    """One delivery of received bytes."""

    length: int
    remaining: int | None
    first: bool | None
    last: bool | None


_LENGTH = re.compile(r"\A[:\s(]{0,20}(?:(?:read|len|length|size)\s{0,9}[=:]?\s{0,9})?(\d{1,10})\b(?![.:/x])")
_SAID_LENGTH = re.compile(r"\b(?:len|length|size|read)\s{0,9}[=:]?\s{0,9}(\d{1,10})\b")
_REMAINING = re.compile(r"\b(?:rpp|remaining|remains?)\s{0,9}[=:]?\s{0,9}(\d{1,10})\b")
_FIRST = re.compile(r"\bfirst\s{0,9}[=:]?\s{0,9}([01])\b")
_LAST = re.compile(r"\b(?:last|final)\s{0,9}[=:]?\s{0,9}([01])\b")
_USUAL = re.compile(r"\A: *(\d{1,10}) \(rpp +(\d{1,10}), first ([01]), last ([01])\b")
"""The form of libwebsockets' own examples, which most programs have taken over."""
_STREAM = re.compile(r"\w*rx: len (\d{1,10}), flags: (\d)\b")


def fragment(message: str, detail: str | None) -> Fragment | None:
    """The received piece that a message tells of; `detail` is what follows the name of a RECEIVE callback."""
    if detail is None:
        stream = _STREAM.match(message)
        if stream is None:
            return None
        flags = int(stream[2])
        return Fragment(int(stream[1]), None, bool(flags & 1), bool(flags & 2))
    usual = _USUAL.match(detail)
    if usual is not None:
        return Fragment(int(usual[1]), int(usual[2]), usual[3] == "1", usual[4] == "1")
    length = _LENGTH.match(detail) or _SAID_LENGTH.search(detail)
    if length is None:
        return None
    remaining, first, last = (pattern.search(detail) for pattern in (_REMAINING, _FIRST, _LAST))
    return Fragment(
        int(length[1]),
        int(remaining[1]) if remaining else None,
        first[1] == "1" if first else None,
        last[1] == "1" if last else None,
    )
