"""The public price list: genai-prices with its dated history, from the installed package alone, never the network.

Importing it takes a third of a second and what is needed of it is small, so the rates of every model that was ever
asked for are kept in one file of the state folder, and thrown away when the package changes.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from meshclaw.errors import UserError
from meshclaw.llm.rates import Level, Rates, per_million

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, Provider

DAY_MS = 86_400_000
SHIPPED = Path(__file__).with_name("shipped.json")
"""Written by ``tools/docs/prices.py``."""
MOST_KEPT = 5_000
"""Models in the file; names come from files that anybody may have written."""
FAST = 6
"""The dearest known multiple of a fast mode, Opus 4.6's, for models whose own is not in the list."""
CONTEXTS: Mapping[str, Mapping[str, str]] = {
    "fast": {"speed": "fast", "service_tier": "fast"},
    "batch": {"processing": "batch"},
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
}
"""Speed or service tier, as tools write it, to the list's own words."""


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """All that the list says of one model in one mode: rates from each day on, and within a day from each time on."""

    days: tuple[int, ...]
    """Unix milliseconds, rising; the first is the beginning of time."""
    times: tuple[int, ...]
    """Milliseconds of the day in UTC, rising from 0."""
    rates: tuple[tuple[Rates, ...], ...]
    """By day, then by time."""

    def at(self, ms: int) -> Rates:
        day = self.rates[max(0, bisect_right(self.days, ms) - 1)]
        return day[0] if len(day) == 1 else day[bisect_right(self.times, ms % DAY_MS) - 1]


class _Kept(msgspec.Struct, kw_only=True):
    source: tuple[int, int]
    """Size and modification time of the list's own file."""
    version: str
    dearest: Rates
    models: dict[str, Listed | None]


class PriceList:
    """``path``: where the rates are kept between runs; None keeps them in memory only."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._kept = self._load(_source()) or _shipped() or self._made()

    @property
    def version(self) -> str:
        return f"genai-prices {self._kept.version}"

    @property
    def dearest(self) -> Rates:
        """For a model that the list does not know: of every class the dearest known rate."""
        return self._kept.dearest

    def find(self, provider: str, model: str, mode: str) -> Listed | None:
        """``mode`` is ``fast``, ``batch``, ``flex``, ``priority`` or empty."""
        name = f"{provider}\n{model}\n{mode}"
        if name not in self._kept.models:
            self._kept.models[name] = _find(provider, model, mode, self.dearest.search)
            self._save()
        return self._kept.models[name]

    def compiled(self, names: Iterable[tuple[str, str]]) -> bytes:
        """What ``shipped.json`` holds for these providers and models, by the list that is installed now."""
        self._kept = self._made()
        for provider, model in names:
            self.find(provider, model, "")
        return msgspec.json.encode(msgspec.structs.replace(self._kept, source=(self._kept.source[0], 0)))

    def _load(self, source: tuple[int, int]) -> _Kept | None:
        try:
            kept = msgspec.json.decode(self._path.read_bytes(), type=_Kept) if self._path else None
        except (OSError, ValueError):
            return None  # absent or torn: it is made again from the package
        return kept if kept and kept.source == source else None

    def _made(self) -> _Kept:
        from importlib.metadata import version

        return _Kept(source=_source(), version=version("genai-prices"), dearest=_dearest(), models={})

    def _save(self) -> None:
        """Whoever cannot write it has the same prices, only later."""
        if self._path is None or len(self._kept.models) > MOST_KEPT:
            return
        new = self._path.with_suffix(f".{os.getpid()}")
        try:
            new.write_bytes(msgspec.json.encode(self._kept))
            new.replace(self._path)
        except OSError:
            new.unlink(missing_ok=True)


def _data() -> Path:
    """The list's own file, found without importing the package."""
    spec = find_spec("genai_prices")
    if spec is None or spec.origin is None:
        raise UserError(
            "there is no price list on this machine, so nothing can be priced",
            fix="Install it: pip install 'openmeshclaw[usage]'",
        )
    return Path(spec.origin).with_name("data.py")


def _source() -> tuple[int, int]:
    status = _data().stat()
    return status.st_size, status.st_mtime_ns


def _shipped() -> _Kept | None:
    """The rates of the commonest models, compiled for one version of the list; None where another one is here."""
    try:
        kept = msgspec.json.decode(SHIPPED.read_bytes(), type=_Kept)
    except (OSError, ValueError):
        return None
    data = _data()
    size, _ = kept.source
    own = data.parents[1] / f"genai_prices-{kept.version}.dist-info"
    is_same = size == data.stat().st_size and own.is_dir()
    return msgspec.structs.replace(kept, source=_source()) if is_same else None


def _find(provider: str, model: str, mode: str, dearest_search: int) -> Listed | None:
    from genai_prices.data_snapshot import get_snapshot

    snapshot = get_snapshot()
    for from_provider, name in _names(provider, model):
        try:
            owner, found = snapshot.find_provider_model(name, None, from_provider, None)
        except LookupError:
            continue
        listed = _compiled(owner, found, mode, dearest_search)
        if listed is not None:
            return listed
    return None


def _names(provider: str, model: str) -> Iterator[tuple[str | None, str]]:
    """The ways a list may know it by, the surest first: ``[1m]`` is a window, a prefix may be the provider."""
    plain = model.partition("[")[0].strip()
    if provider:
        yield provider, plain
    prefix, slash, rest = plain.partition("/")
    if slash:
        yield prefix, rest
    yield None, plain
    if slash:
        yield None, rest


def _compiled(provider: Provider, model: ModelInfo, mode: str, dearest_search: int) -> Listed | None:
    """None where the list has no price by the token for it."""
    own = any(
        model is item for item in provider.models
    )  # the list ties modes to the provider that sells them
    context = CONTEXTS.get(mode) if own else None
    is_fast_known = mode != "fast" or _has_fast(model, own=own)
    days, times = _boundaries(model)
    rates: list[tuple[Rates, ...]] = []
    for day in days:
        row: list[Rates] = []
        for at in times:
            price = model.get_prices(_datetime(day + at), context)
            one = _rates(price, dearest_search)
            if one is None:
                return None
            row.append(one if is_fast_known else multiplied(one, FAST))
        rates.append(tuple(row))
    return Listed(days=tuple(days), times=tuple(times), rates=tuple(rates))


def _has_fast(model: ModelInfo, *, own: bool) -> bool:
    return own and any("fast" in variant.when.values() for variant in model.price_variants or ())


def _boundaries(model: ModelInfo) -> tuple[list[int], list[int]]:
    from genai_prices.types import ConditionalPrice, PriceVariant, StartDateConstraint, TimeOfDateConstraint

    items: list[ConditionalPrice | PriceVariant] = list(model.price_variants or ())
    items += model.prices if isinstance(model.prices, list) else []
    days, times = {0}, {0}
    for constraint in (item.constraint for item in items):
        if isinstance(constraint, StartDateConstraint):
            midnight = datetime.combine(constraint.start_date, time(), UTC)
            days.add(int(midnight.timestamp() * 1000))
        elif isinstance(constraint, TimeOfDateConstraint):
            times |= {_of_day(constraint.start_time), _of_day(constraint.end_time)}
    return sorted(days), sorted(times)


def _of_day(moment: time) -> int:
    at = datetime.combine(datetime(2000, 1, 1).date(), moment, moment.tzinfo or UTC)  # noqa: DTZ001
    return int(at.timestamp() * 1000) % DAY_MS


def _datetime(ms: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)


def _rates(price: ModelPrice, dearest_search: int) -> Rates | None:
    if price.input_mtok is None and price.output_mtok is None:
        return None
    above = {tier.start for value in price.__dict__.values() for tier in getattr(value, "tiers", ())}
    levels = tuple(_level(price, start) for start in (-1, *sorted(above)))
    search, request = _flat(price.web_searches_kcount), _flat(price.requests_kcount)
    return Rates(
        levels=levels,
        request=per_million(request * 1000) if request is not None else 0,
        search=per_million(search * 1000) if search is not None else dearest_search,
        is_search_known=search is not None,
    )


def _level(price: ModelPrice, above: int) -> Level:
    """A class without its own price has that of the wider class it belongs to."""

    def one(*names: str) -> int:
        found = next((value for name in names if (value := getattr(price, name)) is not None), None)
        return per_million(_at_size(found, above)) if found is not None else 0

    return Level(
        above=above,
        input=one("input_mtok"),
        cache_read=one("cache_read_mtok", "input_mtok"),
        cache_write_5m=one("cache_write_5m_mtok", "cache_write_mtok", "input_mtok"),
        cache_write_1h=one("cache_write_1h_mtok", "cache_write_mtok", "input_mtok"),
        output=one("output_mtok"),
        reasoning=one("output_reasoning_mtok", "output_mtok"),
    )


def _at_size(value: object, above: int) -> Decimal:
    from genai_prices.types import TieredPrices

    if not isinstance(value, TieredPrices):
        return value if isinstance(value, Decimal) else Decimal(0)
    return next((tier.price for tier in reversed(value.tiers) if above >= tier.start), value.base)


def _flat(value: object) -> Decimal | None:
    return None if value is None else _at_size(value, -1)


def multiplied(rates: Rates, times: int) -> Rates:
    """At a multiple that is not this model's own: every token dearer, and marked as not known."""
    levels = tuple(
        Level(
            above=level.above,
            **{name: getattr(level, name) * times for name in Level.__struct_fields__ if name != "above"},
        )
        for level in rates.levels
    )
    return msgspec.structs.replace(rates, levels=levels, is_known=False)


def _dearest() -> Rates:
    from genai_prices.data_snapshot import get_snapshot

    found = [
        rates
        for provider in get_snapshot().providers
        for model in provider.models
        if (listed := _compiled(provider, model, "", 0)) is not None
        for day in listed.rates
        for rates in day
    ]
    levels = [level for rates in found for level in rates.levels]
    names = [name for name in Level.__struct_fields__ if name != "above"]
    top = Level(**{name: max(getattr(level, name) for level in levels) for name in names})
    search = max(rates.search for rates in found if rates.is_search_known)
    return Rates(levels=(top,), search=search, is_known=False)
