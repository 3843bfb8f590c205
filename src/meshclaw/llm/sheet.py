"""A company's own prices over the public list: contract rates from a day on, and what a vendor's credit costs.

name = "contract 2026"
[[rate]]
model = "claude-*"            # * and ? as in file names; all patterns that fit a call, the last one wins
provider = "anthropic"        # left out: any
from = 2026-07-01             # UTC; left out: always
off = "15"                    # percent off the list
[[rate]]
model = "house-model"
input = "0.80"                # dollars per million tokens; likewise cache_read, cache_write_5m, cache_write_1h, output
output = "4"
search = "10"                 # dollars per thousand
fast = "2"                    # the multiple for fast mode
[[credit]]
tool = "kiro"
from = 2026-01-01
price = "0.04"                # dollars per credit
"""

from __future__ import annotations

import hashlib
import tomllib
from datetime import UTC, date, datetime, time
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, cast

import msgspec

from meshclaw.errors import UserError
from meshclaw.llm.rates import Level, Rates, per_million

CLASSES = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output")


class Rate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"since": "from"}):
    model: str
    provider: str = "*"
    since: date = date.min
    off: Decimal | None = None
    """Percent off the list price."""
    input: Decimal | None = None
    cache_read: Decimal | None = None
    cache_write_5m: Decimal | None = None
    cache_write_1h: Decimal | None = None
    output: Decimal | None = None
    search: Decimal | None = None
    fast: Decimal | None = None


class Credit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"since": "from"}):
    tool: str
    since: date = date.min
    price: Decimal


class Sheet(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename={"rates": "rate", "credits": "credit"},
):
    name: str = "price sheet"
    rates: tuple[Rate, ...] = ()
    credits: tuple[Credit, ...] = ()
    digest: str = ""
    """Of the file's bytes: another sheet is another version."""

    @property
    def version(self) -> str:
        return f"{self.name} {self.digest[:8]}".strip()

    def rate_for(self, provider: str, model: str, ms: int) -> Rate | None:
        """The last line that fits, whatever its place's day; None where none does."""
        fits = [
            rate
            for rate in self.rates
            if _ms(rate.since) <= ms
            and fnmatchcase(model.lower(), rate.model.lower())
            and fnmatchcase(provider.lower(), rate.provider.lower())
        ]
        return fits[-1] if fits else None

    def credit_for(self, tool: str, ms: int) -> Credit | None:
        fits = [credit for credit in self.credits if credit.tool == tool and _ms(credit.since) <= ms]
        return max(fits, key=lambda credit: credit.since, default=None)


def load(path: Path) -> Sheet | None:
    """None where there is no such file; UserError where it is none that can be understood."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _wrong(path, error) from error
    try:
        sheet = msgspec.convert(tomllib.loads(content.decode(), parse_float=Decimal), Sheet)
        _check(sheet)
    except ValueError as error:
        raise _wrong(path, error) from error
    return msgspec.structs.replace(sheet, digest=hashlib.sha256(content).hexdigest())


def applied(rate: Rate, listed: Rates, *, is_fast: bool) -> Rates:
    """``listed`` with what the sheet says instead; it is of the standard speed where ``rate`` has its own multiple.

    A model is known when the sheet prices its input and its output.
    """
    times = rate.fast if rate.fast is not None and is_fast else Decimal(1)
    own = {
        name: value for name in CLASSES if (value := cast("Decimal | None", getattr(rate, name))) is not None
    }
    if "output" in own:
        own["reasoning"] = own["output"]
    left = 100 - (rate.off or Decimal(0))
    base = listed.levels if not {"input", "output"} <= own.keys() else listed.levels[:1]
    levels = tuple(_level(level, own, left, times) for level in base)
    search = per_million(rate.search * 1000) if rate.search is not None else listed.search
    return Rates(
        levels=levels,
        request=listed.request,
        search=search,
        is_search_known=listed.is_search_known or rate.search is not None,
        is_known=listed.is_known or {"input", "output"} <= own.keys(),
    )


def _level(level: Level, own: dict[str, Decimal], left: Decimal, times: Decimal) -> Level:
    fields: dict[str, Any] = {"above": level.above}
    for name in (*CLASSES, "reasoning"):
        fields[name] = (
            per_million(own[name] * times) if name in own else int(getattr(level, name) * left * times / 100)
        )
    return Level(**fields)


def _check(sheet: Sheet) -> None:
    for rate in sheet.rates:
        numbers = [
            value for name in (*CLASSES, "search", "fast") if (value := getattr(rate, name)) is not None
        ]
        for number in numbers:
            per_million(number)
        if rate.off is not None and not 0 <= rate.off <= 100:
            raise ValueError(f"off = {rate.off} is no percentage")
        if rate.off is None and not numbers:
            raise ValueError(f"the line for {rate.model!r} names no price")
    for credit in sheet.credits:
        per_million(credit.price)


def _ms(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp() * 1000)


def _wrong(path: Path, error: Exception) -> UserError:
    return UserError(
        f"the price sheet {str(path)!r} cannot be understood ({error})",
        fix="Mend the file; what may stand in it: docs/usage-sources.md",
    )
