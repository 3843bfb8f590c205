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
# Text that a mail or chat program turns into a link: a scheme, or a name that ends in letters after a dot.
_REST = r"[^\s<>\"'`)\]}]*+"
_LINK = re.compile(
    rf"(?<![a-z0-9+.-])[a-z][a-z0-9+.-]{{1,20}}:[/\\]{{2}}{_REST}"
    rf"|(?<![\w.@-])www\.{_REST}"
    rf"|(?<![\w:/\\])[/\\]{{2}}(?=[\w.-]+\.){_REST}"
    rf"|(?<![\w.@/-])(?:[\w-]++\.)+(?:[^\W\d_]{{2,63}}|xn--[\w-]++)(?:[:/?#]{_REST})?(?![\w@-])"
    rf"|(?<![\w.@/-])\d{{1,3}}(?:\.\d{{1,3}}){{3}}(?:[:/?#]{_REST}|(?![\w.@-]))"
    rf"|(?<!\w)(?:javascript|data|vbscript|file|mailto|tel|sms):[^\s<>\"'`)\]}}]++",
    re.IGNORECASE,
)
# What people write so that a link is not one, and readers (or their programs) turn back.
_DEFANGED = re.compile(r"\s?[\[({]\s?(?:\.|dot)\s?[\])}]\s?", re.IGNORECASE)
_SPELLED = re.compile(r"(?<=\w) dot (?=\w)", re.IGNORECASE)
_BROKEN_SCHEME = re.compile(r"h\s?t\s?t\s?p\s?(s?)\s?:\s?(?=[/\\])", re.IGNORECASE)
_FILE_ENDINGS = frozenset(
    "txt md pdf doc docx xls xlsx ppt pptx csv odt ods png jpg jpeg gif zip json xml html ics eml py js".split()
)
_TRAILING = ".,;:!?"
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
    base = stem if dot and ending in _FILE_ENDINGS else plain(text)
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
    return f"{local}@{_ascii(domain.rstrip('.'))}"


def addresses(text: str) -> list[str]:
    """Every mail address in ``text``, in normal form, in order, each once."""
    found = (address(one.rstrip(_TRAILING)) for one in _ADDRESS.findall(legible(text)))
    return list(dict.fromkeys(filter(None, found)))


@lru_cache(maxsize=4096)
def link(text: str) -> str:
    """A web link without scheme, ``www.`` and final slash; the host in its ASCII form. Other schemes stay."""
    bare = re.sub(r"^https?://", "", text.strip().rstrip(_TRAILING), flags=re.IGNORECASE)
    host, slash, rest = re.sub(r"^www\.", "", bare, flags=re.IGNORECASE).partition("/")
    return f"{_ascii(host.lower().rstrip('.'))}{slash}{rest}".rstrip("/")


def host(link: str) -> str:
    """The host of a link in normal form."""
    return re.split(r"[/?#\\:]", re.sub(r"^(?:(?:[a-z][a-z0-9+.-]*:)?[/\\]{2,}|mailto:)", "", link))[
        0
    ].rpartition("@")[2]


def links(text: str) -> list[str]:
    """Every link that a reader's program may make of ``text``, in normal form, in order, each once."""
    if "." not in text and ":" not in text and "dot" not in text.lower() and text.isascii():
        return []
    text = _SPELLED.sub(".", _DEFANGED.sub(".", legible(text)))
    text = _BROKEN_SCHEME.sub(r"http\1:", re.sub(r"\bhxxp", "http", text, flags=re.IGNORECASE))
    found = (match.rstrip(_TRAILING) for match in _LINK.findall(text))
    return list(dict.fromkeys(link(one) for one in found if not _is_file_name(one)))


def _is_file_name(text: str) -> bool:
    return not re.search(r"[/:\\]", text) and text.rpartition(".")[2].lower() in _FILE_ENDINGS


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


def _ascii(domain: str) -> str:
    """Label by label, without the mappings by which IDNA 2003 made one host of two (as of a sharp s)."""
    if domain.isascii():
        return domain
    try:
        return ".".join(
            one if one.isascii() else f"xn--{one.encode('punycode').decode('ascii')}"
            for one in domain.split(".")
        )
    except UnicodeError:
        return domain
