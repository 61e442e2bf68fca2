"""Lines of netstat that are no sockets: titles in several languages, messages, blocks of other things."""

from __future__ import annotations

import re

TITLE = re.compile(
    r"[\s>]*(?:Active (?:Multipath )?(?:Internet connections|(?:UNIX|LOCAL \(UNIX\)) domain sockets)"
    r"|Aktive Internetverbindungen|Aktive Sockets in der UNIX"  # de
    r"|Connexions Internet actives|Sockets du domaine UNIX actives"  # fr
    r"|Conexiones activas de Internet|(?:Activar|Sockets|Zócalos).{1,20}dominio UNIX"  # es
    r"|Connessioni Internet attive|Socket attivi nel dominio UNIX|Active Dominio UNIX"  # it
    r"|Conexões Internet Ativas|Domain sockets UNIX ativos"  # pt_BR
    r"|Aktivní Internetová spojení|Aktivní sokety domény UNIX"  # cs
    r"|Aktiivsed internetiühendused|Aktiivsed UNIX domeeni soklid"  # et
    r"|Aktywne połączenia internetowe|Aktywne gniazda domeny UNIX"  # pl
    r"|Активные соединения с интернетом|Активные сокеты домена UNIX"  # ru  # noqa: RUF001
    r"|激活Internet连接|活跃的UNIX域套接字|激活Internet連接|使用中的 ?(?:網際網路|UNIX)"  # zh
    r"|稼働中の(?:インターネット接続|UNIXドメインソケット))"  # ja
)
"""The line above a table of sockets, in the languages that net-tools has been translated to."""

HEADING = re.compile(
    r"[\s>#]*(?:Proto(?:colo)?\s+\S+\s+\S+\s+\S|(?:Socket|Tcpcb|PCB)\s+(?:Flowhash\s+)?Proto\s)"
)
"""The names of the columns; the first one is the same in every language."""

BSD_UNIX_HEADING = re.compile(r"[\s>]*Address\s+Type\s+Recv-Q\s+Send-Q\s+Inode")

PATH_ONLY = re.compile(r"PID/|Program", re.IGNORECASE)
"""In a heading: there is a column for the program."""

MESSAGE = re.compile(
    r"[\s>]*(?:netstat: |warning, got |getnameinfo failed|sudo: |Can't (?:open|get)|SCTP error in line"
    r"|\(No info could be read for \"-p\"|\(Not all processes could be identified"
    r"|will not be shown, you would have to be root"
    r"|You have to be root|showing only processes)"
)
"""What netstat says about itself, also between rows."""

PARENTHESIS = re.compile(r"[(\uff08](?=.{20})")
"""The same sentence in another language begins so, and may go on for a line or two."""

CLOSING = (")", "\uff09")
"""How it ends; Chinese has parentheses of its own."""

WINDOWS = re.compile(
    r"\s*(?:Active Connections\s*$|Proto\s+Local Address\s+Foreign Address\s+State"
    r"|(?:TCP|UDP)\s+\S+:\d+\s+\S+:[\d*]|\[[\w. -]+\.exe\]|Can not obtain ownership information)"
)

OTHER_BLOCKS: tuple[tuple[re.Pattern[str], re.Pattern[str], str], ...] = tuple(
    (re.compile(rf"[\s>]*(?:{title})"), re.compile(row), name)
    for title, row, name in (
        (
            r"Kernel IP(?:v6)? routing|Kernel IPv6 Neighbour|Routing tables",
            r"\S+(?:\s+\S+){3,}$|\s*Internet6?:$",
            "routes",
        ),
        (r"Kernel Interface table", r"\S+(?:\s+\S+){3,}$", "interfaces"),
        (r"IPv6/IPv4 Group Memberships", r"\S+\s+\S+\s+\S+\s*$", "multicast groups"),
        (r"Active Bluetooth connections|Aktive Bluetooth", r"\s*(?:Proto|l2cap|rfcomm)\s", "Bluetooth"),
        (
            r"(?:Active|Aktive|Aktivní|Aktiivsed|Ativar|Sockets|稼働中の) ?(?:IPX|AX\.25|NET/ROM|X\.25|ROSE)",
            r"\S+(?:\s+\S+){3,}$",
            "IPX, AX.25, NET/ROM or X.25",
        ),
        (
            r"Active kernel (?:event|control) sockets|Registered kernel control modules",
            r"\s*(?:pcb|kctlref|[0-9a-f]+)\s+\S+(?:\s+\S+){2,}",
            "kernel sockets",
        ),
        (
            r"(?:Ip6?|Icmp6?|IcmpMsg|Tcp|Udp6?|UdpLite6?|TcpExt|IpExt|MPTcpExt|Sctp):\s*$",
            r"\s+.*\d|\s+\S.*:\s*$",
            "statistics",
        ),
    )
)
"""Title, rows and name of each block that lists something else than sockets of interest here."""
