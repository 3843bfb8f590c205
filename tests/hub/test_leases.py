"""No budget is ever overdrawn, and every wish is granted once, however often and at once claws ask."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from meshclaw.errors import NotFound, Refused, UserError
from meshclaw.flow.mesh import Leased, Returned, Wanted
from meshclaw.flow.signature import signed_by
from meshclaw.hub import roster
from meshclaw.hub.hub import Hub
from meshclaw.hub.leases import Budget, OverBudget
from meshclaw.hub.roster import Device
from meshclaw.hub.store import tables as t
from meshclaw.hub.store.database import reading, writing
from tests.hub.test_ingest import Claw, code

NOON = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)


def device(hub: Hub, person: str = "kim") -> Device:
    with writing(hub.engine) as connection:
        return roster.enrol(connection, roster.new_code(connection, person), secrets.token_bytes(32))[0]


def wish(least: int = 10, most: int = 100, **more: Any) -> Wanted:
    whole = {
        "key": secrets.token_hex(16),
        "intent": "mail.write",
        "agent": "claw",
        "least": least,
        "most": most,
    }
    return Wanted(**{**whole, **more})


def granted(hub: Hub, period: str = "2026-11-21", unit: str = "sales") -> int:
    g = t.granted.c
    with reading(hub.engine) as connection:
        return connection.execute(select(g.micros).where(g.period == period, g.unit == unit)).scalar() or 0


def micros(leased: Leased) -> int:
    assert leased.lease is not None
    return leased.lease.micros


@pytest.fixture
def kims(hub: Hub) -> Device:
    return device(hub)


def test_a_wish_asked_twice_is_granted_once(hub: Hub, kims: Device) -> None:
    hub.leases.put(Budget(unit="sales", day=10_000))
    once = wish()
    first, again = (hub.leases.lease(kims, once, NOON) for _ in range(2))
    assert first == again
    assert (micros(first), granted(hub)) == (100, 100)
    assert signed_by(hub.key.public, first.signed, bytes.fromhex(first.signature))
    other = hub.leases.lease(device(hub), once, NOON)  # another device's key is another wish
    assert other.lease is not None
    assert first.lease is not None
    assert other.lease.id != first.lease.id


def test_the_rest_goes_back_once(hub: Hub, kims: Device) -> None:
    hub.leases.put(Budget(unit="sales", day=1_000))
    first = hub.leases.lease(kims, wish(), NOON)
    assert first.lease is not None
    back = Returned(id=first.lease.id, used=30)
    for _ in range(3):
        hub.leases.lease(kims, wish(10, 10, back=(back,)), NOON)
    assert granted(hub) == 30 + 3 * 10


def test_a_wish_granted_and_given_back_is_not_granted_again(hub: Hub, kims: Device) -> None:
    hub.leases.put(Budget(unit="sales", day=1_000))
    once = wish()
    first = hub.leases.lease(kims, once, NOON)
    assert first.lease is not None
    hub.leases.lease(kims, wish(back=(Returned(id=first.lease.id, used=0),)), NOON)
    with pytest.raises(Refused, match="given back"):
        hub.leases.lease(kims, once, NOON)


def test_what_another_device_gives_back_is_not_taken(hub: Hub, kims: Device) -> None:
    hub.leases.put(Budget(unit="sales", day=1_000))
    first = hub.leases.lease(kims, wish(), NOON)
    assert first.lease is not None
    hub.leases.lease(device(hub), wish(10, 10, back=(Returned(id=first.lease.id, used=0),)), NOON)
    assert granted(hub) == 110


@pytest.mark.parametrize(
    ("budget", "later", "told"),
    [
        ({"hour": 50}, timedelta(hours=1), "hour"), ({"day": 50}, timedelta(days=1), "day"),
        ({"month": 50}, timedelta(days=30), "month"), ({"day": 50, "intent": "mail.write"}, timedelta(days=1), "day"),
        ({"day": 50, "agent": "claw", "hour": 5_000}, timedelta(days=1), "day"),
    ],
)  # fmt: skip
def test_what_is_used_up_is_refused_until_its_time_is_over(
    hub: Hub, kims: Device, budget: dict[str, Any], later: timedelta, told: str
) -> None:
    hub.leases.put(Budget(unit="sales", **budget))
    hub.leases.lease(kims, wish(50, 50), NOON)
    with pytest.raises(OverBudget, match=f"this {told} is used up"):
        hub.leases.lease(kims, wish(1, 1), NOON)
    assert micros(hub.leases.lease(kims, wish(1, 1), NOON + later)) == 1


def test_what_no_budget_binds_is_free_for_a_while(hub: Hub, kims: Device) -> None:
    hub.leases.put(Budget(unit="law", day=1))
    hub.leases.put(Budget(unit="sales", intent="code.review", day=1))
    free = hub.leases.lease(kims, wish(), NOON)
    assert (free.lease, free.free_until[:16]) == (None, "2026-11-21T12:40")


def test_a_unit_s_budget_binds_the_units_in_it(hub: Hub) -> None:
    with writing(hub.engine) as connection:
        roster.put_unit(connection, "all", "All")
        roster.put_unit(connection, "sales", "Sales", "all")
        roster.put_unit(connection, "law", "Law", "all")
        roster.put_person(connection, "ada", name="Ada", unit="law")
    hub.leases.put(Budget(unit="all", day=100))
    hub.leases.lease(device(hub, "kim"), wish(60, 60), NOON)
    with pytest.raises(OverBudget, match="all"):
        hub.leases.lease(device(hub, "ada"), wish(60, 60), NOON)


def test_it_warns_when_it_is_nearly_gone_and_leaves_others_something(hub: Hub, kims: Device) -> None:
    hub.leases.put(Budget(unit="sales", day=1_000, soft=80))
    first = hub.leases.lease(kims, wish(10, 1_000), NOON)
    assert (micros(first), first.warning) == (100, "")
    assert "nearly used up" in hub.leases.lease(kims, wish(700, 700), NOON).warning


def test_what_is_given_back_is_back_even_where_no_more_is_granted(hub: Hub, kims: Device) -> None:
    hub.leases.put(Budget(unit="sales", day=100))
    first = hub.leases.lease(kims, wish(100, 100), NOON)
    assert first.lease is not None
    with pytest.raises(OverBudget):
        hub.leases.lease(kims, wish(500, 500, back=(Returned(id=first.lease.id, used=40),)), NOON)
    assert granted(hub) == 40


def test_a_unit_of_few_is_not_shown_and_one_of_five_is(hub: Hub, kims: Device) -> None:
    hub.leases.put(Budget(unit="sales", day=1_000))
    hub.leases.lease(kims, wish(), NOON)
    [shown] = hub.leases.standing(NOON)
    assert shown.granted is None
    with writing(hub.engine) as connection:
        for number in range(4):
            roster.put_person(connection, f"p{number}", name="P", unit="sales")
    [shown] = hub.leases.standing(NOON)
    assert shown.granted == {"hour": 0, "day": 100, "month": 0}


def test_a_lease_that_was_given_back_tells_nothing(hub: Hub, kims: Device) -> None:
    hub.leases.put(Budget(unit="sales", day=1_000))
    first = hub.leases.lease(kims, wish(), NOON)
    assert first.lease is not None
    hub.leases.lease(kims, wish(intent="other", back=(Returned(id=first.lease.id, used=77),)), NOON)
    with reading(hub.engine) as connection:
        row = connection.execute(select(t.lease).where(t.lease.c.id == first.lease.id)).one()
    assert (row.micros, row.intent, row.agent, row.unit) == (0, "", "", "")
    hub.leases.lease(kims, wish(), NOON + timedelta(days=2))
    with reading(hub.engine) as connection:
        assert connection.execute(select(t.lease).where(t.lease.c.id == first.lease.id)).first() is None


def test_over_http_it_is_the_device_s_own_and_refusals_say_why(hub: Hub, tmp_path: Path) -> None:
    claw = Claw(hub, tmp_path / "claw")
    assert claw.enrol(code(hub)).status_code == 201
    hub.leases.put(Budget(unit="sales", day=100))
    body = msgspec.json.encode(wish(60, 60))
    assert claw.ask("POST", "/v1/lease", body).status_code == 200
    refused = claw.ask("POST", "/v1/lease", msgspec.json.encode(wish(60, 60)))
    assert (refused.status_code, refused.json()["error"]) == (403, "over_budget")
    assert claw.ask("POST", "/v1/lease", body, "00" * 64).json()["error"] == "refused"
    assert claw.ask("POST", "/v1/lease", msgspec.json.encode(wish(60, 6))).status_code == 400
    assert claw.ask("POST", "/v1/lease", body.replace(b"60", b"-60")).status_code == 400


def test_a_budget_for_no_unit_is_refused(hub: Hub) -> None:
    with pytest.raises(NotFound):
        hub.leases.put(Budget(unit="nowhere", day=1))
    with pytest.raises(UserError):
        hub.leases.lease(device(hub), wish(2, 1), NOON)


# -- never more than there is ------------------------------------------------------------


@pytest.fixture
def four(hub: Hub) -> list[Device]:
    return [device(hub) for _ in range(4)]


def test_many_at_once_never_get_more_than_there_is(hub: Hub, four: list[Device]) -> None:
    hub.leases.put(Budget(unit="sales", day=1_000, hour=777))

    def ask(number: int) -> int:
        once = wish(7, 50)
        got = 0
        for _ in range(2):  # each wish twice, as after a lost answer
            try:
                got = micros(hub.leases.lease(four[number % 4], once, NOON))
            except OverBudget:
                return 0
        return got

    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(ask, range(160)))
    assert 770 < sum(got) == granted(hub, "2026-11-21T12") <= 777


STEPS = st.lists(
    st.tuples(st.sampled_from(["ask", "again", "back"]), st.integers(0, 3), st.integers(1, 60), st.integers(0, 60)),
    max_size=25,
)  # fmt: skip


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_whatever_comes_in_whatever_order_what_is_out_and_used_is_within_the_budget(
    hub: Hub, four: list[Device], steps: list[tuple[str, int, int, int]]
) -> None:
    """The model: leases out count whole, those given back count what was used."""
    with writing(hub.engine) as connection:
        for table in (t.lease, t.granted):
            connection.execute(delete(table))
    hub.leases.put(Budget(unit="sales", day=150))
    out: dict[str, tuple[Device, Wanted, int]] = {}
    used = 0
    for kind, who, least, said in steps:
        mine = [id_ for id_, (one, *_) in out.items() if one is four[who]]
        back = (Returned(id=mine[0], used=min(said, out[mine[0]][2])),) if kind == "back" and mine else ()
        asked = out[mine[0]][1] if kind == "again" and mine else wish(least, least + said, back=back)
        for one in back:
            used += one.used
            del out[one.id]
        try:
            leased = hub.leases.lease(four[who], asked, NOON).lease
        except OverBudget:
            continue
        assert leased is not None
        out[leased.id] = (four[who], asked, leased.micros)
        assert used + sum(one for *_, one in out.values()) == granted(hub) <= 150
