"""The grammar of a call: name, arguments, result, as regular expressions over bytes.

The end of the arguments is found by reading forward over strings, annotations
and comments, never by searching for ``) = ``: that text occurs inside strings
(``write(3, "x) = 5")``) and inside annotations.
"""

from __future__ import annotations

import re
from typing import Any

STRING = rb'"(?:[^"\\]++|\\.)*+"'
_BEHIND_NOTE = rb"(?=[,)(\]}= ]|$)"
NOTE = (
    rb"<(?!<)(?:"
    rb"[A-Z][\w/-]{0,20}+:\[(?:" + STRING + rb'|[^"<\]]++|\](?!>))*+\]>'  # TCP:[a->b], UNIX:[1,"/p]>"]
    rb"|\{[^}]{0,200}+\}>"  # {eventfd-count=…}
    rb"|(?:[^<>\"\\]++|\\.)*+(?:<(?:char|block) [^<>]*+>)?>"
    + _BEHIND_NOTE  # a path, or a device <…<char 1:3>>
    + rb"|(?:[^>]{0,255}+>){1,8}?"
    + _BEHIND_NOTE  # 4.10 to 4.21: < and > were not escaped
    + rb")"
)
"""A `-y` annotation, from its opening to its closing bracket.

Each alternative looks at a bounded piece of text, so that a line of many
megabytes that is full of openings is still read in one go.
"""

COMMENT = rb"/\*[^*]{0,2048}+\*/"
_AFTER_NUMBER = rb"(?<=[0-9D/])"  # a descriptor, AT_FDCWD, or the comment of -X verbose
_RESULT = rb"\s*+=\s++(?:-?\d|0x|\?)"
ARGUMENTS = (
    rb'(?:[^"<)/]++|' + STRING + rb"|" + _AFTER_NUMBER + NOTE + rb"|" + COMMENT + rb"|/"
    rb"|<(?!unfinished \.\.\.>$|detached \.\.\.>$|pid changed to \d+ \.\.\.>$)"
    rb"|\)(?!" + _RESULT + rb"))*+"
)
"""Everything between the parentheses of a call, without a look at its meaning."""

_BEGIN = (
    rb"([a-z_?][\w?]*+)\((?:[a-z_]\w*+=)?"
    rb"(?:(0x[0-9a-f]++|-?\d++)(?: /\* [^*]*+\*/)?(?=[,)< /])(" + NOTE + rb")?(\(deleted\))?)?"
)
_RESULT_NOTE = rb"(?:(?<=\d)(" + NOTE + rb")(\(deleted\))?)?"

CALL = re.compile(
    _BEGIN + rb"(" + ARGUMENTS + rb")"
    rb"(?:\)\s*+=\s++(0x[0-9a-f]++|-?\d++|\?)" + _RESULT_NOTE + rb"(.*+)"
    rb"|\s?<(unfinished|detached) \.\.\.>"
    rb"|\s?<pid changed to (\d{1,9}) \.\.\.>"
    rb")$",
    re.DOTALL,
)
"""name, first number, its note, deleted, other arguments, result, its note, deleted, tail, cut, leader."""

NAME, FIRST, FIRST_NOTE, FIRST_GONE, REST, RET, RET_NOTE, RET_GONE, TAIL, ENDED, LEADER_TID = range(11)

_COMMON_LEADER = (
    rb"(?:(\d{1,8})\ +|\[pid\ +(\d{1,8})\]\ )?"
    rb"(?:(\d{9,11}(?:\.\d+)?)\ |(\d\d:\d\d:\d\d(?:\.\d+)?)\ )?"
)
COMMON = re.compile(
    _COMMON_LEADER
    + rb"(?=[a-z])"
    + _BEGIN
    + ARGUMENTS
    + rb"(?:\)\s*+=\s++(0x[0-9a-f]++|-?\d++)"
    + _RESULT_NOTE
    + rb"(?:\ ([A-Z][A-Z0-9]+)(?=\ \())?(?:\ \((?!errno|INJECTED)[^()]*+\))?(?:\ <(\d+(?:\.\d+)?)>)?"
    + rb"|(<)unfinished \.\.\.>)$"
)
"""The lines that most captures consist of, whole: leader, call, error and duration in one expression.

pid, pid in brackets, epoch, time of day, name, first number, its note, deleted,
result, its note, deleted, error, duration, or the bracket of `<unfinished ...>`.
Whatever it matches, `LEADER` and `CALL` would read in the same way; it is only faster.
"""
COMMON_RESUMED = re.compile(_COMMON_LEADER + rb"<\.\.\. ([\w?]+) resumed>(?: (?!<))?(.*)$", re.DOTALL)
"""The second half of a call: pid, pid in brackets, epoch, time of day, name, the rest."""
COMMON_NAME, COMMON_CUT = 5, 14

CALL_FROM_RIGHT = re.compile(
    rb"([a-z_?][\w?]*+)\((?:(0x[0-9a-f]++|-?\d++)(?=[,)< ])(" + NOTE + rb")?(\(deleted\))?)?"
    rb"(.*)\)\s*+=\s++(0x[0-9a-f]++|-?\d++|\?)(?:(?<=\d)(" + NOTE + rb")(\(deleted\))?)?"
    rb"((?: [A-Z?]\w*+)?(?: \([^()]*+\))?(?: <\d+(?:\.\d+)?>)?)()()$",
    re.DOTALL,
)
"""The same for a call whose quotes were broken by foreign text: the last result on the line counts."""

BEGUN = re.compile(_BEGIN + rb"(.*)$", re.DOTALL)
"""A call as far as it goes: a number that its line ends with may be cut itself, so it counts nothing."""
RESUMED = re.compile(rb"<\.\.\. ([\w?]+) resumed>(.*)$", re.DOTALL)
OPEN_CALL = re.compile(rb"([a-z_?][\w?]*)\(")
EXITED = re.compile(rb"\+\+\+ exited with (-?\d+) \+\+\+")
KILLED = re.compile(rb"\+\+\+ killed by (\w+)")
SUPERSEDED = re.compile(rb"\+\+\+ superseded by execve in pid (\d{1,9})")
SIGNAL = re.compile(rb"--- (?:stopped by )?(?:SIG\w+|\d+ .*---$)")
PERSONALITY = re.compile(rb"(?:strace: )?\[ Process PID=(\d+) runs in .* mode\. \]")
MESSAGE = re.compile(
    rb"(?:(?:\.{0,2}/(?:[\w.+-]{1,64}/){0,12})?strace: )?Process (\d{1,9})(?:<[^>]*>)? (attached|detached)"
    rb"(?: with (\d+) threads)?(?: \(waiting for parent\))?(?: - interrupt to (?:quit|detach))?\s*$"
)
OTHER_MESSAGE = re.compile(
    rb"\S*strace: |Exit of unknown pid \d+ |Process \d+ (?:resumed|suspended)|umovestr: |Requested path "
)
DURATION = re.compile(rb" <(\d+(?:\.\d+)?)>$")
ERRNO = re.compile(rb" ([A-Z][A-Z0-9_?]+) \(| \((errno \d+)\)")
FRAME = re.compile(rb"^ > \S")
DUMP = re.compile(rb"^ \| [0-9a-f]{5,} ")
COLOUR = re.compile(rb"\x1b\[[0-9;]*m")
SUMMARY = re.compile(
    rb"% time +seconds +usecs/call|^-{4,}(?: -{4,})+ *$|^ *\d+\.\d+ +\d+\.\d+ +\d+ .* \w+$|^System call usage"
)
QUOTED = re.compile(rb"^(?:> ?)+")

Match = re.Match[bytes]
Fields = tuple[Any, ...]
"""The groups of a match: bytes, or None where a part is missing."""
