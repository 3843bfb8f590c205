"""Signs in a mail that somebody pretends to be somebody else, each as one clause for a person."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from meshclaw.connectors.mail.message.addresses import unicode_domain
from meshclaw.connectors.mail.message.characters import one_line
from meshclaw.connectors.mail.message.domains import host_of, registered_domain, same_organisation
from meshclaw.flow.lookalike import near, skeleton
from meshclaw.flow.message import Address, Finding, Link

MAX_MISMATCHES = 5

_ADDRESS = re.compile(r"[\w.+-]{1,64}@((?:[\w-]{1,63}\.){1,8}\w{2,24})")
_SHOWN_URL = re.compile(
    r"\b(?:https?://(?:[\w.:%+-]{1,60}@)?|(?=www\.[\w-]{1,63}\.))((?:[\w-]{1,63}\.){1,8}\w{2,24})",
    re.IGNORECASE,
)
_ONLY_HOST = re.compile(
    r"((?:[\w-]{1,63}\.){1,8}(?:com|net|org|info|biz|edu|gov|io|co|[a-z]{2}))(?:/\S*)?$", re.IGNORECASE
)
# File names that read like hosts of a country.
_FILE_LIKE = re.compile(r"\.(?:md|py|js|sh|rs|pl|cc|ps|so|ai|in|am)$", re.IGNORECASE)


def look_alike(domain: str, known: Iterable[str]) -> str:
    """The known domain that ``domain`` imitates; empty where it imitates none or is one of them."""
    return _imitated(unicode_domain(domain), frozenset(known))


@lru_cache(maxsize=1024)
def _imitated(domain: str, known: frozenset[str]) -> str:
    if not domain or not known:
        return ""
    if any(domain == k or domain.endswith(f".{k}") for k in known):
        return ""
    mine = registered_domain(domain)
    shape = skeleton(mine)
    for other in sorted(known):
        if (
            skeleton(other) == shape
            or near(mine, other)
            or domain.startswith(f"{other}.")
            or f".{other}." in domain
        ):
            return other
    return ""


def odd_script(domain: str) -> str:
    """Why the domain deceives without any list of known ones; empty where it does not."""
    name = unicode_domain(domain)
    if name.isascii():
        return ""
    for label in name.split("."):
        scripts = {s for c in label if (s := _script(c))}
        if len(scripts) > 1 and not scripts <= _WRITTEN_TOGETHER:
            return f"{name} mixes letters of {' and '.join(sorted(s.capitalize() for s in scripts))}"
        # A whole label of Cyrillic or Greek letters that reads as plain Latin.
        if scripts and "LATIN" not in scripts and skeleton(label).isascii():
            return f"{name} is written in {scripts.pop().capitalize()} letters that look like Latin ones"
    return ""


# Japanese, Korean and Chinese are written with these side by side (Unicode TR 39 §5.2).
_WRITTEN_TOGETHER = frozenset(
    {"LATIN", "CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "KATAKANA-HIRAGANA"}
)


def _script(character: str) -> str:
    return unicodedata.name(character, "").split(" ")[0] if character.isalpha() else ""


def sender_findings(sender: Address, reply_to: Address, known: frozenset[str]) -> list[Finding]:
    found: list[Finding] = []
    if reason := odd_script(sender.domain):
        found.append(Finding(kind="look-alike-sender", detail=reason))
    elif known and (other := look_alike(sender.domain, known)):
        found.append(Finding(kind="look-alike-sender", detail=f"{sender.domain} looks like {other}"))
    if shown := _other_address(sender):
        found.append(
            Finding(kind="name-is-address", detail=f"the name shows {shown}, the address is {sender.address}")
        )
    if reply_to.domain and sender.domain and not same_organisation(reply_to.domain, sender.domain):
        detail = f"answers to a mail from {sender.domain} go to {reply_to.domain}"
        found.append(Finding(kind="reply-elsewhere", detail=detail))
    return found


def _other_address(sender: Address) -> str:
    if "@" not in sender.name:
        return ""
    shown = (found[0].lower() for found in _ADDRESS.finditer(sender.name))
    return next((address for address in shown if address != sender.address), "")


def link_findings(links: Iterable[Link]) -> list[Finding]:
    """Links whose text names a host of another organisation than the one they lead to."""
    found: dict[str, None] = {}
    for link in links:
        shown = _shown_host(link.text) if "." in link.text and link.text != link.href else ""
        if not shown:
            continue
        target = host_of(link.href)
        if target and not same_organisation(shown, target):
            found[f"a link that shows {one_line(shown, 80)} leads to {one_line(target, 80)}"] = None
            if len(found) == MAX_MISMATCHES:
                break
    return [Finding(kind="link-mismatch", detail=detail) for detail in found]


def _shown_host(text: str) -> str:
    if "://" in text or "www." in text.lower():
        found = _SHOWN_URL.search(text)
    else:
        found = _ONLY_HOST.match(text)
        if found and _FILE_LIKE.search(found[1]):
            return ""
    return unicode_domain(found[1]) if found else ""
