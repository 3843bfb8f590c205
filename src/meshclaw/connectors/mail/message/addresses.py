"""Address lists (RFC 5322 §3.4) by one linear pass.

The standard library's parser recurses on nested comments and takes quadratic time on hostile lists.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from meshclaw.connectors.mail.message.characters import one_line
from meshclaw.connectors.mail.message.headers import decode_words
from meshclaw.flow.message import Address

MAX_ADDRESSES = 200
MAX_ADDRESS = 320  # RFC 5321 §4.5.3.1: 64 octets, "@", 255 octets

# An open quote runs to the end: trying it again at every later quote would be quadratic.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"?|\([^()]*\)|<[^<>]*>|[,;:]|[^",;:<>()\s]+|\s+|.', re.DOTALL)
# What nearly every field holds, in one look: a name and an address, or an address alone.
_ONE = re.compile(r'\s*+(?:("[^"\\]*+"|[^",;:<>()]*?)\s*+(<[^<>]*+>)|([^\s",;:<>()]++))\s*+')
_ESCAPED = re.compile(r"\\(.)")


def read_addresses(value: str) -> tuple[Address, ...]:
    """At most ``MAX_ADDRESSES`` mailboxes; group names are dropped, what cannot be read is skipped."""
    found: list[Address] = []
    for tokens in _mailboxes(value):
        address = _mailbox(tokens)
        if address.address or address.name:
            found.append(address)
        if len(found) == MAX_ADDRESSES:
            break
    return tuple(found)


def _mailboxes(value: str) -> Iterator[list[str]]:
    if one := _ONE.fullmatch(value):
        yield [token for token in one.groups() if token]
        return
    tokens: list[str] = []
    for piece in _TOKEN.findall(value):
        if piece in {",", ";"}:
            yield tokens
            tokens = []
        elif piece == ":":
            tokens = []  # a group's name
        else:
            tokens.append(piece)
    yield tokens


def _mailbox(tokens: list[str]) -> Address:
    angle = next((t for t in reversed(tokens) if t[0] == "<" and t[-1] == ">"), "")
    comments = [t[1:-1] for t in tokens if t[0] == "(" and t[-1] == ")"]
    words = [t for t in tokens if t[0] not in "<("]
    if angle:
        return Address(name=_name(words) or _name(comments), address=normal_address(angle[1:-1]))
    bare = "".join(t for t in words if not t.isspace())
    if "@" not in bare:
        return Address(name=_name(words) or _name(comments))
    return Address(name=_name(comments), address=normal_address(bare))


def _name(words: list[str]) -> str:
    text = "".join(_ESCAPED.sub(r"\1", w.strip('"')) if w[0] == '"' else w for w in words)
    return one_line(decode_words(text), 200)


def normal_address(text: str) -> str:
    """Lower case, IDN labels in Unicode, no source route (RFC 5321 §4.1.2); empty without a domain."""
    text = one_line("".join(text.split()), MAX_ADDRESS + 1)
    if text.startswith("@"):
        text = text.partition(":")[2]
    local, at, domain = text.rpartition("@")
    if not at or not local or not domain or len(text) > MAX_ADDRESS:
        return ""
    return f"{local.lower()}@{unicode_domain(domain)}"


def unicode_domain(domain: str) -> str:
    """``xn--`` labels decoded (RFC 3492) and lower case; a label that does not decode stays as it is."""
    domain = domain.lower().rstrip(".")
    if "xn--" not in domain:
        return domain
    labels = domain.split(".")
    return ".".join(_unicode_label(label) if label.startswith("xn--") else label for label in labels)


def _unicode_label(label: str) -> str:
    try:
        text = label[4:64].encode("ascii").decode("punycode").lower()
    except (UnicodeError, ValueError, OverflowError):
        return label
    # A label that decodes to something unseen, empty or with a separator in it is not a name at all.
    return text if text and text == one_line(text) and not set(text) & set(" .@/\\<>") else label
