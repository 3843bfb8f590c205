"""What a run asks: the models of one class in their order, and what their answers can cost and did."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from meshclaw.flow.conversation import Prompt, Reply, Tried
from meshclaw.llm.booked import cost_of, most_cost, most_input, whole_input
from meshclaw.llm.failover import Failover, Health
from meshclaw.llm.model import Model
from meshclaw.llm.prices import Price
from meshclaw.llm.sheet import Sheet
from meshclaw.settings.models import Entry


class Source:
    """Of one run. ``models`` answer for ``entries``, one each; ``health`` is shared by all runs of a claw."""

    def __init__(
        self, name: str, entries: Sequence[Entry], models: Sequence[Model], health: Health, *,
        sheet: Sheet | None = None,
    ) -> None:  # fmt: skip
        self.name = name
        self.limit = min(entry.limit for entry in entries)
        """Output tokens of one answer."""
        self.tried: list[Tried] = []
        """What became of each model that was asked for the last answer."""
        self._entries = entries
        self._sheet = sheet
        self._ask = Failover(name, models, health, tell=self._note)
        self._before: Prompt | None = None
        self._counted = 0

    def most(self, prompt: Prompt, at: int) -> int:
        """Micro-dollars that one answer can cost at most, by the dearest of the models. ``at``: Unix ms."""
        tokens = most_input(prompt, before=self._before, counted=self._counted)
        return most_cost(self._entries, at, tokens=tokens, limit=self.limit, sheet=self._sheet)

    def ask(self, prompt: Prompt, heard: Callable[[str], None] | None) -> Reply:
        self.tried = []
        reply = self._ask.ask(prompt, limit=self.limit, heard=heard)
        self._before, self._counted = prompt, whole_input(reply.tokens)
        return reply

    def _note(self, tried: Tried) -> None:
        self.tried.append(tried)

    def cost(self, reply: Reply, at: int) -> Price:
        """``reply`` is the last answer."""
        return cost_of(reply, self._answering, at, self._sheet)

    @property
    def _answering(self) -> Entry:
        """The one whose answer came last."""
        by = next(tried.model for tried in reversed(self.tried) if not tried.failed and not tried.skipped)
        return next(entry for entry in self._entries if entry.name == by)
