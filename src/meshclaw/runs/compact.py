"""Making room in a conversation without a model: old results are shortened first, then old steps become facts.

What the person said, what was decided and what the model promised always stays. Room is made in one large step, so
that the part of the prompt that a vendor has cached stays the same for many calls after it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from meshclaw.flow.action import Value
from meshclaw.flow.conversation import Got, Heard, Said, Turn

KEPT = 4
"""Last steps that stay as they are."""
SHORT = 300
"""Characters that stay of an old result."""
BRIEF = 120
"""Characters of one fact."""
_PROMISE = re.compile(r"\b(?:i will|i'll|i am going to|i promise|later i|next i)\b", re.IGNORECASE)
_SENTENCE = re.compile(r"[^.!?\n]+[.!?]?")


def compact(turns: Sequence[Turn], room: int) -> list[Turn]:
    """``turns`` in about ``room`` characters; the last ``KEPT`` steps are never touched, even where they are more."""
    if size(turns) <= room:
        return list(turns)
    old, recent = _parted(turns)
    shorter = [_shortened(turn) for turn in old]
    if size([*shorter, *recent]) <= room // 2:
        return [*shorter, *recent]
    said = [turn for turn in old if isinstance(turn, Heard) and not turn.by_claw]
    return [*said, _facts(old, room // 4), *recent]


def size(turns: Sequence[Turn]) -> int:
    """Characters, JSON and all: an upper measure of what is sent."""
    return sum(len(msgspec.json.encode(turn)) for turn in turns)


def _parted(turns: Sequence[Turn]) -> tuple[Sequence[Turn], Sequence[Turn]]:
    """Before a step, never between a call and its result: vendors refuse the one without the other."""
    starts = [at for at, turn in enumerate(turns) if isinstance(turn, Said)]
    cut = starts[-KEPT] if len(starts) > KEPT else (starts[0] if starts else len(turns))
    return turns[:cut], turns[cut:]


def _shortened(turn: Turn) -> Turn:
    if isinstance(turn, Got) and len(turn.text) > SHORT:
        return msgspec.structs.replace(
            turn, text=f"{turn.text[:SHORT]} … (shortened; ask again to see all of it)"
        )
    return turn


def _facts(old: Sequence[Turn], room: int) -> Heard:
    lines = [line for turn in old for line in _told(turn)]
    while len(lines) > 1 and sum(map(len, lines)) > room:  # the oldest go first, promises last
        lines.remove(next((line for line in lines if not line.startswith(_PROMISED)), lines[0]))
    return Heard(text="\n".join((_EARLIER, *lines)), by_claw=True)


_EARLIER = "Earlier in this run, shortened:"
_PROMISED = "- you promised: "


def _told(turn: Turn) -> Iterator[str]:
    match turn:
        case Said():
            promises = [one.strip() for one in _SENTENCE.findall(turn.text) if _PROMISE.search(one)]
            yield from (f"{_PROMISED}{one}" for one in promises)
            if not promises and turn.text:
                yield f"- you said: {_brief(turn.text)}"
            yield from (f"- you wanted {call.verb} {brief(call.arguments)}" for call in turn.calls)
        case Got():
            yield f"- {turn.verb} {'was not done' if turn.failed else 'was done'}: {_brief(turn.text)}"
        case Heard():
            if turn.by_claw:  # an earlier shortening
                yield from turn.text.splitlines()[1:]


def brief(arguments: Mapping[str, Value]) -> str:
    return _brief(msgspec.json.encode(arguments).decode())


def _brief(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= BRIEF else f"{line[:BRIEF]}…"
