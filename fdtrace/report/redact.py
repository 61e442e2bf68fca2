"""Reports that may be shared: addresses and names of hosts, users, programs and files become pseudonyms.

What cannot be told from an ordinary word is not replaced: `UNSEEN` says it in
every redacted report. Ports, states, times, numbers of processes, descriptors
and inodes, symbols and the paths of the system stay.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from fdtrace.report import public_names as public
from fdtrace.report import redact_paths
from fdtrace.report.cells import counted
from fdtrace.report.layout import listed
from fdtrace.report.pseudonyms import Pseudonyms

UNSEEN = (
    "Not replaced: symbols and names of functions, ports, states, times, process, user and inode "
    "numbers, loopback addresses, well-known programs, libraries and system paths. Not recognised: names "
    "that a log or a message uses like ordinary words, and what a time or a size gives away. Read it "
    "before you share it."
)
"""What a redaction leaves, said wherever one was made."""

_SORTS = {
    "ipv4": "IPv4 address",
    "ipv6": "IPv6 address",
    "network": "part of an address",
    "mac": "hardware address",
    "host": "host name",
    "user": "user name",
    "program": "program name",
    "module": "library name",
    "name": "part of a path",
    "capture": "name of a capture",
    "group": "group name",
    "url": "web address",
    "socket": "name of a unix socket",
}
_PLURALS = {
    "part of an address": "parts of addresses",
    "part of a path": "parts of paths",
    "name of a capture": "names of captures",
    "name of a unix socket": "names of unix sockets",
}

_TOKEN = re.compile(
    r"""
      (?P<quoted>  @?"(?P<inside>(?:[^"\\]|\\.)*)(?P<end>"|\\?$) )
    | (?P<noted>   (?<=[\w?])<(?P<note>/[^<>"]*|(?<=\d<)[^<>/"\[\]:]+)(?=[<>]|$) )
    | (?P<url>     \b[a-z][a-z0-9+]{1,10}://[^\s"'<>]+ )
    | (?P<socket>  (?<![\w@])@(?P<abstract>[^\s"'<>,;()\[\]]+) )
    | (?P<path>    (?<![\w/*])/[^\s"'<>|,;()\[\]{}]+ )
    | (?P<mac>     (?<![\w:])(?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}(?![\w:]) )
    | (?P<kernel6> (?<!\w)[0-9A-F]{32}(?=:[0-9A-F]{4}\b) )
    | (?P<kernel4> (?<!\w)[0-9A-F]{8}(?=:[0-9A-F]{4}\b) )
    | (?P<ipv6>    (?<![\w:.])[0-9a-fA-F]{0,4}:[0-9a-fA-F:]*:[0-9a-fA-F:.]*[0-9a-fA-F:](?![\w:]) )
    | (?P<ipv4>    (?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?!\w) )
    | (?P<network> (?<![\w.])\d{1,3}(?:\.\d{1,3}){1,2}\.[*…] )
    | (?P<module>  (?<![\w.])[\w.+-]+(?=!\w) )
    | (?P<word>    \w+(?:[.-]\w+)* )
    """,
    re.VERBOSE,
)
_DOMAIN = re.compile(
    r"(?:[a-zA-Z0-9_](?:[\w-]*\w)?\.)+(?:com|net|org|io|dev|app|cloud|info|biz|edu|gov|mil|int|arpa|eu|de|fr|uk|us|ca"
    r"|ch|at|nl|se|no|fi|dk|pl|cz|it|es|pt|jp|cn|in|br|au|ru|local|localdomain|internal|intranet|lan|corp|home|test"
    r"|example|invalid|onion)"
)
_AMAZON = re.compile(r"ip-\d{1,3}(?:-\d{1,3}){3}")
_NOTES = re.compile(
    r"(?:pid|socket|pipe|anon_inode|mnt|net|uts|ipc|user|cgroup|time|inotify)\b|signalfd|timerfd"
)
_BARE_FRAME = re.compile(r"(.+?)((?:\+0x[0-9a-f]+)+)")
_NUMBERED = re.compile(r"(.*?)((?::\d+)?\)?)", re.DOTALL)
_LISTED = re.compile(r"([-dlrwxsStT]{10}[.+@]?\s+\d+ )(\S+)\s+(\S+)(?=\s+\d)")
_TO_THE_END = re.compile(r"(?<![\w/*])(?=/).*$")
_LOOPBACK_NAMES = frozenset(
    {"localhost", "localhost.localdomain", "ip6-localhost", "*", "default", "_gateway"}
)


class Redactor:
    """Replaces what is private in texts, the same by the same everywhere.

    Users, hosts and programs look like any word: they are replaced where they
    are known from a column of their own, told by `learn_…`, and everywhere from then on.
    """

    def __init__(self, names: Mapping[str, str] | None = None) -> None:
        self.names = Pseudonyms(names)
        self._words: dict[str, str] = {}
        self._symbols: set[str] = set()
        self._phrases: dict[str, list[tuple[str, int, str]]] = {}
        self._said: set[str] = set()

    # -- what is known -------------------------------------------------------

    def user(self, name: str) -> str:
        """A user, by name or number; numbers and users that every system has stay."""
        if name in public.USERS or name.isdecimal():
            return name
        return self._learnt(name, self.names.of("user", name))

    def host(self, name: str) -> str:
        """A host by its name, or its address in any spelling."""
        bare = name.rstrip(".").lower()
        if not bare or bare in _LOOPBACK_NAMES or bare.isdecimal():
            return name
        if (address := self._address(name)) is not None:
            return address
        return self._learnt(name, self.names.of("host", bare))

    def program(self, name: str) -> str:
        """A program, as the kernel or a listing names it; those that many people use stay."""
        folder, slash, base = name.rpartition("/")
        if slash:
            return f"{self.path(folder)}/{self.program(base)}"
        first = re.split(r"[: @]", base, maxsplit=1)[0].lstrip("-(").rstrip(")")
        if not first or first in self._words.values():
            return base
        # A listing cuts names off: `pyth` is python.
        if public.component(first) or (len(first) > 3 and any(p.startswith(first) for p in public.PROGRAMS)):
            return base if first == base.strip("-()") else first
        return self._learnt(base, self.names.of("program", base))

    def _learnt(self, word: str, name: str) -> str:
        if re.fullmatch(r"\w+(?:[.-]\w+)*", word):
            self._words[word] = name
        else:
            self._learn_phrase(word, lambda: name)
        return name

    def learn_path(self, path: str) -> None:
        """A path that a text may quote; one with blanks in it would not be found there."""
        if re.search(r"[\s,;()\[\]{}|]", path) and len(path) > 3:
            self._learn_phrase(path, lambda: self.path(path))

    def _learn_phrase(self, phrase: str, name: Callable[[], str]) -> None:
        """Notes what is more than one token, under its first one."""
        first = _TOKEN.search(phrase)
        if first is None or phrase in self._said:
            return
        self._said.add(phrase)
        known = self._phrases.setdefault(first[0], [])
        known.append((phrase, first.start(), name()))
        known.sort(key=lambda entry: (-len(entry[0]), entry[0]))

    def symbol(self, frame: str) -> str:
        """A frame of a stack: a symbol stays; where there is none, the name of the module is replaced."""
        if (found := _BARE_FRAME.fullmatch(frame)) is None:
            self._symbols.update(re.findall(r"\w+", frame))
            return frame
        module = found[1]
        if not public.component(module) and module not in self._words:
            self._words[module] = self._module(module)
        return f"{self._words.get(module, module)}{found[2]}"

    # -- texts ---------------------------------------------------------------

    def path(self, text: str) -> str:
        """All of the text as a path."""
        return redact_paths.redacted(text, self.names, self._words.get)

    def annotation(self, text: str) -> str:
        """What strace writes in angle brackets behind a number: a path, the ends of a socket, a program."""
        return self.quote(f"0<{text}>")[2:-1]

    def capture(self, path: str) -> str:
        """The file name of a capture, without its directories: what it says beyond the tool is replaced."""
        name, line = _NUMBERED.fullmatch(path.rpartition("/")[2]).groups()  # type: ignore[union-attr]
        stem, dot, ending = name.partition(".")
        if all(word in public.CAPTURES or word.isdecimal() for word in re.split(r"[-_ ]", stem.lower())):
            return self.text(name) + line
        return f"{self.names.of('capture', stem)}{dot}{self.text(ending)}{line}"

    def listed(self, text: str) -> str:
        """A line of `ls -l`: its owner and group by their columns, a path to the end of the line."""
        if (found := _LISTED.match(text)) is not None:
            public_group = found[3] in public.USERS or found[3].isdecimal()
            group = found[3] if public_group else self.names.of("group", found[3])
            text = f"{found[1]}{self.user(found[2])} {group}{text[found.end() :]}"
        return self.quote(text, to_the_end=True)

    def endpoint(self, text: str) -> str:
        """`host:port`, the host as address or by name; the port stays."""
        host, colon, port = text.rpartition(":")
        if not colon or "/" in text:
            return self.text(text)
        bare = host.strip("[]")
        shown = self.host(bare)
        return f"{shown}:{port}" if shown != bare else text

    def named(self, text: str) -> str:
        """What a descriptor points to: all of it is a path where it begins like one."""
        return self.path(text) if text.startswith("/") else self.quote(text)

    def quote(self, text: str, to_the_end: bool = False) -> str:
        """A line of a capture: what stands in quotes is a name.

        With `to_the_end` a path is the last on its line and may have blanks in it.
        """
        return self._text(text, True, to_the_end)

    def text(self, text: str) -> str:
        """Words about a capture, or of a log."""
        return self._text(text, False)

    def _text(self, text: str, quotes: bool, to_the_end: bool = False) -> str:
        if to_the_end and (last := _TO_THE_END.search(text)) is not None:
            return self._text(text[: last.start()], quotes) + self.path(last[0])
        parts, place = [], 0
        while (found := _TOKEN.search(text, place)) is not None:
            start, end, shown = found.start(), found.end(), ""
            for phrase, before, name in self._phrases.get(found[0], ()):
                if text.startswith(phrase, start - before) and start - before >= place:
                    start, end, shown = start - before, start - before + len(phrase), name
                    break
            parts += [text[place:start], shown or self._token(found, quotes)]
            place = end
        return "".join([*parts, text[place:]])

    def _token(self, found: re.Match[str], quotes: bool) -> str:
        sort, token = found.lastgroup or "", found[0]
        # lastgroup is the outermost group that took part.
        if sort == "quoted":
            inside = found["inside"]
            if token.startswith("@"):
                return f'@"{self._abstract(inside).removeprefix("@")}{found["end"]}'
            names = quotes or inside.startswith("/")
            return f'"{self._quoted(inside) if names else self.text(inside)}{found["end"]}'
        if sort == "noted":
            note = found["note"]
            return f"<{self._note(note) if quotes or note.startswith('/') else note}"
        if sort == "socket":
            return self._abstract(found["abstract"])
        if sort == "url":
            return self.names.of("url", token)
        if sort == "path":
            return self.path(token)
        if sort == "mac":
            return self.names.of("mac", token.lower())
        if sort in ("kernel4", "kernel6"):
            return self._kernel_address(token)
        if sort == "ipv6":
            return self._ipv6(token)
        if sort == "ipv4":
            return self._address(token) or token
        if sort == "network":
            return f"{self.names.of('network', token[:-2])}.{token[-1]}"
        if sort == "module":
            return token if public.library(token) or public.component(token) else self._module(token)
        return self._word(token)

    def _quoted(self, text: str) -> str:
        if text.startswith("… "):  # the length of a payload
            return text
        if (address := self._address(text)) is not None:
            return address
        if text.startswith("@"):
            return self._abstract(text[1:])
        return self.path(text)

    def _note(self, note: str) -> str:
        if note.startswith("/"):
            return self.path(note)
        return note if _NOTES.match(note) else self.program(note)

    def _abstract(self, name: str) -> str:
        if name.startswith("/"):
            return f"@{self.path(name)}"
        return f"@{name}" if public.component(name) else f"@{self.names.of('socket', name)}"

    def _module(self, name: str) -> str:
        known = self._words.get(name)
        if known:
            return known
        ending = public.extension(name)
        return f"{self.names.of('module', name.removesuffix(ending))}{ending}"

    def _word(self, token: str) -> str:
        if (name := self._words.get(token)) is not None:
            return token if token in self._symbols else name
        if _DOMAIN.fullmatch(token) or _AMAZON.fullmatch(token):
            return self.host(token)
        for between in ".-":
            if between in token:
                parts = token.split(between)
                shown = [self._word(part) for part in parts]
                if shown != parts:
                    return between.join(shown)
        return token

    # -- addresses -----------------------------------------------------------

    def _address(self, text: str) -> str | None:
        """The pseudonym of an address; None where the text is none."""
        bare = text.strip("[]").partition("%")[0]
        try:
            if bare.count(".") == 3 and ":" not in bare:
                bare = ".".join(str(int(part)) for part in bare.split("."))
            address: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(bare)
        except ValueError:
            return None
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        if address.is_loopback or address.is_unspecified:
            return text
        return self.names.of(f"ipv{address.version}", str(address))

    def _ipv6(self, token: str) -> str:
        """An IPv6 address, or one with its port behind, or one of which a tool printed the beginning only."""
        whole = self._address(token)
        head, _, port = token.rpartition(":")
        # `2001:db8::1:443` is an address, and another with a port: the one that is known is meant.
        if port.isdecimal() and ("::" not in head or self._is_known(head)):
            cut = self._address(head)
            if cut is not None and (whole is None or self._is_known(head)):
                return f"{cut}:{port}"
        if whole is not None:
            return whole
        if token.count(":") >= 4 or "::" in token.strip(":"):
            return self.names.of("ipv6", token.lower())
        return token

    def _is_known(self, text: str) -> bool:
        try:
            return self.names.has("ipv6", str(ipaddress.ip_address(text)))
        except ValueError:
            return False

    def _kernel_address(self, token: str) -> str:
        """An address of /proc/net: 32-bit words in the byte order of the machine, here little endian."""
        words = [bytes.fromhex(token[place : place + 8])[::-1] for place in range(0, len(token), 8)]
        return self._address(str(ipaddress.ip_address(b"".join(words)))) or token

    # -- what was done -------------------------------------------------------

    def account(self) -> str:
        """What was replaced, with its numbers, in a sentence."""
        often = Counter(name.rpartition("-")[0] for name in self.names.used)
        parts = [_said(number, _SORTS.get(sort, sort)) for sort, number in sorted(often.items())]
        return (
            f"Redacted: {listed(parts)} replaced by pseudonyms." if parts else "Redacted: nothing to replace."
        )

    def words(self, texts: Iterable[str]) -> tuple[str, ...]:
        """Several texts."""
        return tuple(self.text(text) for text in texts)


def _said(number: int, noun: str) -> str:
    return f"{number:,} {_PLURALS[noun]}" if number != 1 and noun in _PLURALS else counted(number, noun)
