"""What a call costs: the public list with its history, a company's own sheet over it, every cost with its version."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING

import msgspec

from meshclaw.flow.usage import LONG_CALLS, Usage
from meshclaw.llm.pricelist import CONTEXTS, DAY_MS, Listed, PriceList
from meshclaw.llm.rates import DEAREST, NANO, Rates, Tariff, flat, per_million, rounded
from meshclaw.settings.home import home

if TYPE_CHECKING:
    from meshclaw.llm.sheet import Sheet

DEFINED_CREDITS = {"copilot": Decimal("0.01")}
"""Dollars of a credit that its vendor defines as so much money, by tool:
https://docs.github.com/en/copilot/reference/copilot-billing/models-and-pricing (November 2026)."""
DEAREST_CREDIT = Decimal("0.04")
"""Dollars, for credits whose price a company's plan decides: what Kiro asks for one over the plan, the dearest that any
vendor publishes (https://kiro.dev/pricing as quoted in September 2026). Known only by the company's sheet."""
MOST_REMEMBERED = 50_000
"""Rates kept in memory, by model and day; forged records cannot fill it."""


class Price(msgspec.Struct, frozen=True, kw_only=True):
    micros: int
    nanos: int
    """The same in thousandths of a micro-dollar, for adding up: calls seldom cost whole micro-dollars."""
    table: str
    """Version of the list, and of the sheet where one had a say."""
    known: bool
    """False: not in the list, so it was priced as the dearest known one."""


def price_of(usage: Usage, sheet: Sheet | None = None) -> Price:
    """What ``usage`` cost by the list of its day. What the source itself says it cost is not looked at."""
    return prices().of(usage, sheet)


def version_of(sheet: Sheet | None = None) -> str:
    """Of everything that a price can come from: where it is another one, prices may be others too."""
    return f"{prices().version}, {sheet.version}" if sheet else prices().version


class Prices:
    """``prices``: the public list. Remembers the rates by model, mode and day."""

    def __init__(self, prices: PriceList) -> None:
        self._list = prices
        self._of_sheet: Sheet | None = None
        self._remembered: dict[tuple[str, str, str, str, int], _Day] = {}

    @property
    def version(self) -> str:
        return self._list.version

    def of(self, usage: Usage, sheet: Sheet | None = None) -> Price:
        if usage.credits_milli:
            return self._of_credits(usage, sheet)
        day = self._of_day(usage, sheet)
        rates = day.only or self._rates(usage, sheet, day)
        tokens = usage.tokens
        parts = rates.cost(tokens, is_sum=usage.until > 0)
        known = rates.is_known and (rates.is_search_known or not tokens.tool)
        return _price(parts, day.table, known=known or not parts)

    def tariff(self, usage: Usage, sheet: Sheet | None = None) -> Tariff:
        """For all calls of the same day (UTC) that have model, provider, speed and service tier of this one.

        Gives ``nanos`` and ``known`` of ``of``; most calls need neither large numbers nor a ``Price``.
        """
        day = self._of_day(usage, sheet)
        if day.tariff is None:

            def exact(usage: Usage) -> tuple[int, bool]:
                price = self.of(usage, sheet)
                return price.nanos, price.known

            day.tariff = flat(day.only, exact) if day.only else exact
        return day.tariff

    def _of_day(self, usage: Usage, sheet: Sheet | None) -> _Day:
        if sheet is not self._of_sheet:
            self._of_sheet = sheet
            self._remembered.clear()
        key = (usage.provider, usage.model, usage.speed, usage.service_tier, usage.at // DAY_MS)
        day = self._remembered.get(key)
        if day is None:
            if len(self._remembered) >= MOST_REMEMBERED:
                self._remembered.clear()
            day = self._remembered[key] = self._day(usage, sheet)
        return day

    def _of_credits(self, usage: Usage, sheet: Sheet | None) -> Price:
        credit = sheet.credit_for(usage.tool, usage.at) if sheet else None
        defined = DEFINED_CREDITS.get(usage.tool)
        of_one = per_million(
            (credit.price if credit else defined or DEAREST_CREDIT) * 1000
        )  # of a thousandth
        table = f"{self._list.version}, {sheet.version}" if sheet and credit else self._list.version
        return _price(of_one * usage.credits_milli, table, known=credit is not None or defined is not None)

    def _day(self, usage: Usage, sheet: Sheet | None) -> _Day:
        rate = sheet.rate_for(usage.provider, usage.model, usage.at) if sheet else None
        table = f"{self._list.version}, {sheet.version}" if sheet and rate else self._list.version
        mode = usage.speed if usage.speed in CONTEXTS else usage.service_tier.removesuffix(LONG_CALLS)
        if rate and rate.fast is not None and mode == "fast":
            mode = ""  # the sheet's multiple is over the standard speed
        listed = self._list.find(usage.provider, usage.model, mode if mode in CONTEXTS else "")
        day = _Day(table=table, listed=listed)
        if listed is None or len(listed.times) == 1:
            day.only = self._rates(usage, sheet, day)
        return day

    def _rates(self, usage: Usage, sheet: Sheet | None, day: _Day) -> Rates:
        found = day.listed.at(usage.at) if day.listed else self._list.dearest
        rate = sheet.rate_for(usage.provider, usage.model, usage.at) if sheet else None
        if rate is not None:
            from meshclaw.llm.sheet import applied  # reads TOML

            found = applied(rate, found, is_fast=usage.speed == "fast")
        return found.of_long_calls() if usage.service_tier.endswith(LONG_CALLS) else found


def _price(parts: int, table: str, *, known: bool) -> Price:
    if parts > DEAREST * NANO:
        return Price(micros=DEAREST // 1000, nanos=DEAREST, table=table, known=False)
    return Price(micros=rounded(parts), nanos=rounded(parts, NANO), table=table, known=known)


class _Day(msgspec.Struct, kw_only=True):
    table: str
    listed: Listed | None
    only: Rates | None = None
    """The rates of the whole day; None where they change within it."""
    tariff: Tariff | None = None


@cache
def prices() -> Prices:
    """By the list that is installed, kept in the state folder."""
    return Prices(PriceList(home() / "prices.json"))
