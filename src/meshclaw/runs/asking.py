"""One answer of a model: its cost reserved before, booked after; and in the ledger before anybody acts on it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from meshclaw.errors import MeshClawError, Refused
from meshclaw.flow.conversation import Prompt, Reply
from meshclaw.flow.cost import Cost
from meshclaw.flow.event.base import Event
from meshclaw.flow.event.model import ModelAnswered, ModelAsked, ModelFailed
from meshclaw.flow.limits import Limits
from meshclaw.flow.run import Run
from meshclaw.guard.layers.budget import over
from meshclaw.guard.limits import tightest
from meshclaw.llm.source import Source
from meshclaw.runs.deciding import Parts
from meshclaw.runs.spending import Spending

Heard = Callable[[str], None]
"""Gets the answer's text piece by piece while it comes."""


class OverBudget(Refused):
    """The limits leave no room for another answer."""

    code = "over_budget"


class Asking:
    """Asks in the name of one run. ``limits``: its agent's own."""

    def __init__(self, parts: Parts, run: Run, source: Source, limits: Limits) -> None:
        self._parts = parts
        self._run = run
        self._source = source
        self._limits = limits
        self._spending = Spending(parts.ledger, run.id)
        self.cost_micros = 0
        """Of the answers that came."""

    def ask(self, step: int, prompt: Prompt, heard: Heard | None, *before: Event) -> Reply:
        """``before``: facts to be stored with the reserve. Raises OverBudget, and whatever kept the models from it."""
        most = self._reserve(step, prompt, before)
        try:
            reply = self._source.ask(prompt, heard)
        except MeshClawError as error:
            facts = self._failures(step, most) or [self._failed(step, self._source.name, error.code)]
            facts[-1] = msgspec.structs.replace(facts[-1], last=True)
            self._parts.ledger.record(*facts)
            raise
        self._book(step, reply, most)
        return reply

    def most(self, prompt: Prompt) -> int:
        """Micro-dollars that an answer can cost at most."""
        return self._source.most(prompt, self._now())

    def _reserve(self, step: int, prompt: Prompt, before: tuple[Event, ...]) -> int:
        ledger, most = self._parts.ledger, self.most(prompt)
        with ledger.writing():
            spent = self._spending.refresh(ledger.now())
            refused = over(Cost(inference=most), spent, tightest(self._parts.limits, self._limits))
            asked = ModelAsked(**self._run.named, step=step, model=self._source.name, reserved_micros=most)
            ledger.record(*before, *([] if refused else [asked]))
        if refused:
            raise OverBudget(
                f"no further answer of a model: {refused.reason}", fix="See it with: meshclaw budget show"
            )
        return most

    def _book(self, step: int, reply: Reply, most: int) -> None:
        price = self._source.cost(reply, self._now())
        [said] = self._parts.contents.put([reply])
        self.cost_micros += price.micros
        self._parts.ledger.record(
            *self._failures(step, most),
            ModelAnswered(
                **self._run.named, step=step, model=reply.model, provider=reply.provider, said=said,
                calls=len(reply.said.calls), cut=reply.cut, counted=reply.counted, cost_micros=price.micros,
                price_table=price.table, guessed=not price.known, **msgspec.structs.asdict(reply.tokens),
            ),
        )  # fmt: skip

    def _failures(self, step: int, most: int) -> list[ModelFailed]:
        """Of the models that were asked and did not answer."""
        return [
            self._failed(step, one.model, one.failed, ms=one.ms, kept_micros=most if one.may_cost else 0)
            for one in self._source.tried
            if one.failed
        ]

    def _failed(self, step: int, model: str, error: str, *, ms: int = 0, kept_micros: int = 0) -> ModelFailed:
        return ModelFailed(
            **self._run.named, step=step, model=model, error=error, ms=ms, kept_micros=kept_micros, last=False
        )

    def _now(self) -> int:
        return int(self._parts.ledger.now().timestamp() * 1000)
