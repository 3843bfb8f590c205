"""Versions only go up, each signed; canaries first; a stop stops every ring and changes nothing else."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from meshclaw.errors import NotFound, UserError
from meshclaw.flow.limits import Limits, Window
from meshclaw.flow.mesh import Applied, Policy
from meshclaw.flow.signature import signed_by
from meshclaw.flow.units import digest_of
from meshclaw.hub.hub import Hub
from tests.hub.test_ingest import Claw, code

DAY = timedelta(days=1)


@pytest.fixture
def claw(hub: Hub, tmp_path: Path) -> Claw:
    return enrolled(hub, tmp_path / "claw")


def enrolled(hub: Hub, folder: Path) -> Claw:
    claw = Claw(hub, folder)
    assert claw.enrol(code(hub)).status_code == 201
    return claw


def publish(hub: Hub, cedar: str = "one", **more: Any) -> Policy:
    return hub.policies.publish(**{"cedar": cedar, "ring": "all", "lives": DAY, **more})


def given(claw: Claw, have: int = 0, wait: int = 0) -> Policy | None:
    answer = claw.ask("GET", f"/v1/policy?have={have}&wait={wait}")
    assert answer.status_code in (200, 204), answer.text
    return msgspec.json.decode(answer.content, type=Policy) if answer.content else None


def says(claw: Claw, policy: Policy, **more: Any) -> int:
    said = Applied(**{"version": policy.version, "digest": digest_of(policy), **more})
    return claw.ask("POST", "/v1/applied", msgspec.json.encode(said)).status_code


def test_what_is_given_out_is_signed_whole(hub: Hub, claw: Claw) -> None:
    made = publish(hub, limits=Limits(hour=Window(money=5)))
    got = given(claw)
    assert got == made
    assert signed_by(hub.key.public, got.signed, bytes.fromhex(got.signature))
    for change in ({"version": 9}, {"stopped": True}, {"cedar": ""}, {"expires": ""}, {"ring": "canary"}):
        other = msgspec.structs.replace(got, **change)
        assert not signed_by(hub.key.public, other.signed, bytes.fromhex(got.signature))
    assert given(claw, have=made.version) is None


def test_canaries_get_it_first_and_all_by_promotion(hub: Hub, claw: Claw, tmp_path: Path) -> None:
    bird = enrolled(hub, tmp_path / "bird")
    hub.policies.put_in_ring(bird.key.id, "canary")
    old, new = publish(hub, "old"), publish(hub, "new", ring="canary")
    assert (given(claw), given(bird)) == (old, new)
    promoted = hub.policies.promote(new.version)
    assert given(claw) == given(bird) == promoted
    assert (promoted.version > new.version, promoted.cedar, promoted.ring) == (True, "new", "all")
    with pytest.raises(UserError, match="for all already"):
        hub.policies.promote(promoted.version)
    with pytest.raises(NotFound):
        hub.policies.promote(99)
    with pytest.raises(NotFound):
        hub.policies.put_in_ring("f" * 16, "canary")


def test_a_stop_reaches_both_rings_and_leaves_each_its_policy(hub: Hub, claw: Claw, tmp_path: Path) -> None:
    bird = enrolled(hub, tmp_path / "bird")
    hub.policies.put_in_ring(bird.key.id, "canary")
    publish(hub, "old")
    publish(hub, "new", ring="canary")

    def stands() -> list[tuple[str, bool, str]]:
        return [(one.cedar, one.stopped, one.reason) for one in map(given, (claw, bird)) if one]

    hub.policies.stop("a leak")
    assert stands() == [("old", True, "a leak"), ("new", True, "a leak")]
    publish(hub, "newer", ring="canary")
    hub.policies.promote(hub.policies.newest())
    assert stands() == [("newer", True, "a leak")] * 2
    hub.policies.lift()
    assert stands() == [("newer", False, "")] * 2
    with pytest.raises(UserError, match="nothing is stopped"):
        hub.policies.lift()


def test_a_company_without_a_policy_can_be_stopped(hub: Hub, claw: Claw) -> None:
    hub.policies.stop("a leak")
    stopped = given(claw)
    assert stopped is not None
    assert (stopped.stopped, stopped.cedar, stopped.expires) == (True, "", "")


def test_who_waits_hears_of_it_at_once(hub: Hub, claw: Claw) -> None:
    timer = threading.Timer(1.0, lambda: publish(hub))
    timer.start()
    started = time.monotonic()
    assert given(claw, wait=20) is not None
    assert 0.9 < time.monotonic() - started < 5
    timer.join()
    started = time.monotonic()
    assert given(claw, have=hub.policies.newest(), wait=1) is None
    assert time.monotonic() - started < 3


def test_a_device_s_proof_counts_for_the_very_policy(hub: Hub, claw: Claw, tmp_path: Path) -> None:
    other = enrolled(hub, tmp_path / "other")
    made = publish(hub)

    def ring() -> tuple[int, int, int, dict[str, str]]:
        one = hub.policies.status()[1]
        return one.devices, one.in_force, len(one.behind), one.refused

    assert ring() == (2, 0, 2, {})
    assert says(claw, made) == 204
    assert says(other, made, digest="0" * 64) == 204
    assert ring() == (2, 1, 1, {})
    assert says(other, made, problem="line 1: what is that?") == 204
    assert ring() == (2, 1, 1, {other.key.id: "line 1: what is that?"})
    newer = publish(hub, "newer")
    assert says(claw, newer) == says(claw, made) == 204
    assert (ring()[1], hub.policies.status()[1].behind) == (1, (other.key.id,))


@pytest.mark.parametrize(
    "more", [{"version": 0}, {"version": -1}, {"version": 2**40}, {"problem": "x" * 501}]
)
def test_a_proof_of_what_cannot_be_is_refused(hub: Hub, claw: Claw, more: dict[str, Any]) -> None:
    assert says(claw, publish(hub), **more) == 400


@pytest.mark.parametrize("query", ["have=-1", "have=x", "have=1e3", "wait=26", "wait=999999999999999999999"])
def test_a_question_that_is_none_is_told(claw: Claw, query: str) -> None:
    assert claw.ask("GET", f"/v1/policy?{query}").status_code == 400


def test_the_question_itself_is_signed(hub: Hub, claw: Claw) -> None:
    publish(hub)
    signature = claw.key.sign(b"GET /v1/policy\n").hex()
    assert claw.ask("GET", "/v1/policy?have=0", signature=signature).status_code == 403
    assert claw.ask("POST", "/v1/applied", b"{}", "00" * 64).status_code == 403


def test_an_old_copy_of_the_store_gives_out_no_number_twice(hub: Hub, claw: Claw) -> None:
    """A device has a version that this store does not know any more."""
    made = publish(hub)
    assert says(claw, msgspec.structs.replace(made, version=made.version + 7)) == 204
    assert publish(hub).version == made.version + 8


def test_two_who_publish_at_once_get_two_numbers(hub: Hub) -> None:
    made: list[Policy] = []
    threads = [threading.Thread(target=lambda: made.append(publish(hub))) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(one.version for one in made) == list(range(1, 9))
