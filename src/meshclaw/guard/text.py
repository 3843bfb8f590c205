"""How the guard compares what people and strangers wrote: addresses, links and phrases in one normal form.

Nothing here decides. Two values are the same only where their normal forms are; what merely looks the same is
the business of ``flow.lookalike``. What a person wrote is read generously (odd spaces, quotes and letter forms
made one); a value that an action carries is not: it is what it is, character by character.

Every pattern runs in time linear to its text: each run of characters is tried from its first one only.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# RFC 5322 allows more before the @; what it allows beyond this stands in quotes or beside them in running text.
_LOCAL = r"[\w.!#$%&*+/=?^{|}~-]"
_ADDRESS = re.compile(rf"(?<!{_LOCAL}){_LOCAL}++@[\w-]++(?:\.[\w-]++)+")
_WHOLE_ADDRESS = re.compile(r"[^\s@<>()\[\]\\,;:\"]{1,200}@[\w-]+(?:\.[\w-]+)*")
FILE_ENDINGS = frozenset(
    "txt md pdf doc docx xls xlsx ppt pptx csv odt ods png jpg jpeg gif zip json xml html ics eml py js".split()
)
TRAILING = ".,;:!?"
_GOES_ON_BEFORE = re.compile(r"(?:[\w@/&+\\-]|\w[.,:])\Z")
_GOES_ON = re.compile(r"[\w@/&+\\-]|[.,:]\w")
_REMEMBERED = 2000
"""Longer texts are not worth keeping in a cache."""

# Every kind of quotation mark, apostrophe and hyphen (Unicode General Punctuation) as the one on the keyboard.
QUOTES = str.maketrans({
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u00b4`", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"'),
    **dict.fromkeys("\u2010\u2011", "-"),
})  # fmt: skip


def plain(text: str) -> str:
    """Compatibility forms resolved, invisible characters gone, case folded, white space and quotes made one."""
    return _plain(text) if len(text) < _REMEMBERED else _plain.__wrapped__(text)


@lru_cache(maxsize=4096)
def _plain(text: str) -> str:
    return " ".join(legible(text).translate(QUOTES).casefold().split())


def legible(text: str) -> str:
    """What a reader sees: compatibility forms resolved, invisible characters gone."""
    return text if text.isascii() else visible(unicodedata.normalize("NFKC", text))


def visible(text: str) -> str:
    """Without format characters, private ones and code points that stand for nothing (Unicode Cf, Co, Cn)."""
    odd = {char for char in set(text) if unicodedata.category(char) in ("Cf", "Co", "Cn")}
    return text.translate(dict.fromkeys(map(ord, odd))) if odd else text


@lru_cache(maxsize=4096)
def name(text: str) -> str:
    """The form in which names of things are compared: ``grocery-list.docx`` and ``Grocery list`` are one."""
    stem, dot, ending = plain(text).rpartition(".")
    base = stem if dot and ending in FILE_ENDINGS else plain(text)
    return " ".join(re.sub(r"[_\-]+", " ", base).split())


@lru_cache(maxsize=4096)
def address(text: str) -> str:
    """One mail address without its display name, lower case, the domain in its ASCII form.

    Empty where it is not exactly one: a second @ is read differently by different programs.
    """
    text = text.strip()
    if text.endswith(">"):
        text = text[:-1].rpartition("<")[2] if text.count("@") == 1 else ""
    if not _WHOLE_ADDRESS.fullmatch(text.rstrip(".")):
        return ""
    local, _, domain = text.lower().rpartition("@")
    return f"{local}@{ascii_domain(domain.rstrip('.'))}"


def addresses(text: str) -> list[str]:
    """Every mail address in ``text``, in normal form, in order, each once."""
    found = (address(one.rstrip(TRAILING)) for one in _ADDRESS.findall(legible(text)))
    return list(dict.fromkeys(filter(None, found)))


@lru_cache(maxsize=4096)
def link(text: str) -> str:
    """A web link without scheme, ``www.`` and final slash; the host in its ASCII form. Other schemes stay."""
    bare = re.sub(r"^https?://", "", text.strip().rstrip(TRAILING), flags=re.IGNORECASE)
    host, slash, rest = re.sub(r"^www\.", "", bare, flags=re.IGNORECASE).partition("/")
    return f"{ascii_domain(host.lower().rstrip('.'))}{slash}{rest}".rstrip("/")


def holds(phrase: str, text: str) -> bool:
    """Whether the whole ``phrase`` stands in ``text``, as no part of a longer word, path or number.

    Both in normal form: "general" stands in "the general channel" and not in "general-news" or "a.general".
    """
    start = text.find(phrase) if phrase else -1
    while start >= 0:
        end = start + len(phrase)
        if not _GOES_ON_BEFORE.search(text, max(0, start - 2), start) and not _GOES_ON.match(text, end):
            return True
        start = text.find(phrase, start + 1)
    return False


def ascii_domain(domain: str) -> str:
    """As it goes over the wire; what cannot be encoded keeps its letters.

    Label by label, without the mappings by which IDNA 2003 made one host of two (as of a sharp s).
    """
    if domain.isascii():
        return domain
    try:
        return ".".join(
            one if one.isascii() else f"xn--{one.encode('punycode').decode('ascii')}"
            for one in domain.split(".")
        )
    except UnicodeError:
        return domain
