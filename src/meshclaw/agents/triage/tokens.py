"""What the junk model counts: the words of a mail and its shape, as strings without a memory of order.

A token with a colon describes shape (``shape:``, ``pitch:``, ``link:`` ...); one without is a word.
Recipients are left out on purpose: the person's own address says nothing about a mail.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from meshclaw.agents.triage.pitch import pitches
from meshclaw.flow.message import Message

TEXT_CAP = 8_000
"""Characters of text that are looked at; neither more nor less did better in cross-validation (benchmarks/junk.py)."""
LINK_CAP = 60
MAX_TOKENS = 1_000

_WORD = re.compile(r"[^\W_][\w$%'\u2019.-]*")
_NO_LETTERS = "_$%'.-"
"""What may stand in a word, and not at its start."""
# The same words for ASCII alone, in a fifth of the time: what ends a word becomes a space.
_ASCII_WORDS = bytes(b if chr(b).isalnum() or chr(b) in _NO_LETTERS else 0x20 for b in range(256))
_PATH_WORD = re.compile(r"[a-z]{3,}")
_TAIL = re.compile(r"(?:\s{3,}|[\s\[(])[\w@-]*(?:\d[a-z]|[a-z]\d|[A-Z]{6,}|\d{3,})[\w@-]*[\])]?$")
_FREE_MAIL = frozenset(
    {
        "aol.com",
        "caramail.com",
        "earthlink.net",
        "email.com",
        "eudoramail.com",
        "excite.com",
        "flashmail.com",
        "freeuk.com",
        "gmail.com",
        "gmx.de",
        "gmx.net",
        "hotmail.com",
        "juno.com",
        "lycos.com",
        "mail.com",
        "mail.ru",
        "msn.com",
        "netscape.net",
        "outlook.com",
        "rediffmail.com",
        "usa.net",
        "web.de",
        "yahoo.ca",
        "yahoo.co.uk",
        "yahoo.com",
        "yahoo.fr",
    }
)
_PITCH_STEPS = (2, 4, 7, 11, 16)


def words_of(text: str) -> list[str]:
    """Lower-case words in order, bounded by ``TEXT_CAP``."""
    low = text[:TEXT_CAP].lower()
    if low.isascii():
        found = low.encode().translate(_ASCII_WORDS).decode().split()
        return [word for piece in found if (word := piece.lstrip(_NO_LETTERS).rstrip(".'-"))]
    return [word.rstrip(".'\u2019-") for word in _WORD.findall(low)]


def tokens(message: Message) -> frozenset[str]:
    """At most ``MAX_TOKENS`` distinct tokens; equal messages give equal tokens."""
    own = {one.address.partition("@")[0] for one in (*message.to, *message.cc)}
    text = words_of(message.text)
    subject = words_of(message.subject)
    found = {word if len(word) <= 16 else "long:word" for word in text if len(word) > 2} - own
    found.update(f"subject:{word}" for word in subject if word not in own)
    found.update(_sender(message))
    found.update(_shape(message))
    found.update(_look(message.text[:TEXT_CAP]))
    found.update(_links(message))
    found.update(_selling(subject + text))
    return frozenset(found if len(found) <= MAX_TOKENS else sorted(found)[:MAX_TOKENS])


def _sender(message: Message) -> Iterator[str]:
    local, _, domain = message.sender.address.partition("@")
    yield f"from:{message.sender.address}"
    parts = domain.split(".")
    for index in range(max(len(parts) - 4, 0), len(parts)):
        yield "from:" + ".".join(parts[index:])
    yield from _name(message.sender.name, local, domain)
    digits = sum(letter.isdigit() for letter in local)
    yield f"from-digits:{min(digits, 3)}"
    yield f"free-mail:{domain in _FREE_MAIL}{digits > 0}"
    yield f"named:{message.sender.name != ''}"
    reply = message.reply_to
    yield f"reply:{reply.address != ''}{reply.address == message.sender.address}"
    if reply.address:
        yield f"reply-domain:{reply.domain == domain}"
    yield from _message_id(message.message_id, domain)


def _name(name: str, local: str, domain: str) -> Iterator[str]:
    words = words_of(name)
    for word in words:
        yield f"name:{word}"
    telling = [word for word in words if len(word) > 2]
    # A company's name is in its domain and a person's in their address; a made-up sender has neither.
    yield f"name-words:{min(len(words), 4)}"
    yield f"name-in-domain:{any(word in domain for word in telling)}"
    yield f"name-in-address:{any(word in local for word in telling)}"


def _message_id(value: str, domain: str) -> Iterator[str]:
    left, _, host = value.strip("<> ").lower().rpartition("@")
    yield f"message-id:{'none' if not host else bool(domain) and host.endswith(domain)}{'.' in host}"
    yield f"message-id-length:{len(left).bit_length()}"


def _shape(message: Message) -> Iterator[str]:
    threaded = bool(message.in_reply_to or message.references)
    listed = bool(message.list_id or message.precedence)
    claims_reply = message.subject.lower().startswith(("re:", "fw"))
    yield f"shape:{claims_reply}{threaded}{listed}"
    yield f"thread:{threaded}"
    yield f"precedence:{message.precedence.lower()}"
    yield f"recipients:{min(len(message.to) + len(message.cc), 4)}"
    yield f"dated:{message.date is not None}"
    yield f"subject-tail:{_TAIL.search(message.subject) is not None}"
    yield f"subject-marks:{'!' in message.subject}{'$' in message.subject or '%' in message.subject}"
    capitals = sum(map(str.isupper, message.subject))
    yield f"subject-capitals:{4 * capitals // (capitals + sum(map(str.islower, message.subject)) + 1)}"
    yield f"subject-foreign:{sum(letter > '~' for letter in message.subject) > 2}"
    yield f"auth:{message.authentication.dkim}{message.authentication.spf}{message.authentication.dmarc}"
    if message.list_id:
        yield f"list:{message.list_id.lower()}"
    # Not ``hints``: one list header implies ten others, and the rest tell where a mail was kept.
    yield from message.traits
    for attachment in message.attachments:
        yield f"attached:{attachment.media_type}"
    for finding in message.findings:
        yield f"finding:{finding.kind}"


def _look(text: str) -> Iterator[str]:
    capitals = sum(map(str.isupper, text))
    small = sum(map(str.islower, text))
    yield f"capitals:{10 * capitals // (capitals + small + 1)}"
    yield f"foreign:{10 * (len(text) - len(text.encode('ascii', 'ignore'))) // (len(text) + 1)}"
    yield f"marks:{min(text.count('!'), 5)}"
    yield f"dollars:{min(text.count('$'), 3)}"
    yield f"length:{len(text).bit_length()}"
    yield f"quotes:{chr(10) + '>' in text}"
    yield f"signed:{chr(10) + '--' in text}"


def _links(message: Message) -> Iterator[str]:
    yield f"links:{len(message.links).bit_length()}"
    home = _site(message.sender.domain)
    leads_home: set[bool] = set()
    for link in message.links[:LINK_CAP]:
        try:
            parts = urlsplit(link.href)
            host = parts.hostname or ""
        except ValueError:
            yield "link:broken"
            continue
        yield f"scheme:{parts.scheme[:16]}"
        if host:
            leads_home.add(_site(host) == home)
            yield from _host(host)
        for word in _PATH_WORD.findall(f"{parts.path} {parts.query}"[:200].lower())[:8]:
            yield f"path:{word}"
    yield f"links-home:{True in leads_home}{False in leads_home}"


def _host(host: str) -> Iterator[str]:
    if host.replace(".", "").isdigit():
        yield "link:number"
        return
    pieces = host.split(".")[-3:]
    for index in range(len(pieces)):
        yield "host:" + ".".join(pieces[index:])


def _site(domain: str) -> str:
    """The last two labels: enough to compare hosts of one mail with each other."""
    return ".".join(domain.split(".")[-2:])


def _selling(words: list[str]) -> Iterator[str]:
    found = pitches(words)
    for kind, terms in found.items():
        for step in (1, 2, 4):
            if len(terms) >= step:
                yield f"pitch:{kind}{step}"
    total = sum(map(len, found.values()))
    for step in _PITCH_STEPS:
        if total >= step:
            yield f"pitch:{step}"
