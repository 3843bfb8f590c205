"""What the tests of readers share: a file in, what was found out, keys told apart as the store does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from meshclaw.flow.usage import Tokens, Unread, Usage
from meshclaw.readers.base import START, Found, Place, Reader


def read(reader: Reader, path: Path, place: Place = START) -> tuple[list[Usage], list[Unread], Place | None]:
    found: list[Found] = list(reader.read(path, place))
    places = [item for item in found if isinstance(item, Place)]
    return (
        [item for item in found if isinstance(item, Usage)],
        [item for item in found if isinstance(item, Unread)],
        places[-1] if places else None,
    )


def read_text(reader: Reader, path: Path, text: str) -> tuple[list[Usage], list[Unread]]:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    usages, unread, _ = read(reader, path)
    return usages, unread


def labels(unread: Iterable[Unread]) -> list[tuple[int, str]]:
    """Line and reason."""
    return [(item.line, item.why) for item in unread]


def fullest(usages: Iterable[Usage]) -> list[Usage]:
    """One for each key: the one with the most tokens, as the store keeps it."""
    kept: dict[tuple[str, str], Usage] = {}
    for usage in usages:
        other = kept.get((usage.tool, usage.key))
        if other is None or size(usage.tokens) > size(other.tokens):
            kept[usage.tool, usage.key] = usage
    return list(kept.values())


def size(tokens: Tokens) -> int:
    return (
        tokens.input_uncached
        + tokens.cache_read
        + tokens.cache_write_5m
        + tokens.cache_write_1h
        + tokens.output
    )


def total(usages: Iterable[Usage]) -> Counter[str]:
    found: Counter[str] = Counter()
    for usage in usages:
        found["calls"] += 1
        for name in Tokens.__struct_fields__:
            found[name] += getattr(usage.tokens, name)
    return found
