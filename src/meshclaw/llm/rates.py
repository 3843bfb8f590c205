"""What one model costs, as whole numbers: exact, and a call is priced in about a microsecond."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import msgspec
from msgspec.structs import astuple

from meshclaw.flow.usage import Tokens, Usage

Tariff = Callable[[Usage], tuple[int, bool]]
"""What a call costs in nano-dollars, and whether its model has a price of its own."""

SCALE = 10**18
"""Parts of a micro-dollar that rates are counted in. Published prices have up to 18 decimals."""
NANO = SCALE // 1000
"""Parts of a thousandth of a micro-dollar."""
MOST = 10**9
"""Dollars per million: beyond it is a slip of the pen."""
MOST_TOKENS = 1 << 62
"""More than any call has."""
DEAREST = 10**18
"""Nano-dollars: a billion dollars. What costs more is counted as this much, and as not known."""


class Level(msgspec.Struct, frozen=True, kw_only=True):
    """Price of one token of each class, in 1/SCALE micro-dollars, for a call whose whole input is over ``above``."""

    above: int = -1
    """Input tokens, cached ones among them. Over it, every token of the call has this level's price."""
    input: int
    cache_read: int
    cache_write_5m: int
    cache_write_1h: int
    output: int
    reasoning: int


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    levels: tuple[Level, ...]
    """Rising; the first one is for calls of any size."""
    request: int = 0
    """Of one call, whatever its size."""
    search: int
    """Of one web search."""
    is_search_known: bool = True
    """Whether the list names that price for this model; else it is the dearest one in the list."""
    is_known: bool = True

    def of_long_calls(self) -> Rates:
        """For sums over calls that were all over the highest bound."""
        return msgspec.structs.replace(self, levels=(msgspec.structs.replace(self.levels[-1], above=-1),))

    def cost(self, tokens: Tokens, *, is_sum: bool = False) -> int:
        """In 1/SCALE micro-dollars. ``is_sum``: of many calls, whose own sizes nobody knows any more."""
        level = self.levels[0]
        if len(self.levels) > 1 and not is_sum:
            whole = tokens.input_uncached + tokens.cache_read + tokens.cache_write_5m + tokens.cache_write_1h
            for higher in self.levels[1:]:
                if whole > higher.above:
                    level = higher
        return (
            tokens.input_uncached * level.input
            + tokens.cache_read * level.cache_read
            + tokens.cache_write_5m * level.cache_write_5m
            + tokens.cache_write_1h * level.cache_write_1h
            + (tokens.output - tokens.reasoning) * level.output
            + tokens.reasoning * level.reasoning
            + tokens.tool * self.search
            + self.request
        )


def flat(rates: Rates, exact: Tariff) -> Tariff:
    """The same as ``exact`` in small numbers, where prices are whole nano-dollars as nearly all are.

    ``exact`` itself where they are not, and for calls over the first level or billed in credits.
    """
    first, above = rates.levels[0], rates.levels[1].above if len(rates.levels) > 1 else MOST_TOKENS
    prices = (
        first.input, first.cache_read, first.cache_write_5m, first.cache_write_1h, first.output, first.reasoning,
        rates.search, rates.request,
    )  # fmt: skip
    if any(price % NANO for price in prices):
        return exact
    of_input, of_read, of_short, of_long, of_output, of_reasoning, of_search, of_request = (
        price // NANO for price in prices
    )
    is_known, is_search_known = rates.is_known, rates.is_search_known

    def nanos(usage: Usage) -> tuple[int, bool]:
        fresh, read, short, long, output, reasoning, searches = astuple(usage.tokens)
        if (fresh + read + short + long > above and not usage.until) or usage.credits_milli:
            return exact(usage)
        cost = fresh * of_input + read * of_read + short * of_short + long * of_long + output * of_output
        if of_request:
            cost += of_request
        if reasoning or searches:
            cost += reasoning * (of_reasoning - of_output) + searches * of_search
        if cost > DEAREST:
            return exact(usage)
        return cost, (is_known and (is_search_known or not searches)) or not cost

    return nanos


def rounded(parts: int, unit: int = SCALE) -> int:
    """To whole units, half to even: the sum of many calls keeps no bias."""
    whole, rest = divmod(parts, unit)
    return whole + (rest * 2 > unit or (rest * 2 == unit and whole % 2))


def per_million(dollars: Decimal) -> int:
    """A price per million units in 1/SCALE micro-dollars per unit. Raises ValueError unless that is exact."""
    if not dollars.is_finite() or not 0 <= dollars < MOST or dollars != round(dollars, 18):
        raise ValueError(f"{dollars} is no price in dollars")
    return int(dollars.scaleb(18))
