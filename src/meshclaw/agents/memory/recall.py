"""Finding what is remembered by its words, and saying why it was found.

Words are stemmed (Porter) and stripped of accents, and weighed by Okapi BM25, all by SQLite's FTS5. The nearest few
are then ordered by nearness, age and whose word they are. Nothing here asks a model.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from meshclaw.agents.memory.store import Memory, fact_of
from meshclaw.flow.memory import EVERYWHERE, Fact, Recalled, Trust
from meshclaw.sqlite import telling

if TYPE_CHECKING:
    from meshclaw.agents.memory.likeness import Likeness

LIMIT = 8
CANDIDATES = 50
"""Taken by BM25 alone, before age and trust are weighed in."""
MOST_WORDS = 32
"""Of a query."""
MOST_HITS = 10_000
"""Facts that the words of a query may hit together; the commonest words are left out beyond that. BM25 gives such
words next to no weight anyway, and most of the time."""
HALF_LIFE_MS = 180 * 24 * 3_600_000
OLDEST = 0.5
"""What age alone can take from a fact."""
TRUSTED: dict[Trust, float] = {"person": 1.0, "record": 0.8, "receipt": 0.7}
EMPTY_WORDS = frozenset(
    "a about all also am an and any are as at be been but by can could did do does for from had has have he her him "
    "his how i if in into is it its just me my no not of on or our she so some such than that the their them then "
    "there these they this those to too us was we were what when where which who whom why will with would you "
    "your please tell know remember".split()
)
_LEFT, _RIGHT = "\x02", "\x03"


def recall(
    memory: Memory, query: str, *, now: int, scopes: Sequence[str] = (EVERYWHERE,), limit: int = LIMIT,
    trust: Sequence[Trust] = ("person", "record", "receipt"), likeness: Likeness | None = None,
) -> list[Recalled]:  # fmt: skip
    """The nearest facts of these scopes, the nearest first. ``now``: Unix milliseconds; what expired is left out."""
    with telling(memory.path):
        words, common = _words(memory, query)
        found = _search(memory, words, now=now, scopes=scopes, trust=trust) if words else []
    if likeness is not None:
        found = likeness.add(memory, query, found, now=now, scopes=scopes, trust=trust)
    best = sorted((_scored(one, now) for one in found), key=lambda one: (-one.score, -one.fact.id))[:limit]
    return [msgspec.structs.replace(one, why=_why(one, common)) for one in best]


def _words(memory: Memory, query: str) -> tuple[list[str], list[str]]:
    """The words to search by, the rarest first, and those left out because nearly everything holds them."""
    asked = list(dict.fromkeys(re.findall(r"\w+", query.casefold())))[:MOST_WORDS]
    telling_ = [word for word in asked if word not in EMPTY_WORDS] or asked
    hits = {word: _hits(memory, word) for word in telling_}
    kept: list[str] = []
    total = 0
    for word in sorted((word for word in telling_ if hits[word]), key=hits.__getitem__):
        if kept and total + hits[word] > MOST_HITS:
            break
        kept.append(word)
        total += hits[word]
    return kept, [word for word in telling_ if hits[word] and word not in kept]


def _hits(memory: Memory, word: str) -> int:
    """Facts that hold it, counted up to one more than ``MOST_HITS``."""
    [count] = memory.db.execute(
        "SELECT count(*) FROM (SELECT 1 FROM words WHERE words MATCH ? LIMIT ?)",
        (_quoted(word), MOST_HITS + 1),
    ).fetchone()
    return count


def _search(
    memory: Memory, words: Sequence[str], *, now: int, scopes: Sequence[str], trust: Sequence[Trust]
) -> list[Recalled]:
    """A word that nearly all hold ranks nothing: then the newest come first."""
    order = "words.rowid DESC" if len(words) == 1 and _hits(memory, words[0]) > MOST_HITS else "words.rank"
    rows = memory.db.execute(
        "SELECT fact.id, fact.text, trust, source, scope, subject, attribute, learned, expires, state, "  # noqa: S608
        f"words.rank, highlight(words, 0, '{_LEFT}', '{_RIGHT}') FROM words JOIN fact ON fact.id = words.rowid "
        f"WHERE words MATCH ? AND {filters(scopes, trust)} ORDER BY {order} LIMIT {CANDIDATES}",
        (" OR ".join(map(_quoted, words)), now, *scopes, *trust),
    ).fetchall()
    return [Recalled(fact=fact_of(row[:10]), bm25=-row[10], matched=_marked(row[11])) for row in rows]


def filters(scopes: Sequence[str], trust: Sequence[Trust]) -> str:
    """Takes now, the scopes and the kinds of trust."""
    return (
        "(expires IS NULL OR expires > ?) "
        f"AND scope IN ({','.join('?' * len(scopes))}) AND trust IN ({','.join('?' * len(trust))})"
    )


def _quoted(word: str) -> str:
    return f'"{word}"'  # a word is letters and digits: nothing in it is a syntax of FTS5


def _marked(text: str) -> tuple[str, ...]:
    found = re.findall(f"{_LEFT}(.*?){_RIGHT}", text)
    return tuple(dict.fromkeys(word.casefold() for word in found))


def recency(fact: Fact, now: int) -> float:
    age = max(0, now - fact.learned)
    return max(OLDEST, 0.5 ** (age / HALF_LIFE_MS))


def _scored(one: Recalled, now: int) -> Recalled:
    fresh = recency(one.fact, now)
    # In a small memory BM25 is next to nothing for every word, so each word that matched counts by itself as well.
    near = one.bm25 + len(one.matched) + 10 * max(0.0, one.likeness)
    return msgspec.structs.replace(
        one, bm25=round(one.bm25, 3), recency=round(fresh, 3), score=near * fresh * TRUSTED[one.fact.trust]
    )


_WHOSE: dict[Trust, str] = {
    "person": "from your own words", "record": "seen from what you did", "receipt": "from what I did",
}  # fmt: skip


def _why(one: Recalled, common: Sequence[str]) -> str:
    reasons = [f"it holds {_listed(one.matched)} (BM25 {one.bm25:.1f})"] if one.matched else []
    if one.likeness:
        reasons.append(f"it means something alike ({one.likeness:.2f})")
    reasons += [_WHOSE[one.fact.trust], f"age counts {one.recency:.2f}"]
    left = f"; too common to search by: {_listed(common)}" if common else ""
    return ", ".join(reasons) + left


def _listed(words: Sequence[str]) -> str:
    return ", ".join(f"“{word}”" for word in words)
