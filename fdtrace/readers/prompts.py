"""What people and shells write around the output of a tool: prompts with commands, comments, headings."""

from __future__ import annotations

import re

_LONGEST = 2000

_PROMPT = re.compile(
    r"^\s*(?:"
    # root@host:~#, [user@host ~]$, (venv) user@host:/srv$
    r"(?:\([\w.-]{1,40}\)\s?)?\[?[\w.-]{1,40}@[\w.-]{1,80}[\s:][^$#%>]{0,120}\]?\s?[$#%>]"
    r"|(?:ba|z|k|da|a)?sh-\d[\d.]*[$#]"
    r"|[\w.-]{1,40}:[~/][\w./~ -]{0,120}[$#%]"  # host:~ user$
    r"|(?:PS )?[A-Z]:\\[^>]{0,120}>"
    r"|[➜❯λ]"  # noqa: RUF001
    r"|/ #|~ #"
    r"|\$|\+{1,4}(?=\s)|%(?=\s)|>(?=\s)"
    r")(?:\s+|$)(?P<command>.*)$"
)
_COMMENT = re.compile(r"^\s*(?:#(?!!)|//\s)\s*(?P<command>.*)$")
_HEADING = re.compile(r"^\s*(?:={2,}|-{2,}|\*{2,}|~{2,}|_{3,}|\+{2,})(?:[^=*~_+].*)?[=\-*~_+]*\s*$")
_LEAVING = re.compile(r"^(?:Script (?:done|started)|Connection to \S+ closed|logout$|exit$|\^C$)")


def command(text: str) -> str | None:
    """The command behind a prompt, or the words of a comment or heading; None for any other line.

    A root prompt and a comment both begin with `#`: what follows is handed on as it stands.
    """
    if len(text) > _LONGEST:
        return None
    for pattern in (_COMMENT, _PROMPT):
        if found := pattern.match(text):
            return found["command"].strip()
    if _HEADING.match(text):
        return ""
    return "" if _LEAVING.match(text) else None
