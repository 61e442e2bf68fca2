r"""One value becomes text for one medium: escaping, shortening, units.

Captures hold what programs and their peers wrote: paths with control codes,
arguments that are terminal commands, names that reverse the line. Nothing of a
capture reaches a terminal, a ticket or a spreadsheet except through this module.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Sequence

# C0 and C1 controls; soft hyphen; Arabic letter mark; zero-width and directional marks, line and
# paragraph separators, embeddings, overrides and isolates; byte-order mark and interlinear marks;
# lone surrogates; tag characters and the two noncharacters. Each of them shows as nothing, or
# changes how its neighbours show.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)
_SHORT_ESCAPES = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}
_MARKDOWN = re.compile(r"([\\`*_\[\]~|])")
_MARKDOWN_START = re.compile(r"^(\s*)([#+=-]|\d{1,9}(?=[.)]))")
_CALLING = re.compile(r"(?<!&)([@#])(?=\w)")
_LINK = re.compile(r"(?<=[a-zA-Z]):(?=//)|(?<=www)\.", re.IGNORECASE)
_JIRA = re.compile(
    r"[\\{}\[\]|!]"
    r"|(?<![^\W_])[*_^~+-](?=\S)|(?<=\S)[*_^~+-](?![^\W_])|\?(?=\?)"  # between letters they are letters
    r"|\((?=[/xiny!?*+-])|[:;](?=[-()DPp])"  # pictures
    r"|(?<=[a-zA-Z]):(?=//)|(?<=mailto):|(?<=www)\.",  # links
    re.IGNORECASE,
)
_JIRA_START = re.compile(r"^(\s*)([#*-]|h(?=\d\.)|bq(?=\.))")
_FORMULA = ("=", "+", "-", "@")
_UNITS = (("kB", 10**3), ("MB", 10**6), ("GB", 10**9), ("TB", 10**12))
_BARS = "▁▂▃▄▅▆▇█"


def visible(text: str) -> str:
    r"""The text with all that cannot be seen spelled out: `\n`, `\x1b`, `\u202e`; bytes as `\xNN`."""
    return _UNSEEN.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    char = found[0]
    code = ord(char)
    if char in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[char]
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was no text, as Python smuggles it
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def markdown(text: str) -> str:
    """The text as words in Markdown, also in a cell of a table: no markup, no HTML, no link, one line."""
    text = visible(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = _MARKDOWN.sub(r"\\\1", text)
    text = _LINK.sub(lambda found: f"&#{ord(found[0])};", text)
    return _CALLING.sub(r"\1<!-- -->", text)  # else GitHub tells the person of that name


def markdown_start(text: str) -> str:
    """Words in Markdown at the start of a line, where they could be a heading, a list or a rule."""
    return _MARKDOWN_START.sub(lambda f: f"{f[1]}{'' if f[2].isdigit() else chr(92)}{_numbered(f[2])}", text)


def _numbered(start: str) -> str:
    """A number in front of a point that is to be no list: its first digit as an entity."""
    return f"&#{ord(start[0])};{start[1:]}" if start.isdigit() else start


def markdown_code(text: str, cell: bool = True) -> str:
    """The text as a code span in Markdown, with as many backticks around it as it needs.

    In a `cell` of a table its bars are escaped; elsewhere they are no danger.
    """
    text = visible(text)
    text = text.replace("|", "\\|") if cell else text
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}" if text else ""


def markdown_block(lines: Sequence[str]) -> str:
    """Lines as a block of code in Markdown, its fence longer than any run of backticks in it."""
    shown = [visible(line) for line in lines]
    longest = max((len(run) for line in shown for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join([f"{fence}text", *shown, fence])


def html_text(text: str) -> str:
    """The text as words in HTML, for the few places where that stands in Markdown."""
    import html

    return html.escape(visible(text))


def jira(text: str) -> str:
    """The text as words in the wiki markup of Jira, also in a cell of a table and within `{{ }}`."""
    return _JIRA.sub(lambda found: f"&#{ord(found[0])};", visible(text).replace("&", "&amp;"))


def jira_start(text: str) -> str:
    """Words in Jira at the start of a line, where they could be a heading, a list or a quote."""
    return _JIRA_START.sub(lambda found: f"{found[1]}&#{ord(found[2][0])};{found[2][1:]}", text)


def jira_block(lines: Sequence[str]) -> str:
    """Lines as they are in Jira; within them the word that would end the block gets a blank."""
    shown = [re.sub(r"\{(?=noformat)", "{ ", visible(line), flags=re.IGNORECASE) for line in lines]
    return "\n".join(["{noformat}", *shown, "{noformat}"])


def spreadsheet(text: str, raw: bool = False) -> str:
    """The text as a cell of CSV or TSV.

    A spreadsheet runs what begins with `=`, `+`, `-` or `@`; such a text gets an
    apostrophe in front unless `raw` asks for the exact text. Quoting is the CSV writer's.
    """
    text = visible(text)
    return "'" + text if not raw and text.lstrip(" ").startswith(_FORMULA) else text


def json_text(value: object) -> str:
    r"""The value as JSON on one line that is also safe to look at: unseen characters are `\u` escapes."""
    import json

    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(", ", ": "))
    return _UNSEEN.sub(_json_escape, text)


def _json_escape(found: re.Match[str]) -> str:
    import json

    return json.dumps(found[0])[1:-1]


def width(text: str) -> int:
    """How many columns of a terminal the text takes: two for East Asian wide characters, none for marks."""
    if text.isascii():
        return len(text)
    return sum(_columns(char) for char in text)


def _columns(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def shorten(text: str, columns: int, keep: str = "start") -> str:
    """The text in at most so many columns, with … where some is missing.

    `keep` is the part that tells most: `start`, `end` (call chains), or `both` (paths).
    """
    ends = 4 * max(columns, 8)
    if len(text) > 2 * ends:  # what lies far from both ends is never shown: it need not be measured
        text = text[:ends] + text[-ends:]
    elif width(text) <= columns:
        return text
    if columns <= 1:
        return "…"[:columns]
    if keep == "end":
        return "…" + _fitting(text[::-1], columns - 1)[::-1]
    if keep == "both":
        tail = _fitting(text[::-1], (columns - 1) // 2)[::-1]
        return _fitting(text, columns - 1 - width(tail)) + "…" + tail
    return _fitting(text, columns - 1) + "…"


def _fitting(text: str, columns: int) -> str:
    used = 0
    for place, char in enumerate(text):
        used += _columns(char)
        if used > columns:
            return text[:place]
    return text


def count(number: int) -> str:
    """A whole number with thousands apart: 20,000."""
    return f"{number:,}"


def counted(number: int, noun: str) -> str:
    """A number with its noun: 1 descriptor, 40 descriptors, 2 processes."""
    if number == 1:
        return f"1 {noun}"
    plural = noun + ("es" if noun.endswith(("s", "x", "ch", "sh")) else "s")
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        plural = noun[:-1] + "ies"
    return f"{number:,} {plural}"


def duration(seconds: float) -> str:
    """A length of time as one would say it: 40 ms, 8.9 s, 74 minutes, 3.5 hours, 12 days."""
    size = abs(seconds)
    for limit, unit, name in (
        (1e-6, 1e-9, "ns"),
        (1e-3, 1e-6, "µs"),
        (1, 1e-3, "ms"),
        (120, 1, "s"),
        (7200, 60, "minutes"),
        (172_800, 3600, "hours"),
    ):
        if size < limit:
            return f"{_digits(seconds / unit)} {name}" if size else "0 s"
    days = seconds / 86_400
    return f"{_digits(days)} days" if abs(days) < 730 else f"{_digits(days / 365.25)} years"


def _digits(number: float) -> str:
    """Two digits, or all before the point: 8.9, 74, 1,200; a whole number has no `.0`."""
    if abs(number) >= 9.95:
        return f"{number:,.0f}"
    return f"{number:.1f}".removesuffix(".0")


def size(bytes_: int) -> str:
    """An amount of bytes in decimal units: 512 bytes, 1.2 MB."""
    if abs(bytes_) < 1000:
        return counted(bytes_, "byte")
    unit, factor = next(
        ((unit, factor) for unit, factor in _UNITS if abs(bytes_) < factor * 999.5), ("TB", 10**12)
    )
    return f"{_digits(bytes_ / factor)} {unit}"


def rate(per_second: float) -> str:
    """Growth, by the unit in which it is a number to remember: +2.7/s, +4/min, +1.2/h, +3/day."""
    for factor, unit in ((1, "s"), (60, "min"), (3600, "h")):
        if abs(per_second * factor) >= 0.95:
            return f"{per_second * factor:+,.{_places(per_second * factor)}f}/{unit}"
    daily = per_second * 86_400
    return f"{daily:+,.{_places(daily)}f}/day"


def _places(number: float) -> int:
    return 0 if abs(number) >= 9.95 or f"{number:.1f}".endswith(".0") else 1


def decimal(number: float) -> str:
    """A measured number in a table: at most six decimals, never an exponent unless it is tiny."""
    if number and abs(number) < 5e-6:
        return f"{number:.2g}"
    return f"{number:.6f}".rstrip("0").rstrip(".")


def spark(curve: Sequence[int], columns: int) -> str:
    """A curve of counts as a line of blocks, at most so many; each block shows the highest of its part."""
    if not curve or columns < 1:
        return ""
    parts = min(columns, len(curve))
    edges = [round(part * len(curve) / parts) for part in range(parts + 1)]
    heights = [max(curve[start:end]) for start, end in itertools.pairwise(edges)]
    top = max(1, *heights)
    return "".join(_BARS[min(height * len(_BARS) // top, len(_BARS) - 1)] for height in heights)
