"""Sums of money and other amounts in a person's words, and whether a value is one of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation

from meshclaw.guard.request.lexicon import CURRENCY

# A number with the thousands of English: "1,250.50". Dates, times, and the marks of a list are none.
_NUMBER = re.compile(
    r"(?<![\d.,:/-])(?P<number>\d{1,3}(?:,\d{3})++(?:\.\d+)?|\d{1,15}(?:\.\d+)?)(?P<scale>[km](?!\w))?"
    r"(?P<list>[.)](?=\s))?(?![:/]?\d|[.,-]\d)",
    re.IGNORECASE,
)
_BEFORE = re.compile(r"([^\W\d_]+|[#$€£¥])\s?\Z")
_AFTER = re.compile(r"\s?([^\W\d_]+|[€$£¥%])")
_NEAR = 24
"""Characters in which a word beside a number is looked for."""
_VALUE = re.compile(r"\+?\d{1,15}(?:\.\d{1,6})?")
_MARKS = frozenset(
    "# no nr number invoice order room id ticket issue version item page account reference case step chapter line "
    "january february march april may june july august september october november december jan feb mar apr jun "
    "jul aug sep oct nov dec at in since by until".split()
)
"""Before a number, they make a name or a time of it."""
_UNITS = frozenset(
    "st nd rd th am pm h hour hours min minute minutes day days week weeks month months year years night nights o "
    "% percent january february march april may june july august september october november december".split()
)

_PARTS = {"cents": 100, "micros": 1_000_000}
"""In one unit, by the ending of an amount's declared type."""


def spoken(words: str) -> frozenset[str]:
    """The amounts in ``words``, each in normal form; only sums of money where there are any."""
    found = list(_found(words))
    sums = frozenset(number for number, is_sum in found if is_sum)
    return sums or frozenset(number for number, _ in found)


def _found(words: str) -> Iterator[tuple[str, bool]]:
    for found in _NUMBER.finditer(words):
        lead = words[max(0, found.start() - _NEAR) : found.start()]
        before = _word(_BEFORE.search(lead))
        after = _word(_AFTER.match(words, found.end(), found.end() + _NEAR))
        begins_line = not lead.rpartition("\n")[2].strip() and ("\n" in lead or found.start() < _NEAR)
        is_sum = before in CURRENCY or after in CURRENCY
        if (found["list"] and begins_line) or (not is_sum and (before in _MARKS or after in _UNITS)):
            continue
        scale = {"k": 1000, "m": 1_000_000}.get((found["scale"] or "").lower(), 1)
        yield _form(Decimal(found["number"].replace(",", "")) * scale), is_sum


def _word(found: re.Match[str] | None) -> str:
    return found[1].lower() if found else ""


def normal(value: str, unit: str = "") -> str:
    """An action's amount in the same form, in whole units of money; empty where it is no plain positive number."""
    bare = value.strip().strip("$€£").replace(",", "")
    try:
        return (
            _form(Decimal(bare) / _PARTS.get(unit.rpartition(".")[2], 1))
            if bare.isascii() and _VALUE.fullmatch(bare)
            else ""
        )
    except InvalidOperation:
        return ""


def _form(number: Decimal) -> str:
    return format(number.normalize(), "f")
