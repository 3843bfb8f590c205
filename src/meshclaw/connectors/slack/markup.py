"""Slack's markup, both ways: what we post says only what it says, and what we read is plain text.

In Slack's markup ``<!channel>`` rings every phone and ``<https://a.example|b.example>`` shows another address than it
opens. So whatever stands in angle brackets of a text of ours is escaped, but for mentions of those whom the action
names as its destinations; and a link that we read shows both its words and where it leads.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Collection, Mapping

from meshclaw.connectors.mail.message.characters import tidy

MOST = 4_000
"""Characters of one post, as Slack recommends."""
NOBODY: Mapping[str, str] = {}
EVERYONE = {"@channel": "channel", "@here": "here", "@everyone": "everyone"}

_ANGLED = re.compile(r"<([^<>\n]{1,3000})>")


def posted(text: str, *, mentions: Mapping[str, str] = NOBODY, everyone: Collection[str] = ()) -> str:
    """``text`` as Slack is to be given it.

    ``mentions``: user ids by the handle that stands behind an @; ``everyone``: of ``EVERYONE``.
    """
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    called = {f"@{handle}": f"<@{id_}>" for handle, id_ in mentions.items()}
    called |= {one: f"<!{EVERYONE[one]}>" for one in everyone if one in EVERYONE}
    if not called:
        return escaped
    longest_first = "|".join(re.escape(one) for one in sorted(called, key=len, reverse=True))
    return re.sub(rf"(?<![\w@.])(?:{longest_first})(?![\w-]|\.\w)", lambda found: called[found[0]], escaped)


def plain(text: str, name_of: Callable[[str], str] = str) -> str:
    """What a reader sees, and where links lead; ``name_of`` gives the handle of a user id."""
    shown = _ANGLED.sub(lambda found: _shown(found[1], name_of), text)
    return tidy(html.unescape(shown)).text


def _shown(inside: str, name_of: Callable[[str], str]) -> str:
    target, bar, label = inside.partition("|")
    match target[:1]:
        case "@":
            return f"@{name_of(target[1:])}"
        case "#":
            return f"#{label or target[1:]}"
        case "!":
            return f"@{label.removeprefix('@') or target[1:].partition('^')[0]}"
        case _:
            return f"{label} ({target})" if bar and label and label != _bare(target) else target


def _bare(link: str) -> str:
    return link.removeprefix("mailto:").removeprefix("tel:")
