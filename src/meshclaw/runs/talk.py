"""The conversation of one run, as the ledger has it: what was said, what came of it, and where it stands."""

from __future__ import annotations

from functools import cached_property

import msgspec

from meshclaw.connectors.base import Shelf
from meshclaw.flow.conversation import Call, Got, Heard, Reply, Said, Turn
from meshclaw.flow.event.model import AnswerGiven, AnswersTold, ModelAnswered, StepTaken
from meshclaw.flow.run import Run
from meshclaw.flow.units import digest_of
from meshclaw.ledger.content import ContentStore
from meshclaw.ledger.ledger import Ledger
from meshclaw.runs import conversation
from meshclaw.runs.compact import compact, size


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """One step's end: what the model is told of each call, and what it may name from now on."""

    got: tuple[Got, ...]
    shelf: Shelf
    asked: dict[str, tuple[str, ...]] = {}
    """By call, the external ids of its actions that wait for the person's yes."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What the model is told of the person's answers, and what it may name from now on."""

    text: str
    calls: tuple[str, ...]
    """That wait no more."""
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
        self._ledger = ledger
        self._contents = contents
        self.turns: list[Turn] = []
        self.size = 0
        """Of ``turns``, in characters."""
        self.steps: list[Step] = []
        """Each answer with what came of it; ``turns`` may be shortened, these are not."""
        self.shelf: Shelf = {}
        self.step = 0
        self.open: Reply | None = None
        self.waiting: dict[str, tuple[Call, tuple[str, ...]]] = {}
        """Calls that were not done for want of the person's yes, by id, with the external ids of their actions."""
        for started in conversation.before(ledger, run.after):
            self._tell(started.run, conversation.words_of(contents, started) or started.intent)
            self._end(answer_of(ledger, contents, started.run))
        self._tell(run.id, run.request.words or run.request.intent)

    def _tell(self, run: str, words: str) -> None:
        """One run of the conversation, as far as it came."""
        self._add(Heard(text=words))
        for event in self._ledger.events(ModelAnswered, StepTaken, AnswersTold, run=run):
            match event:
                case ModelAnswered():
                    self.say(msgspec.json.decode(self._contents.get(event.said), type=Reply))
                case StepTaken():
                    self.take(msgspec.json.decode(self._contents.get(event.got), type=Taken))
                case AnswersTold():
                    self.hear(msgspec.json.decode(self._contents.get(event.told), type=Told))

    def _end(self, shown: str) -> None:
        """Of a run that another one follows. What it still wanted is not done; what the person was shown counts."""
        last = self.open.said if self.open else None
        if last and last.calls:  # vendors refuse a call without its result
            self.turns.remove(last)
        if shown and (last is None or last.text != shown):
            self._add(Heard(text=f"Your person was shown this answer: {shown}", by_claw=True))
        self.size, self.open, self.step = size(self.turns), None, 0
        self.steps.clear()
        self.waiting.clear()

    def begin_with(self, turn: Turn) -> None:
        self.turns.insert(0, turn)
        self.size += size([turn])

    def say(self, reply: Reply) -> None:
        self._add(reply.said)
        self.step += 1
        self.open = reply

    def take(self, taken: Taken) -> None:
        self._add(*taken.got)
        if self.open is not None:
            called = {call.id: call for call in self.open.said.calls}
            self.waiting |= {id_: (called[id_], actions) for id_, actions in taken.asked.items()}
            self.steps.append(Step(self.open.said, taken.got))
        self.shelf |= taken.shelf
        self.open = None

    def hear(self, told: Told) -> None:
        self._add(Heard(text=told.text, by_claw=True))
        self.shelf |= told.shelf
        self.open = None
        for call in told.calls:
            del self.waiting[call]

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
