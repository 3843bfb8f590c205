"""The conversation of one run, as the ledger has it: what was said, what came of it, and where it stands."""

from __future__ import annotations

from functools import cached_property

import msgspec

from meshclaw.connectors.base import Shelf
from meshclaw.flow.conversation import Got, Heard, Reply, Said, Turn
from meshclaw.flow.event.model import AnswerGiven, ModelAnswered, StepTaken
from meshclaw.flow.run import Run
from meshclaw.flow.units import digest_of
from meshclaw.ledger.content import ContentStore
from meshclaw.ledger.ledger import Ledger
from meshclaw.runs.compact import compact, size


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """One step's end: what the model is told of each call, and what it may name from now on."""

    got: tuple[Got, ...]
    shelf: Shelf


class Step(msgspec.Struct, frozen=True, dict=True):
    """One answer and what came of it."""

    said: Said
    got: tuple[Got, ...]

    @cached_property
    def mark(self) -> str:
        """Equal for steps that want the same and are told the same."""
        wanted = [[call.verb, call.arguments] for call in self.said.calls]
        return digest_of([wanted, [[one.text, one.failed] for one in self.got]])


class Talk:
    """``step`` counts the answers; ``open`` is the last one while what it wants was not all tried."""

    def __init__(self, ledger: Ledger, contents: ContentStore, run: Run) -> None:
        self._contents = contents
        self.turns: list[Turn] = []
        self.size = 0
        """Of ``turns``, in characters."""
        self._add(Heard(text=run.request.words or run.request.intent))
        self.steps: list[Step] = []
        """Each answer with what came of it; ``turns`` may be shortened, these are not."""
        self.shelf: Shelf = {}
        self.step = 0
        self.open: Reply | None = None
        for event in ledger.events(ModelAnswered, StepTaken, run=run.id):
            if isinstance(event, ModelAnswered):
                self.say(msgspec.json.decode(contents.get(event.said), type=Reply))
            else:
                self.take(msgspec.json.decode(contents.get(event.got), type=Taken))

    def say(self, reply: Reply) -> None:
        self._add(reply.said)
        self.step += 1
        self.open = reply

    def take(self, taken: Taken) -> None:
        self._add(*taken.got)
        if self.open is not None:
            self.steps.append(Step(self.open.said, taken.got))
        self.shelf |= taken.shelf
        self.open = None

    def shorten(self, room: int) -> None:
        """Into about ``room`` characters, if it is more."""
        if self.size > room:
            self.turns = compact(self.turns, room)
            self.size = size(self.turns)

    def _add(self, *turns: Turn) -> None:
        self.turns += turns
        self.size += size(turns)


def answer_of(ledger: Ledger, contents: ContentStore, run: str) -> str:
    """What the person was shown in the end; empty where it asked no model, or did not come that far."""
    given = list(ledger.events(AnswerGiven, run=run))
    return msgspec.json.decode(contents.get(given[-1].said), type=str) if given else ""
