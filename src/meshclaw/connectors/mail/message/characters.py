"""From bytes in any claimed charset to text without the characters a person cannot see.

Charset names come from the sender, so they are looked up in a fixed list and never imported:
``utf-7``, ``unicode_escape``, ``idna`` and the like would let plain ASCII turn into something else.
"""

from __future__ import annotations

import re
from encodings.aliases import aliases
from typing import NamedTuple

# What WHATWG's Encoding Standard says browsers read when the left name is claimed.
_SUPERSET = {
    "ascii": "utf_8",
    "latin_1": "cp1252",
    "iso8859_1": "cp1252",
    "iso8859_9": "cp1254",
    "iso8859_11": "cp874",
    "tis_620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
    "big5": "big5hkscs",
}
_CODECS_TEXT = """
utf_8 utf_16 utf_16_le utf_16_be hz koi8_r koi8_u mac_roman mac_cyrillic johab big5hkscs gb18030 euc_jp
iso2022_jp iso2022_jp_1 iso2022_jp_2 iso2022_jp_3 iso2022_jp_ext iso2022_kr cp437 cp850 cp852 cp855 cp857
cp858 cp862 cp866 cp874 cp932 cp949 cp950 cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 cp1257 cp1258
iso8859_2 iso8859_3 iso8859_4 iso8859_5 iso8859_6 iso8859_7 iso8859_8 iso8859_10 iso8859_13 iso8859_14
iso8859_15 iso8859_16
"""
_TEXT_CODECS = frozenset(_CODECS_TEXT.split())

# Control characters except tab and line feed.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# The same for ASCII alone, where translating takes a third of the time.
_ASCII_CONTROL = dict.fromkeys((*range(9), *range(0x0B, 0x20), 0x7F), " ")
# Default-ignorable code points (Unicode DerivedCoreProperties) and blanks that carry no white-space property.
_INVISIBLE = re.compile(
    "[\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
)
# Honest uses that are removed without a word: joiners and direction marks of scripts that need them,
# variation selectors after an emoji, a byte order mark.
# A second one in a row is not honest.
_HONEST = re.compile(
    "(?<=[^\x00-\x7f\u200b-\u200f\ufe00-\ufe0f])(?:\ufe0f\u200d?|\ufe0e|[\u200c-\u200f])|^\ufeff"
)
_SOFT_HYPHEN = "\xad"
# Every other character that str.isspace() knows. One replacement each takes a tenth of the time of a pattern.
_BLANKS = (
    "\t\v\f\r\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
_SPACES = re.compile("  +")
_EMPTY_LINES = re.compile("\n\n\n+")


class Stripped(NamedTuple):
    text: str
    removed: int
    """Characters that were there to be unseen; honest joiners and control characters do not count."""


def _codec(charset: str) -> str:
    name = charset.strip().lower().replace("-", "_").replace(" ", "_")
    name = aliases.get(name, name)
    name = _SUPERSET.get(name, name)
    return name if name in _TEXT_CODECS else ""


def decode(data: bytes, charset: str = "") -> str:
    """Text of ``data``; never fails. An unknown charset is UTF-8 where that fits, else Windows-1252."""
    name = _codec(charset[:40])
    if name and name != "utf_8":
        return data.decode(name, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("utf-8" if charset.lower() in {"utf-8", "utf8"} else "cp1252", "replace")


def strip(text: str) -> Stripped:
    """Take control and invisible characters out of ``text`` and count the ones nobody needs."""
    if text.isascii():
        return Stripped(text if text.isprintable() else text.translate(_ASCII_CONTROL), 0)
    text = _CONTROL.sub(" ", text)
    text = _HONEST.sub("", text.replace(_SOFT_HYPHEN, ""))
    seen, removed = _INVISIBLE.subn("", text)
    # Lone surrogates cannot be written as UTF-8 and would break whoever stores the text.
    return Stripped(seen.encode("utf-8", "replace").decode("utf-8"), removed)


def fold(text: str) -> str:
    """Runs of white space become one space per line; runs of empty lines become one."""
    for blank in _BLANKS:
        text = text.replace(blank, " ")
    text = _SPACES.sub(" ", text).replace(" \n", "\n").replace("\n ", "\n")
    return _EMPTY_LINES.sub("\n\n", text).strip(" \n")


def tidy(text: str) -> Stripped:
    """``fold`` of ``strip``. Once folded, most texts hold nothing to strip, and looking is cheaper."""
    folded = fold(text)
    if folded.replace("\n", "").isprintable() and (folded.isascii() or not _INVISIBLE.search(folded)):
        return Stripped(folded, 0)
    seen, removed = strip(text)
    return Stripped(fold(seen), removed)


def one_line(text: str, limit: int = 1000) -> str:
    """A header or a name as a person may see it: one line, nothing invisible, at most ``limit`` characters."""
    line = " ".join(text[: limit * 4].split())
    if not (line.isascii() and line.isprintable()):
        line = " ".join(strip(line).text.split())
    return line[:limit]
