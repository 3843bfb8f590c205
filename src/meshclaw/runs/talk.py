"""The conversation of one run, as the ledger has it: what was said, what came of it, and where it stands."""

from __future__ import annotations

import msgspec

from meshclaw.connectors.base import Shelf
from meshclaw.flow.conversation import Got, Heard, Reply, Said, Turn
from meshclaw.flow.event.model import AnswerGiven, ModelAnswered, StepTaken
from meshclaw.flow.run import Run
from meshclaw.ledger.content import ContentStore
from meshclaw.ledger.ledger import Ledger


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """One step's end: what the model is told of each call, and what it may name from now on."""

    got: tuple[Got, ...]
    shelf: Shelf


Step = tuple[Said, tuple[Got, ...]]


class Talk:
    """``step`` counts the answers; ``open`` is the last one while what it wants was not all tried."""

    def __init__(self, ledger: Ledger, contents: ContentStore, run: Run) -> None:
        self._contents = contents
        self.turns: list[Turn] = [Heard(text=run.request.words or run.request.intent)]
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
        self.turns.append(reply.said)
        self.step += 1
        self.open = reply

    def take(self, taken: Taken) -> None:
        self.turns += taken.got
        if self.open is not None:
            self.steps.append((self.open.said, taken.got))
        self.shelf |= taken.shelf
        self.open = None


def answer_of(ledger: Ledger, contents: ContentStore, run: str) -> str:
    """What the person was shown in the end; empty where it asked no model, or did not come that far."""
    given = list(ledger.events(AnswerGiven, run=run))
    return msgspec.json.decode(contents.get(given[-1].said), type=str) if given else ""
