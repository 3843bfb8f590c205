"""One answer of a model: its cost reserved before, booked after; and in the ledger before anybody acts on it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from meshclaw.errors import MeshClawError, Refused
from meshclaw.flow.agent import Agent
from meshclaw.flow.conversation import Prompt, Reply
from meshclaw.flow.cost import Cost
from meshclaw.flow.event.model import ModelAnswered, ModelAsked, ModelFailed
from meshclaw.flow.run import Run
from meshclaw.guard.layers.budget import over
from meshclaw.llm.source import Source
from meshclaw.runs.deciding import Deciding

Heard = Callable[[str], None]
"""Gets the answer's text piece by piece while it comes."""


class OverBudget(Refused):
    """The limits leave no room for another answer."""

    code = "over_budget"


class Asking:
    """Asks in the name of one run. ``soon``: an answer is stored with the thread's next write, and not before."""

    def __init__(
        self, deciding: Deciding, run: Run, agent: Agent, source: Source, *, soon: bool = False
    ) -> None:
        self._deciding = deciding
        self._ledger = deciding.parts.ledger
        self._purse = deciding.parts.purse
        self._run = run
        self._agent = agent
        self._source = source
        self._store = self._ledger.soon if soon else self._ledger.record
        self.cost_micros = 0
        """Of the answers that came."""

    def ask(self, step: int, prompt: Prompt, heard: Heard | None) -> Reply:
        """Raises OverBudget, and whatever kept the models from it."""
        most = self.most(prompt)
        lease, used = self._lease(most), most  # all of it, where nobody can say
        try:
            self._reserve(step, most)
            reply, used = self._asked(step, prompt, heard, most)
        except OverBudget:
            used = 0
            raise
        except MeshClawError:
            used = sum(one.kept_micros for one in self._failures(step, most))
            raise
        finally:
            self._purse.settle(lease, most, used)
        return reply

    def _asked(self, step: int, prompt: Prompt, heard: Heard | None, most: int) -> tuple[Reply, int]:
        """The reply, and what all of it cost."""
        try:
            reply = self._source.ask(prompt, heard)
        except MeshClawError as error:
            facts = self._failures(step, most) or [self._failed(step, self._source.name, error.code)]
            facts[-1] = msgspec.structs.replace(facts[-1], last=True)
            self._ledger.record(*facts)
            raise
        return reply, self._book(step, reply, most)

    def _lease(self, most: int) -> str:
        """Of the company's budget, where there is one."""
        try:
            return self._purse.take(self._run.request.intent, self._run.agent, most) if most else ""
        except Refused as error:
            raise OverBudget(f"no further answer of a model: {error.message}", fix=error.fix) from error

    def most(self, prompt: Prompt) -> int:
        """Micro-dollars that an answer can cost at most."""
        return self._source.most(prompt, self._now())

    def _reserve(self, step: int, most: int) -> None:
        ledger = self._ledger
        # A loss of power takes the answer that is waited for as well; the step is then taken once more.
        with self._deciding.spending(self._run) as spending, ledger.writing(synced=False):
            now = ledger.now()
            spent = spending.refresh(now)
            refused = over(Cost(inference=most), spent, self._deciding.limits(self._agent))
            if not refused:
                asked = ModelAsked(
                    **self._run.named, step=step, model=self._source.name, reserved_micros=most
                )
                spent.take(asked, now)
                spending.wrote(ledger.record(asked))
        if refused:
            raise OverBudget(
                f"no further answer of a model: {refused.reason}", fix="See it with: meshclaw budget"
            )

    def _book(self, step: int, reply: Reply, most: int) -> int:
        """What the answer cost, and what the models before it may have."""
        price = self._source.cost(reply, self._now())
        [said] = self._ledger.contents.put([reply])
        self.cost_micros += price.micros
        failures = self._failures(step, most)
        self._store(
            *failures,
            ModelAnswered(
                **self._run.named, step=step, model=reply.model, provider=reply.provider, said=said,
                calls=len(reply.said.calls), cut=reply.cut, counted=reply.counted, cost_micros=price.micros,
                price_table=price.table, guessed=not price.known, **msgspec.structs.asdict(reply.tokens),
            ),
        )  # fmt: skip
        return price.micros + sum(one.kept_micros for one in failures)

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
        return int(self._ledger.now().timestamp() * 1000)
