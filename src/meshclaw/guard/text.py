"""How the guard compares what people and strangers wrote: addresses, links and phrases in one normal form.

Nothing here decides. Two values are the same only where their normal forms are; what merely looks the same is
the business of ``lookalike``.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# RFC 5322 allows more before the @; what it allows beyond this stands in quotes or beside them in running text.
_ADDRESS = re.compile(r"[\w.!#$%&*+/=?^{|}~-]+@[\w-]+(?:\.[\w-]+)+")
# Text that a mail or chat program turns into a link: a scheme, or a name that ends in letters after a dot.
_LINK = re.compile(
    r"(?:[a-z][a-z0-9+.-]*://|(?<![\w.@-])www\.)[^\s<>\"'`)\]}]+"
    r"|(?<![\w.@/-])(?:[\w-]+\.)+[^\W\d_]{2,}(?:[:/?#][^\s<>\"'`)\]}]*)?(?![\w@-])"
    r"|(?:javascript|data|vbscript|file|mailto):[^\s<>\"'`)\]}]+",
    re.IGNORECASE,
)
# What people write so that a link is not one, and readers (or their programs) turn back.
_DEFANGED = re.compile(r"\s?[\[({]\s?(?:\.|dot|punkt)\s?[\])}]\s?", re.IGNORECASE)
_FILE_ENDINGS = frozenset(
    [
        "txt",
        "md",
        "pdf",
        "doc",
        "docx",
        "xls",
        "xlsx",
        "ppt",
        "pptx",
        "csv",
        "odt",
        "ods",
        "png",
        "jpg",
        "jpeg",
        "gif",
        "zip",
        "json",
        "xml",
        "html",
        "ics",
        "eml",
        "py",
        "js",
    ]
)
_TRAILING = ".,;:!?"


@lru_cache(maxsize=4096)
def plain(text: str) -> str:
    """Compatibility forms resolved, invisible characters gone, case folded, white space and quotes made one."""
    if not text.isascii():
        text = visible(unicodedata.normalize("NFKC", text)).translate(QUOTES)
    return " ".join(text.casefold().split())


def visible(text: str) -> str:
    """Without format characters, private ones and code points that stand for nothing (Unicode Cf, Co, Cn)."""
    odd = {char for char in set(text) if unicodedata.category(char) in ("Cf", "Co", "Cn")}
    return text.translate(dict.fromkeys(map(ord, odd))) if odd else text


# Every kind of quotation mark, apostrophe and hyphen (Unicode General Punctuation) as the one on the keyboard.
QUOTES = str.maketrans({
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u00b4`", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"'),
    **dict.fromkeys("\u2010\u2011", "-"),
})  # fmt: skip


@lru_cache(maxsize=4096)
def name(text: str) -> str:
    """The form in which names of things are compared: ``grocery-list.docx`` and ``Grocery list`` are one."""
    stem, dot, ending = plain(text).rpartition(".")
    base = stem if dot and ending in _FILE_ENDINGS else plain(text)
    return " ".join(re.sub(r"[_\-]+", " ", base).split())


def address(text: str) -> str:
    """A mail address without its display name, folded, the domain in its ASCII form."""
    inner = re.search(r"<([^<>]*)>\s*$", text)
    local, at, domain = plain(inner[1] if inner else text).rpartition("@")
    return f"{local}{at}{_ascii(domain.rstrip('.'))}"


def addresses(text: str) -> list[str]:
    """Every mail address in ``text``, in normal form, in order, each once."""
    return list(dict.fromkeys(address(found.rstrip(_TRAILING)) for found in _ADDRESS.findall(plain(text))))


def link(text: str) -> str:
    """A link without scheme, ``www.``, fragment and final slash; the host in its ASCII form."""
    text = text.strip().rstrip(_TRAILING)
    bare = re.sub(r"^[a-z][a-z0-9+.-]*://", "", unicodedata.normalize("NFKC", text), flags=re.IGNORECASE)
    host, slash, rest = re.sub(r"^www\.", "", bare, flags=re.IGNORECASE).partition("/")
    return f"{_ascii(host.casefold().rstrip('.'))}{slash}{rest.partition('#')[0]}".rstrip("/")


def links(text: str) -> list[str]:
    """Every link that a reader's program may make of ``text``, in normal form, in order, each once."""
    text = _DEFANGED.sub(".", visible(text))
    text = re.sub(r"\bhxxp", "http", unicodedata.normalize("NFKC", text), flags=re.IGNORECASE)
    text = re.sub(r"(?<=\w) (?:dot|punkt) (?=\w)", ".", text, flags=re.IGNORECASE)
    text = _ADDRESS.sub(" ", text)
    found = (match.rstrip(_TRAILING) for match in _LINK.findall(text))
    return list(dict.fromkeys(link(one) for one in found if not _is_file_name(one)))


def _is_file_name(text: str) -> bool:
    return "/" not in text and text.rpartition(".")[2].lower() in _FILE_ENDINGS


def holds(phrase: str, text: str) -> bool:
    """Whether the whole ``phrase`` stands in ``text`` between word boundaries; both in normal form."""
    return (
        bool(phrase) and phrase in text and re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", text) is not None
    )


def _ascii(domain: str) -> str:
    try:
        return domain.encode("idna").decode("ascii") if not domain.isascii() else domain
    except UnicodeError:
        return domain
