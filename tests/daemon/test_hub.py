"""Facts are told once a day, each claw at a moment of its own; a hub that is gone is asked again soon."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshclaw.daemon import hub as hub_
from meshclaw.daemon.hub import SPREAD, HubFacts, HubPolicies, until_next
from meshclaw.errors import NotReachable, Refused
from meshclaw.flow.mesh import Policy
from meshclaw.mesh import client
from meshclaw.settings import mesh as settings
from meshclaw.settings.mesh import Membership

MINE = Membership(
    url="http://127.0.0.1:9", hub="00" * 32, device="d", name="Example", unit="sales", since="2026-01-01"
)


@given(st.integers(0, 2**31), st.floats(0, 1))
def test_the_next_day_is_told_in_its_first_hours(seconds: int, share: float) -> None:
    at = datetime.fromtimestamp(seconds, UTC)
    told = at + timedelta(seconds=until_next(at, share))
    midnight = datetime(at.year, at.month, at.day, tzinfo=UTC) + timedelta(days=1)
    assert timedelta(0) <= told - midnight + timedelta(seconds=1) <= SPREAD + timedelta(seconds=2)


def test_a_day_is_told_soon_after_the_start_and_then_not_before_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hub_, "SOON_S", 0.01)
    stop, told = threading.Event(), list[int]()
    monkeypatch.setattr(HubFacts, "_tell", lambda _: told.append(1))
    threading.Timer(0.5, stop.set).start()
    HubFacts(MINE).run(stop, lambda: None)
    assert told == [1]


def test_a_hub_that_is_gone_is_asked_again_in_seconds_and_told_after_a_while(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.keep(home, MINE)
    monkeypatch.setattr(hub_, "AGAIN_S", (0.01, 0.02))
    monkeypatch.setattr(hub_, "GIVE_UP_S", 0.3)
    asked: list[int] = []

    def policy(_: object, have: int, wait: int) -> Policy | None:
        asked.append(have)
        raise NotReachable("the hub does not answer.")

    monkeypatch.setattr(client.Client, "policy", policy)
    with pytest.raises(NotReachable):
        HubPolicies(MINE).run(threading.Event(), lambda: None)
    assert len(asked) > 5


def test_a_device_that_is_refused_does_not_ask_again_by_itself(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.keep(home, MINE)

    def policy(*_: object) -> None:
        raise Refused("this device was revoked.")

    monkeypatch.setattr(client.Client, "policy", policy)
    with pytest.raises(Refused):
        HubPolicies(MINE).run(threading.Event(), lambda: None)
