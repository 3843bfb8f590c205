"""Where a text would really lead whoever follows it: every link that some reader's program may make of it.

Rather too many than too few: Markdown (inline, by reference, images), HTML attributes and style sheets, Slack's
form, and bare addresses. Hosts are read as a browser reads them (WHATWG URL §3.5), then written in ASCII
(RFC 3492), so that no foreign letter can pass for another one.
"""

from __future__ import annotations

import html
import re
import unicodedata
from urllib.parse import unquote, urlsplit

import msgspec

from meshclaw.guard.exposed import without_hidden

MOST = 200_000
"""Characters that are searched; the drawing says so where a text is longer."""

_MARKDOWN = re.compile(r"\[([^\[\]]{0,300})\]\(\s{0,9}<?([^\s()<>]{1,2000})")
_REFERENCE = re.compile(r"^\s{0,3}\[([^\[\]\n]{1,300})\]:[ \t]{0,9}<?([^\s<>]{1,2000})", re.MULTILINE)
_SLACK = re.compile(r"<([a-z]{2,9}:[^|<>\s]{1,2000})\|([^<>\n]{0,300})>", re.IGNORECASE)
_ANCHOR = re.compile(
    r"<a\b[^<>]{0,500}?\bhref\s{0,9}=\s{0,9}[\"']?([^\"'<>]{1,2000})[^<>]{0,500}>([^<]{0,300})", re.IGNORECASE
)
_ATTRIBUTE = re.compile(
    r"\b(?:href|src|srcset|action|formaction|background|poster|cite|ping)\s{0,9}=\s{0,9}"
    r"(?:\"([^\"]{1,2000})|'([^']{1,2000})|([^\s\"'<>]{1,2000}))",
    re.IGNORECASE,
)
_STYLE = re.compile(r"\burl\(\s{0,9}[\"']?([^\"')]{1,2000})", re.IGNORECASE)
_BARE = re.compile(
    r"(?<![\w+.-])(?:[a-z][a-z0-9+.-]{0,20}://|(?:javascript|data|vbscript|file|mailto|tel|sms):)[^\s<>\"'|]{1,2000}"
    r"|(?<![\w.@/-])(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}(?:[:/?#][^\s<>\"'|]{0,2000})?(?![\w@-])",
    re.IGNORECASE,
)
_TRAILING = ".,;:!?)]}'\"*_`"
# Names of files that read like hosts; with a path behind them they are taken for hosts all the same.
_FILES = re.compile(
    r"[^/:?#]*\.(?:txt|md|pdf|docx?|xlsx?|pptx?|csv|od[ts]|png|jpe?g|gif|zip|json|xml|html?|ics|eml|py|js|ts|sh|toml|ya?ml|log)$",
    re.IGNORECASE,
)


class Link(msgspec.Struct, frozen=True, kw_only=True):
    target: str
    host: str
    """In ASCII; empty where the target names none."""
    text: str = ""
    """What stands in its place; empty where the target itself does."""

    @property
    def misleads(self) -> bool:
        """Its text names another host than the one it leads to."""
        named = [host_of(found) for found in _BARE.findall(self.text)]
        return any(host and host != self.host for host in named)


def links_in(text: str) -> list[Link]:
    """Every link in the first ``MOST`` characters, in order of first sight, each target with each of its texts once."""
    text = text[:MOST]
    found: dict[tuple[str, str], Link] = {}
    for form in dict.fromkeys((text, html.unescape(text), without_hidden(text))):
        for target, shown in _written(form):
            target = re.sub(r"[\t\r\n]", "", target).strip().rstrip(_TRAILING)  # noqa: PLW2901 - as a browser does
            if target and not target.startswith(("#", "cid:")):
                link = Link(target=target, host=host_of(target), text="" if shown == target else shown)
                found.setdefault((link.target, link.text), link)
    texts = {link.target for link in found.values() if link.text}
    return [link for link in found.values() if link.text or link.target not in texts]


def _written(text: str) -> list[tuple[str, str]]:
    """Target and text of each link."""
    found = [(target, shown) for shown, target in _MARKDOWN.findall(text)]
    found += [(target, shown) for shown, target in _REFERENCE.findall(text)]
    found += _SLACK.findall(text)
    found += [(target, shown) for target, shown in _ANCHOR.findall(text)]
    found += [("".join(groups), "") for groups in _ATTRIBUTE.findall(text)]
    found += [(target, "") for target in _STYLE.findall(text)]
    return [*found, *((bare, "") for bare in _BARE.findall(text) if not _FILES.match(bare))]


def host_of(target: str) -> str:
    """Of a URL, a mail address or a bare name; empty where there is none."""
    target = target.strip().replace("\\", "/")
    scheme = re.match(r"([a-z][a-z0-9+.-]*):(//)?", target, re.IGNORECASE)
    if (scheme and scheme[1].lower() == "mailto") or (not scheme and "@" in target and "/" not in target):
        return ascii_domain(unquote(target.partition("?")[0].rpartition("@")[2].rstrip("> ")))
    if scheme and not scheme[2] and not re.match(r"[^/]*:\d", target):
        return ""  # javascript:, data:, tel:
    try:
        host = urlsplit(target if scheme and scheme[2] else f"//{target.lstrip('/')}").hostname or ""
    except ValueError:
        return ""
    return ascii_domain(unquote(host)) if "." in host or (scheme and scheme[2]) else ""


def ascii_domain(domain: str) -> str:
    """``domain`` as it goes over the wire, in lower case; what cannot be encoded keeps its letters."""
    plain = unicodedata.normalize("NFKC", domain).casefold().replace("\u3002", ".").rstrip(".")
    return ".".join(_label(label) for label in plain.split("."))


def _label(label: str) -> str:
    return label if label.isascii() else f"xn--{label.encode('punycode', 'replace').decode('ascii')}"


def scripts(text: str) -> list[str]:
    """The scripts its letters belong to, by the first word of their Unicode names: ``Latin``, ``Cyrillic``."""
    return sorted({unicodedata.name(c, "unnamed").split(" ")[0].capitalize() for c in text if c.isalpha()})
