"""A lease is one more limit on what models cost: held before the call, and without money or hub no call is made."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from meshclaw.errors import NotReachable, Refused
from meshclaw.flow.mesh import Leased, Wanted
from meshclaw.hub import roster
from meshclaw.hub.hub import Hub
from meshclaw.hub.leases import Budget
from meshclaw.hub.roster import Device
from meshclaw.hub.store import tables as t
from meshclaw.hub.store.database import reading, writing
from meshclaw.mesh.leasing import Purse

WHO = ("mail.write", "claw@1")


class Asked:
    """Stands for the wire: the hub itself, in process; it can be cut off, or lose an answer."""

    def __init__(self, hub: Hub, device: Device) -> None:
        self._hub, self._device = hub, device
        self.gone = False
        self.loses = 0
        self.wishes: list[Wanted] = []
        self.now = datetime.now(UTC)

    def lease(self, wanted: Wanted) -> Leased:
        if self.gone:
            raise NotReachable("the hub does not answer")
        self.wishes.append(wanted)
        leased = self._hub.leases.lease(self._device, wanted, self.now)
        if self.loses:
            self.loses -= 1
            raise NotReachable("it broke off")
        return leased


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with Hub.make(tmp_path / "hub", "Example") as hub:
        with writing(hub.engine) as connection:
            roster.put_unit(connection, "sales", "Sales")
            roster.put_person(connection, "kim", name="Kim", unit="sales")
        yield hub


@pytest.fixture
def asked(hub: Hub) -> Asked:
    with writing(hub.engine) as connection:
        device, _ = roster.enrol(connection, roster.new_code(connection, "kim"), bytes(32))
    return Asked(hub, device)


def purse(asked: Asked, folder: Path, **more: Any) -> Purse:
    whole = {"goes_on": False, "shared": frozenset({"claw"}), "warn": lambda _: None, **more}
    return Purse(folder, lambda: asked, lambda: asked.now, **whole)  # type: ignore[arg-type]


def gone(hub: Hub) -> int:
    """Of the day's budget, leased or used."""
    with reading(hub.engine) as connection:
        rows = connection.execute(t.granted.select()).all()
    return sum(row.micros for row in rows if len(row.period) == 10)


def test_one_lease_serves_many_calls_and_the_rest_goes_back(hub: Hub, asked: Asked, tmp_path: Path) -> None:
    hub.leases.put(Budget(unit="sales", day=100_000_000))
    mine = purse(asked, tmp_path)
    for _ in range(5):
        mine.settle(mine.take(*WHO, 100_000), 100_000, 20_000)
    assert len(asked.wishes) == 1
    asked.now += timedelta(hours=5)
    mine.take(*WHO, 100_000)
    assert [one.used for one in asked.wishes[1].back] == [100_000]
    assert gone(hub) == 100_000 + 1_000_000


def test_a_lost_answer_costs_nothing(hub: Hub, asked: Asked, tmp_path: Path) -> None:
    hub.leases.put(Budget(unit="sales", day=100_000_000))
    mine = purse(asked, tmp_path, goes_on=True)
    asked.loses = 3
    assert [mine.take(*WHO, 10) for _ in range(3)] == ["", "", ""]
    assert mine.take(*WHO, 10) != ""
    assert len({one.key for one in asked.wishes}) == 1
    assert gone(hub) == 1_000_000


def test_without_the_hub_the_lease_is_used_up_and_then_nothing_goes(
    hub: Hub, asked: Asked, tmp_path: Path
) -> None:
    hub.leases.put(Budget(unit="sales", day=10_000_000))
    mine = purse(asked, tmp_path)
    mine.take(*WHO, 600_000)
    asked.gone = True
    mine.take(*WHO, 400_000)
    with pytest.raises(Refused, match="does not answer"):
        mine.take(*WHO, 1)
    assert purse(asked, tmp_path, goes_on=True).take(*WHO, 1) == ""


def test_what_no_budget_binds_goes_on_without_the_hub(hub: Hub, asked: Asked, tmp_path: Path) -> None:
    hub.leases.put(Budget(unit="sales", intent="code.review", day=10_000_000))
    mine = purse(asked, tmp_path)
    assert mine.take(*WHO, 600_000) == ""
    mine.take("code.review", "claw@1", 1)
    assert len(asked.wishes) == 2
    assert mine.take(*WHO, 600_000) == ""
    assert len(asked.wishes) == 2
    asked.gone, asked.now = True, asked.now + timedelta(hours=5)
    assert mine.take(*WHO, 600_000) == ""
    with pytest.raises(Refused):
        mine.take("code.review", "claw@1", 1)
    with pytest.raises(Refused):
        mine.take("another", "claw@1", 1)


def test_nothing_left_is_told_in_the_hub_s_words(hub: Hub, asked: Asked, tmp_path: Path) -> None:
    hub.leases.put(Budget(unit="sales", day=500))
    mine = purse(asked, tmp_path)
    with pytest.raises(Refused, match="this day is used up"):
        mine.take(*WHO, 600)
    mine.take(*WHO, 500)


def test_an_agent_of_the_person_s_own_has_no_name_at_the_hub(hub: Hub, asked: Asked, tmp_path: Path) -> None:
    purse(asked, tmp_path).take("ask", "kims-secret-project@2+abc", 1)
    assert asked.wishes[0].agent == "own"


def test_runs_side_by_side_hold_no_more_than_was_leased(hub: Hub, asked: Asked, tmp_path: Path) -> None:
    hub.leases.put(Budget(unit="sales", day=3_000_000))
    purses = [purse(asked, tmp_path) for _ in range(4)]
    warned: list[str] = []

    def call(number: int) -> int:
        try:
            lease = purses[number % 4].take(*WHO, 50_000)
        except Refused as error:
            warned.append(error.message)
            return 0
        purses[number % 4].settle(lease, 50_000, 50_000)
        return 50_000

    with ThreadPoolExecutor(8) as pool:
        used = sum(pool.map(call, range(120)))
    assert used <= 3_000_000
    assert used >= 2_500_000, warned[:3]
    assert gone(hub) >= used
