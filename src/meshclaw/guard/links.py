"""Where a text would really lead whoever follows it: every link that some reader's program may make of it.

Rather too many than too few: bare addresses as mail and chat programs turn them into links, Markdown (inline, by
reference, images), HTML attributes and style sheets, Slack's form; whatever is hidden, escaped or spelled out is read
as its reader would. Hosts are read as a browser reads them (WHATWG URL §3.5) and written in ASCII (RFC 3492), so that
no foreign letter can pass for another one.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

import msgspec

from meshclaw.guard import text as texts
from meshclaw.guard.exposed import without_hidden

MOST = 200_000
"""Characters that are searched for a person; the drawing says so where a text is longer."""

# The name before an @ may hold what elsewhere ends a link: ``https://bank.test)@evil.test`` leads to evil.test.
_REST = r"(?:[^\s<>\"/?#\\@]{0,200}+@)*+[^\s<>\"'`)\]}]*+"
_BARE = re.compile(
    rf"(?<![a-z0-9+.-])(?:[a-z][a-z0-9+.-]{{0,20}}+:[/\\]{{2}}|(?:https?|wss?|ftp):[/\\]*+(?=[\w\[%])){_REST}"
    rf"|(?<![\w.@-])www\.{_REST}"
    rf"|(?<![\w:/\\])[/\\]{{2}}(?=[\w.-]+\.){_REST}"
    rf"|(?<![\w.@/-])(?:[\w-]++\.)+(?:[^\W\d_]{{2,63}}|xn--[\w-]++)(?:[:/?#]{_REST})?(?![\w@-])"
    rf"|(?<![\w.@/-])\d{{1,3}}(?:\.\d{{1,3}}){{3}}(?:[:/?#]{_REST}|(?![\w.@-]))"
    rf"|(?<!\w)(?:javascript|data|vbscript|file|mailto|tel|sms):[^\s<>\"'`)\]}}]++",
    re.IGNORECASE,
)
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
# What people write so that a link is not one, and readers (or their programs) turn back.
_DEFANGED = re.compile(r"\s?[\[({]\s?(?:\.|dot)\s?[\])}]\s?", re.IGNORECASE)
_SPELLED = re.compile(r"(?<=\w) dot (?=\w)", re.IGNORECASE)
_BROKEN_SCHEME = re.compile(r"h\s?(?:t\s?t|xx)\s?p\s?(s?)\s?:\s?(?=[/\\])", re.IGNORECASE)
_ABSOLUTE = re.compile(r"[a-z][a-z0-9+.-]*:|[/\\]{2}", re.IGNORECASE)
_FILES = texts.FILE_ENDINGS | frozenset("htm log toml ts yaml yml".split())
"""Some are also the ends of hosts; what programs make a link of is one only behind ``//`` or with a path."""
_AROUND = ".,;:!?)]}'\"*_`"


class Link(msgspec.Struct, frozen=True, kw_only=True):
    target: str
    host: str
    """In ASCII; empty where the target names none."""
    text: str = ""
    """What stands in its place; empty where the target itself does."""

    @property
    def misleads(self) -> bool:
        """Its text names another host than the one it leads to."""
        named = [host_of(found) for found in _bare(self.text)]
        return any(host and host != self.host for host in named)


def links_in(text: str) -> list[Link]:
    """For a person, every link in the first ``MOST`` characters: each target with each of its texts once."""
    found: dict[tuple[str, str], Link] = {}
    for form in _forms(text[:MOST]):
        anchors = [(target, shown) for target, shown in _ANCHOR.findall(form)]
        for target, shown in (*anchors, *_marked(form), *((bare, "") for bare in _bare(form))):
            target = target.rstrip(_AROUND)  # noqa: PLW2901
            if target and not target.startswith(("#", "cid:")):
                link = Link(target=target, host=host_of(target), text="" if shown == target else shown)
                found.setdefault((link.target, link.text), link)
    with_text = {link.target for link in found.values() if link.text}
    return [link for link in found.values() if link.text or link.target not in with_text]


def targets_in(text: str) -> list[str]:
    """For comparing, every link that leads anywhere else, in normal form, in order, each once."""
    if (
        "." not in text
        and ":" not in text
        and "&" not in text
        and "dot" not in text.lower()
        and text.isascii()
    ):
        return []
    found: list[str] = []
    for form in _forms(text):
        found += _bare(form)
        found += (target for target, _ in _marked(form) if _ABSOLUTE.match(target))
    return list(dict.fromkeys(texts.link(one) for one in found))


def _forms(text: str) -> Iterator[str]:
    """``text`` as it is read, and as it is read where it is HTML."""
    yield (form := _readable(text))
    if "&" in form and (unescaped := html.unescape(form)) != form:
        yield _readable(unescaped)


def _readable(text: str) -> str:
    seen = without_hidden(text if text.isascii() else unicodedata.normalize("NFKC", text))
    seen = _DEFANGED.sub(".", seen)
    if " dot " in seen.lower():
        seen = _SPELLED.sub(".", seen)
    return _BROKEN_SCHEME.sub(r"http\1:", seen)


def _bare(text: str) -> list[str]:
    split = _SLACK.sub(r" \1 \2 ", text) if "|" in text else text
    found = (match.rstrip(texts.TRAILING) for match in _BARE.findall(split))
    return [one for one in found if not _is_file_name(one)]


def _marked(text: str) -> Iterator[tuple[str, str]]:
    """Target and text of each link that is marked as one; its text empty where it stands elsewhere."""
    found: list[tuple[str, str]] = []
    if "](" in text:
        found += [(target, shown) for shown, target in _MARKDOWN.findall(text)]
    if "]:" in text:
        found += [(target, shown) for shown, target in _REFERENCE.findall(text)]
    if "|" in text:
        found += _SLACK.findall(text)
    if "<" in text and "=" in text:
        found += [("".join(groups), "") for groups in _ATTRIBUTE.findall(text)]
    if "url(" in text.lower():
        found += [(target, "") for target in _STYLE.findall(text)]
    for target, shown in found:
        yield re.sub(r"[\t\r\n]", "", target).strip(), shown  # as a browser does


def _is_file_name(text: str) -> bool:
    """Files are called like hosts; with a path behind them they are taken for hosts all the same."""
    return not re.search(r"[/:\\?#]", text) and text.rpartition(".")[2].lower() in _FILES


def host_of(target: str) -> str:
    """Of a URL, a mail address or a bare name; empty where there is none."""
    target = re.sub(
        r"^(https?|wss?|ftp):/*(?=[^/])", r"\1://", target.strip().replace("\\", "/"), flags=re.IGNORECASE
    )
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
    """``domain`` as it goes over the wire, in lower case."""
    plain = unicodedata.normalize("NFKC", domain).lower().replace("\u3002", ".")
    return texts.ascii_domain(plain.rstrip("."))


def scripts(text: str) -> list[str]:
    """The scripts its letters belong to, by the first word of their Unicode names: ``Latin``, ``Cyrillic``."""
    return sorted({unicodedata.name(c, "unnamed").split(" ")[0].capitalize() for c in text if c.isalpha()})
