"""What a dream may read of what was said: the person's own words, and nothing else.

What others wrote is removed by where it stands, before anything looks at it: answers of models and what tools brought
back are never opened; of a request only what the person wrote themselves is kept, without what they pasted, quoted or
forwarded; requests by schedules, by outsiders and by other runs are left out whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from meshclaw.errors import NotFound
from meshclaw.flow.event.run import RunStarted
from meshclaw.guard.request.pasted import MARK, Parts
from meshclaw.ledger.content import ContentStore
from meshclaw.ledger.ledger import Ledger, parse_timestamp

LONGEST = 2_000
"""Characters of one turn; who writes more has most likely pasted it."""


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    seq: int
    """Number of its event."""
    event: str
    run: str
    at: int
    """Unix milliseconds."""
    text: str


def turns(ledger: Ledger, contents: ContentStore, *, after: int, until: int) -> Iterator[Turn]:
    """In order, those behind event ``after``, up to ``until``."""
    for stored in ledger.stored(RunStarted, after=after):
        event = stored.event
        if stored.seq > until:
            return
        if not isinstance(event, RunStarted) or event.trust != "person" or event.parent or not event.words:
            continue
        try:
            raw = msgspec.json.decode(contents.get(event.words), type=tuple[str, str])[1]
        except NotFound:  # the person had it forgotten
            continue
        if text := own_words(raw):
            yield Turn(seq=stored.seq, event=event.id, run=event.run, at=_ms(event.ts), text=text)


def own_words(raw: str) -> str:
    """Without what others wrote; empty where nothing is left, or more than anybody types."""
    own = " ".join(Parts(raw).asking.replace(MARK, "").split())
    return own if len(own) <= LONGEST and re.search(r"\w", own) else ""


def _ms(ts: str) -> int:
    return int(parse_timestamp(ts).timestamp() * 1000)


_REMEMBER = re.compile(
    r"(?:please,?\s+)?(?:remember|memori[sz]e|note|keep in mind|bear in mind|(?:do not|don't) forget)"
    r"(?:\s+that\b|\s*:)\s*(?P<what>.+)",
    re.IGNORECASE,
)


def to_remember(turn: Turn) -> Iterator[str]:
    """What the person said was to be remembered, sentence by sentence, word for word."""
    for sentence in re.split(r"(?<=[.!?])\s+", turn.text):
        if found := _REMEMBER.match(sentence):
            yield found["what"].rstrip(" .!?")
