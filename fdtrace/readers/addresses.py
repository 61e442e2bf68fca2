"""Internet addresses in one spelling, and states under one name, whatever tool printed them.

An endpoint is `host:port`, an IPv6 host in brackets, `*` for every wildcard
(`0.0.0.0`, `::`, `[::]`, `*`); an IPv4 address mapped into IPv6 is the IPv4
address; a scope (`%eth0`) is left out. Names that a tool put in the place of
numbers stay as printed.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

_MAPPED = "::ffff:"
_WILD = frozenset({"", "*", "0.0.0.0", "::", "0", "::ffff:0.0.0.0"})
_NO_PORT = (None, "", 0, "0", "*")

CUT = "…"
"""Stands behind an address or a port of which the tool printed only the beginning."""


class Endpoint(NamedTuple):
    """One end of an internet socket.

    `text` is `host:port`; `port` is None for a wildcard, a name (`http`) and a
    port that was cut off; `six` says that it was printed as an IPv6 address,
    also where `addr` is the IPv4 address that was mapped into it.
    """

    text: str
    addr: str
    port: int | None
    six: bool = False


def host(text: str) -> str:
    """A host alone, without brackets: `127.0.0.1`, `::1`, `*`."""
    bare = text[1:].replace("]", "", 1) if text.startswith("[") else text
    bare = bare.partition("%")[0]
    if ":" in bare:
        bare = _sixth(bare)
    return "*" if bare in _WILD else bare


def _sixth(bare: str) -> str:
    """An IPv6 address as inet_ntop writes it; one that is cut or no address at all only in small letters."""
    try:
        import socket

        bare = socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, bare))
    except (OSError, ValueError):
        bare = bare.lower()
    return bare[len(_MAPPED) :] if bare.startswith(_MAPPED) and "." in bare else bare


def endpoint(host_text: str, port: str | int | None) -> str:
    """Host and port as one text; a wildcard port is `*`."""
    plain = host(host_text)
    shown = f"[{plain}]" if ":" in plain else plain
    return f"{shown}:{'*' if port in _NO_PORT else port}"


def split(text: str) -> tuple[str, str]:
    """`host:port` as its two parts, the host still as printed; the port is "" where there is none."""
    if text.startswith("["):
        inside, bracket, behind = text.partition("]")
        if bracket:
            scope, _, port = behind.partition(":")
            return f"{inside}]{scope}", port
    head, colon, port = text.rpartition(":")
    return (head, port) if colon else (text, "")


def split_dotted(text: str) -> tuple[str, str]:
    """`host.port`, as netstat of BSD and macOS writes it, as its two parts."""
    head, dot, port = text.rpartition(".")
    return (head, port) if dot else (text, "")


def located(text: str) -> Endpoint:
    """An endpoint printed as `host:port`, the host with or without brackets."""
    return joined(*split(text))


@lru_cache(maxsize=1 << 15)
def joined(host_text: str, port_text: str) -> Endpoint:
    """An endpoint from its two parts as printed."""
    addr, shown, six = _host_of_endpoint(host_text)
    if len(port_text) <= 5 and port_text.isascii() and port_text.isdigit():
        port = int(port_text)
        if 0 < port <= 65535:
            return Endpoint(f"{shown}:{port}", addr, port, six)
    return Endpoint(f"{shown}:{'*' if port_text in _NO_PORT else port_text}", addr, None, six)


@lru_cache(maxsize=1 << 14)
def _host_of_endpoint(host_text: str) -> tuple[str, str, bool]:
    """A host, how it stands in front of a port, and whether it was printed as IPv6."""
    plain = host(host_text)
    return plain, f"[{plain}]" if ":" in plain else plain, ":" in host_text


NAMES: frozenset[str] = frozenset(
    """ESTABLISHED SYN_SENT SYN_RECV FIN_WAIT1 FIN_WAIT2 TIME_WAIT CLOSE CLOSE_WAIT LAST_ACK LISTEN CLOSING
    CONNECTING DISCONNECTING FREE UNKNOWN""".split()
)
"""States by their name in Linux netstat, those of unix sockets last."""

STATES: dict[str, str] = {
    "ESTAB": "ESTABLISHED",
    "CONNECTED": "ESTABLISHED",
    "FIN_WAIT_1": "FIN_WAIT1",
    "FIN_WAIT_2": "FIN_WAIT2",
    "SYN_RCVD": "SYN_RECV",
    "NEW_SYN_RECV": "SYN_RECV",
    "UNCONN": "CLOSE",
    "UNCONNECTED": "CLOSE",
    "CLOSED": "CLOSE",
    "LISTENING": "LISTEN",
}
"""What tools call a state, and its Linux name; a connected unix socket is ESTABLISHED, as in ss."""

TRANSLATED: dict[str, str] = {
    # de
    "VERBUNDEN": "ESTABLISHED",
    "HÖRT": "LISTEN",
    "VERBINDUNGSAUFBAU": "CONNECTING",
    "VERBINDUNGSABBAU": "DISCONNECTING",
    "FREI": "FREE",
    "UNBEKANNT": "UNKNOWN",
    # fr
    "CONNECTE": "ESTABLISHED",
    "ENCONNEXION": "CONNECTING",
    "ENDECONNEXION": "DISCONNECTING",
    "LIBRE": "FREE",
    "INCONNU": "UNKNOWN",
    # es
    "ESTABLECIDO": "ESTABLISHED",
    "CONECTADO": "ESTABLISHED",
    "ESCUCHAR": "LISTEN",
    "ESCUCHANDO": "LISTEN",
    # pt_BR
    "ESTABELECIDA": "ESTABLISHED",
    "SYN_ENVIADO": "SYN_SENT",
    "SYN_RECEBIDO": "SYN_RECV",
    "ESPERA_FIN1": "FIN_WAIT1",
    "ESPERA_FIN2": "FIN_WAIT2",
    "FECHAR": "CLOSE",
    "ESPERANDO_FECHAR": "CLOSE_WAIT",
    "ÚLTIMO_ACK": "LAST_ACK",
    "OUÇA": "LISTEN",
    "OUVINDO": "LISTEN",
    "FECHANDO": "CLOSING",
    "CONECTANDO": "CONNECTING",
    "DESCONECTANDO": "DISCONNECTING",
    "LIVRE": "FREE",
    "DESCONHECIDA": "UNKNOWN",
    # cs
    "SPOJENO": "ESTABLISHED",
    "SPOJEN": "ESTABLISHED",
    "ZAVŘEN": "CLOSE",
    "POSLEDNÍ_ACK": "LAST_ACK",
    "NASLOUCHÁ": "LISTEN",
    "ZAVÍRÁ": "CLOSING",
    "SPOJUJE": "CONNECTING",
    "ODPOJUJE": "DISCONNECTING",
    "NEALOKOVÁN": "FREE",
    "NEZNÁM": "UNKNOWN",
    # et
    "ÜHENDATUD": "ESTABLISHED",
    "ÜHENDUMAS": "CONNECTING",
    "LAHTIÜHENDUMAS": "DISCONNECTING",
    "VABA": "FREE",
    "TUNDMATU": "UNKNOWN",
    # ja, zh
    "不明": "UNKNOWN",
    "已连接": "ESTABLISHED",
    "已連線": "ESTABLISHED",
}
"""States as the translations of net-tools print them (its own catalogues, and captures)."""


@lru_cache(maxsize=1 << 12)
def state(text: str) -> str:
    """A state by its Linux name, whichever tool printed it; a word that is none of them in capitals."""
    plain = "_".join(text.upper().replace("-", "_").split())
    return STATES.get(plain) or TRANSLATED.get(plain) or plain
