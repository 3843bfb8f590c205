"""What a policy is asked about: one verb, by whom, on what, in which circumstances."""

from __future__ import annotations

import msgspec

from meshclaw.flow.autonomy import Level
from meshclaw.flow.declaration import Secrecy
from meshclaw.flow.request import Trigger, Trust


class Case(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Equal cases have equal answers, so an answer is worked out once in a process."""

    verb: str
    person: str = ""
    """Login name on this machine."""
    unit: str = ""
    agent: str = ""
    """Name, without its version."""
    version: str = "1"
    owner: str = ""
    run: str = ""
    external: bool = False
    domains: tuple[str, ...] = ()
    sensitivity: Secrecy = "open"
    environments: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    intent: str = ""
    trigger: Trigger = "terminal"
    trust: Trust = "person"
    level: Level = "draft"
    tainted: bool = False
    reversible: bool = True
    amount: int | None = None
    """Micro-dollars; None where nothing is spent."""
    budget_left: int | None = None
    hour: int = 12
    weekday: int = 3
    """1 is Monday."""
    month: int = 6
    day: int = 15

    @property
    def who(self) -> tuple[str, ...]:
        """The principals' part."""
        return self.person, self.unit, self.agent, self.version, self.owner, self.run

    @property
    def what(self) -> tuple[object, ...]:
        """The target's part."""
        return (
            self.verb.partition(".")[0], self.external, self.domains, self.sensitivity, self.environments,
            self.units,
        )  # fmt: skip

    def request(self) -> dict[str, object]:
        """As Cedar takes it."""
        return {
            "principal": {"type": "Run", "id": self.run},
            "action": {"type": "Action", "id": self.verb},
            "resource": {"type": "Target", "id": self.verb.partition(".")[0]},
            "context": msgspec.json.encode(self._circumstances()).decode(),
        }

    def _circumstances(self) -> dict[str, object]:
        money = {"amount": self.amount, "budget_left": self.budget_left}
        return {
            "intent": self.intent, "trigger": self.trigger, "trust": self.trust, "level": self.level,
            "tainted": self.tainted, "reversible": self.reversible, "hour": self.hour, "weekday": self.weekday,
            "month": self.month, "day": self.day, **{name: sum_ for name, sum_ in money.items() if sum_ is not None},
        }  # fmt: skip

    def principals(self) -> list[dict[str, object]]:
        """The run, in its agent, in its person."""
        person, agent = ("Person", self.person), ("Agent", self.agent)
        return [
            _entity(*person, {"unit": self.unit} if self.unit else {}),
            _entity(*agent, {"version": self.version, "owner": self.owner}, person),
            _entity("Run", self.run, {}, agent),
        ]

    def target(self) -> dict[str, object]:
        return _entity(
            "Target",
            self.verb.partition(".")[0],
            {
                "external": self.external, "domains": list(self.domains), "sensitivity": self.sensitivity,
                "environments": list(self.environments), "units": list(self.units),
            },
        )  # fmt: skip

    def differing(self, other: Case) -> dict[str, object]:
        """The fields in which this one is not like ``other``."""
        mine, theirs = msgspec.structs.asdict(self), msgspec.structs.asdict(other)
        return {name: value for name, value in mine.items() if value != theirs[name]}


def _entity(
    type_: str, id_: str, attributes: dict[str, object], *parents: tuple[str, str]
) -> dict[str, object]:
    return {
        "uid": {"type": type_, "id": id_},
        "attrs": attributes,
        "parents": [{"type": kind, "id": name} for kind, name in parents],
    }
