"""An entry of the catalogue: an attack, and what a scenario shows to become of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple

import msgspec

from tests.guard.catalogue.stage import Happened, Stage

Expected = Literal["stopped", "asked", "open"]
Scenario = Callable[[Stage], Iterator[Happened]]


class Case(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    """In the catalogue of issue 3."""
    attack: str
    stopped: tuple[str, ...] = ()
    """Everything that stops it somewhere in the scenario: rules of the guard and of the proxy, findings of the mail
    parser, walls."""
    asked: dict[str, str] = {}
    """Every rule by which a person is asked about it, with what stands in each of its questions."""
    left: str = ""
    """What gets through all the same."""
    open: str = ""
    """Why nothing stops it."""
    see: str = ""
    """The heading in docs/cannot-stop.md that says so."""
    until: str = ""
    """What is not there yet, by its path: once it is, this entry must be played."""
    scenario: Scenario | None = None

    @property
    def expected(self) -> Expected:
        if self.open:
            return "open"
        return "asked" if self.asked else "stopped"


class Chapter(NamedTuple):
    name: str
    cases: list[Case]

    def case(self, number: int, attack: str, **more: Any) -> Callable[[Scenario], Scenario]:
        """The function below plays it."""

        def keep(scenario: Scenario) -> Scenario:
            self.cases.append(Case(number=number, attack=attack, scenario=scenario, **more))
            return scenario

        return keep

    def waits(self, number: int, attack: str, *, open: str, until: str) -> None:  # noqa: A002 - the table's word
        """Nothing is there yet that could be attacked."""
        self.cases.append(Case(number=number, attack=attack, open=open, until=until))
