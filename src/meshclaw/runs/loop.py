"""A run with a model. It answers, the guard decides on each action it wants, and it is told what became of it.

Every answer is in the ledger before it is acted on, and every step's end behind it: a run that was killed goes on with
its answers and receipts as recorded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Literal

import msgspec

from meshclaw.connectors.base import Shelf, Toolbox
from meshclaw.errors import Stopped, TooLong, UserError
from meshclaw.flow.action import Action
from meshclaw.flow.agent import Agent
from meshclaw.flow.conversation import Call, Got, Prompt, Reply, Said, Turn
from meshclaw.flow.event.model import AnswerGiven, AnswersTold, RunStuck, StepTaken, Stuck
from meshclaw.flow.run import Run
from meshclaw.guard.layers import stop
from meshclaw.guard.layers.questions import FROZEN
from meshclaw.guard.request.lexicon import DEEDS
from meshclaw.guard.request.wording import wording
from meshclaw.llm.source import Source
from meshclaw.runs import conversation
from meshclaw.runs.act import Door
from meshclaw.runs.asking import Asking, Heard, OverBudget
from meshclaw.runs.claims import check
from meshclaw.runs.compact import brief
from meshclaw.runs.outbox import Item, Outbox
from meshclaw.runs.prompt import prompt
from meshclaw.runs.result import Result
from meshclaw.runs.run import approvals
from meshclaw.runs.stuck import MOST_STEPS, stuck
from meshclaw.runs.talk import Taken, Talk, Told
from meshclaw.runs.using import drive, told

ROOM = 240_000
"""Characters of a conversation before it is shortened: about 60,000 tokens."""

End = Literal["answered", "declined", "stuck", "over_budget", "frozen"]

CUT = "\n[The answer reached its limit here.]"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    end: End
    text: str
    """What the person is shown."""
    corrected: tuple[str, ...] = ()
    """Sentences of the model that claimed deeds without receipts."""
    waiting: tuple[str, ...] = ()
    """Ids of approvals that are open."""
    steps: int
    cost_micros: int
    """Of the answers that this process got."""


class Loop:
    """``tools`` by name of the connector. ``heard`` gets the text of answers while it comes.

    ``known`` is what it is told of before anything is said, the same each time the run goes on.
    """

    def __init__(
        self, door: Door, run: Run, agent: Agent, source: Source, tools: Mapping[str, Toolbox], *,
        heard: Heard | None = None, known: Turn | None = None, room: int = ROOM, most_steps: int = MOST_STEPS,
    ) -> None:  # fmt: skip
        self._door = door
        self._run = run
        self._agent = agent
        self._tools = tools
        self._heard = heard
        self._room = room
        self._most_steps = most_steps
        self._asking = Asking(door.deciding, run, agent, source, soon=True)
        self._talk = Talk(door.ledger, door.contents, run)
        if known is not None:
            self._talk.begin_with(known)
        self._frozen = False
        self._prompt = prompt(agent, tools, door.declaration)

    def go(self) -> Answer:
        """Go on from where the ledger says it stands, to the end."""
        if news := self.news():
            self._tell(news)
        try:
            while (reply := self._talk.open or self._ask()).said.calls:
                self._take(reply.said)
                if self._frozen:
                    return self._end(
                        "frozen", "I wanted to ask you too much after reading what others wrote."
                    )
                if how := stuck(self._talk.steps, self._most_steps):
                    return self._stuck(how)
        except OverBudget as error:
            return self._end("over_budget", error.message)
        if reply.declined:
            return self._end("declined", reply.said.text or "The model would not answer this.")
        return self._end("answered", f"{reply.said.text}{CUT}" if reply.cut else reply.said.text)

    def most(self) -> int:
        """Micro-dollars that the next answer can cost at most."""
        return self._asking.most(self._whole())

    def news(self) -> list[Call]:
        """Calls that waited for the person, all of whose actions they have answered since it gave its answer."""
        ended = self._talk.open is not None and not self._talk.open.said.calls
        open_ = {one.external_id for one in approvals(self._door.ledger).open()}
        answered = [call for call, ids in self._talk.waiting.values() if open_.isdisjoint(ids)]
        return answered if ended else []

    def _tell(self, news: list[Call]) -> None:
        """In words of ours: what a tool brought never stands where the person's words do."""
        items, shelf = self._door.deciding.outbox(self._run.id), dict(self._talk.shelf)
        lines = [_ANSWERED]
        for call in news:
            ids = self._talk.waiting[call.id][1]
            stands = Counter(items[id_].stand if id_ in items else "asked" for id_ in ids)
            lines.append(f"- {call.verb} {brief(call.arguments)}: {_answered(stands)}")
            self._follow(call, items, shelf)
        news_told = Told(text="\n".join(lines), calls=tuple(call.id for call in news), shelf=shelf)
        [digest] = self._door.contents.put([news_told])
        self._talk.hear(news_told)
        self._door.ledger.soon(AnswersTold(**self._run.named, told=digest))

    def _follow(self, call: Call, items: Mapping[str, Item], shelf: Shelf) -> None:
        """Where things lie that were moved with the person's yes; nothing is done here."""
        use = self._tools[call.verb.partition(".")[0]].use(call, self._run.id, shelf)
        with suppress(UserError, StopIteration):
            wanted = next(use)
            known = [items.get(action.external_id) for action in wanted]
            if all(known):
                use.send([item.performed.link if item and item.performed else None for item in known])

    # -- one step ------------------------------------------------------------------------

    def _ask(self) -> Reply:
        if (stopped := self._door.parts.stopped()) is not None:
            raise Stopped(f"nothing is done now ({stop.told(stopped)}): {stop.refusal(stopped).reason}")
        self._talk.shorten(self._room)
        try:
            reply = self._answer()
        except TooLong:
            self._talk.shorten(self._talk.size // 2)
            reply = self._answer()
        self._talk.say(reply)
        return reply

    def _answer(self) -> Reply:
        return self._asking.ask(self._talk.step + 1, self._whole(), self._heard)

    def _whole(self) -> Prompt:
        return msgspec.structs.replace(self._prompt, turns=tuple(self._talk.turns))

    def _take(self, said: Said) -> None:
        shelf: Shelf = {}
        asked: dict[str, tuple[str, ...]] = {}
        got = tuple(self._use(call, shelf, asked) for call in said.calls)
        taken = Taken(got=got, shelf=shelf, asked=asked)
        [digest] = self._door.contents.put([taken])
        self._talk.take(taken)
        self._door.ledger.soon(StepTaken(**self._run.named, step=self._talk.step, got=digest))

    def _use(self, call: Call, shelf: Shelf, asked: dict[str, tuple[str, ...]]) -> Got:
        known = {**self._talk.shelf, **shelf}
        results: list[Result] = []
        try:
            text = self._drive(call, known, results)
        except UserError as error:
            text, failed = error.message, True
        else:
            failed = any(result.stand != "done" for result in results)
        if ids := tuple(result.action.external_id for result in results if result.stand == "asked"):
            asked[call.id] = ids
        shelf |= {name: what for name, what in known.items() if name not in self._talk.shelf}
        return Got(call=call.id, verb=call.verb, text=told(text, results), failed=failed)

    def _drive(self, call: Call, shelf: Shelf, results: list[Result]) -> str:
        if call.malformed:
            raise UserError(call.malformed)
        toolbox = self._tools.get(call.verb.partition(".")[0])
        if toolbox is None or all(tool.verb != call.verb for tool in toolbox.tools):
            raise UserError(f"there is no tool {call.verb!r}")

        def act(wanted: Sequence[Action]) -> list[Result]:
            new = self._door.act(self._run, self._agent, wanted)
            results.extend(new)
            self._frozen = self._frozen or any(one.decision and one.decision.rule == FROZEN for one in new)
            return new

        return drive(toolbox, call, self._run.id, shelf, act)

    # -- the end -------------------------------------------------------------------------

    def _stuck(self, how: Stuck) -> Answer:
        self._door.ledger.soon(RunStuck(**self._run.named, step=self._talk.step, how=how))
        words = {
            "same": "I did the same thing several times over, with the same result",
            "circle": "I went round in a circle",
            "no-progress": "nothing of what I tried was possible",
            "steps": f"I took the {self._most_steps} steps that one run may take",
        }[how]
        return self._end("stuck", f"I stopped: {words}.")

    def _end(self, end: End, text: str) -> Answer:
        ledger, items = self._door.ledger, self._items()
        deeds = {id(item): self._deed(item.decided.verb) for item in items}
        checked = check(
            text,
            [deeds[id(item)] for item in items if item.stand == "done"],
            [deeds[id(item)] for item in items if item.stand == "asked"],
            frozenset(deeds.values()) | self._asked_for(),
        )
        [digest] = self._door.contents.put([checked.text])
        given = AnswerGiven(**self._run.named, said=digest, corrected=len(checked.corrected))
        ledger.record(given)
        return Answer(
            end=end, text=checked.text, corrected=checked.corrected, steps=self._talk.step,
            cost_micros=self._asking.cost_micros,
            waiting=tuple(
                item.decided.external_id for item in items
                if item.stand == "asked" and item.decided.run == self._run.id
            ),
        )  # fmt: skip

    def _items(self) -> list[Item]:
        """Every action of the conversation: it may speak of what it did earlier."""
        runs = [one.run for one in conversation.before(self._door.ledger, self._run.after)]
        return [
            item for run in (*runs, self._run.id) for item in Outbox(self._door.ledger, run).items.values()
        ]

    def _deed(self, verb: str) -> str:
        declared = self._door.declaration(verb)
        return declared.deed if declared else ""

    def _asked_for(self) -> frozenset[str]:
        asked = wording(self._run.request.words)
        return frozenset(deed for deed, verbs in DEEDS.items() if asked.asks(verbs, ()))


_ANSWERED = "Your person has answered what waited for their yes:"


def _answered(stands: Mapping[str, int]) -> str:
    said = {
        "done": "they said yes, and it is done",
        "failed": "they said yes, but it failed",
        "unknown": "they said yes, but nobody knows whether it happened; do not repeat it",
    }
    no = "they said no, or did not answer in time; it was not done. Do not try it another way"
    counts = Counter[str]()
    for stand, count in stands.items():
        counts[said.get(stand, no)] += count
    several = len(counts) > 1
    return (
        "; ".join(f"{count} of them: {words}" if several else words for words, count in counts.items()) + "."
    )
