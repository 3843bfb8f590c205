"""One answer of a model: its cost reserved before, booked after; and in the ledger before anybody acts on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

from meshclaw.errors import MeshClawError, Refused
from meshclaw.flow.conversation import Prompt, Reply, Said
from meshclaw.flow.cost import Cost
from meshclaw.flow.event.base import Event
from meshclaw.flow.event.model import ModelAnswered, ModelAsked, ModelFailed
from meshclaw.flow.run import Run
from meshclaw.guard.budget import over
from meshclaw.llm.prices import Price
from meshclaw.runs.deciding import Parts
from meshclaw.runs.spending import Spending

Heard = Callable[[str], None]
"""Gets the answer's text piece by piece while it comes."""


class Source(Protocol):
    """Whoever answers: one model, or several in order."""

    @property
    def name(self) -> str:
        """The one asked first."""
        ...

    def most(self, prompt: Prompt) -> int:
        """Micro-dollars that an answer can cost at most."""
        ...

    def ask(self, prompt: Prompt, heard: Heard | None) -> Reply: ...

    def price(self, reply: Reply, at: int) -> Price:
        """``at``: Unix milliseconds."""
        ...


class OverBudget(Refused):
    """The limits leave no room for another answer."""

    code = "over_budget"


class Asking:
    """Asks in the name of one run."""

    def __init__(self, parts: Parts, run: Run, source: Source) -> None:
        self._parts = parts
        self._run = run
        self._source = source
        self._spending = Spending(parts.ledger, run.id)
        self.cost_micros = 0
        """Of the answers that came."""

    def ask(self, step: int, prompt: Prompt, heard: Heard | None, *before: Event) -> Said:
        """``before``: facts to be stored with the reserve. Raises OverBudget, and whatever kept the model from it."""
        most = self._reserve(step, prompt, before)
        try:
            reply = self._source.ask(prompt, heard)
        except MeshClawError as error:
            kept = most if getattr(error, "broke_off", False) else 0
            self._record(
                ModelFailed(
                    **self._run.named, step=step, model=self._source.name, error=error.code, kept_micros=kept
                )
            )
            raise
        self._book(step, reply)
        return reply.said

    def _reserve(self, step: int, prompt: Prompt, before: tuple[Event, ...]) -> int:
        ledger, most = self._parts.ledger, self._source.most(prompt)
        with ledger.writing():
            spent = self._spending.refresh(ledger.now())
            refused = over(Cost(inference=most), spent, self._parts.limits)
            asked = ModelAsked(**self._run.named, step=step, model=self._source.name, reserved_micros=most)
            ledger.record(*before, *([] if refused else [asked]))
        if refused:
            raise OverBudget(
                f"no further answer of a model: {refused.reason}",
                fix="See it with: meshclaw budget show",
            )
        return most

    def _book(self, step: int, reply: Reply) -> None:
        ledger, tokens = self._parts.ledger, reply.tokens
        price = self._source.price(reply, int(ledger.now().timestamp() * 1000))
        [said] = self._parts.contents.put([reply])
        self.cost_micros += price.micros
        self._record(
            ModelAnswered(
                **self._run.named, step=step, model=reply.model, provider=reply.provider, said=said,
                calls=len(reply.said.calls), cut=reply.cut, cost_micros=price.micros, price_table=price.table,
                guessed=not price.known, **msgspec.structs.asdict(tokens),
            )
        )  # fmt: skip

    def _record(self, *facts: Event) -> None:
        self._parts.ledger.record(*facts)
