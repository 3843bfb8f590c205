"""What the hub laid down binds the claw: by its signature alone, never an older one, and it only narrows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshclaw.errors import Damaged, UserError
from meshclaw.flow.limits import Limits, RunWindow, Window
from meshclaw.flow.mesh import Policy
from meshclaw.flow.units import digest_of
from meshclaw.guard.layers import stop
from meshclaw.guard.policy.policies import from_texts
from meshclaw.ledger.device import Device as Key
from meshclaw.mesh import following
from meshclaw.settings import mesh as settings
from meshclaw.settings.mesh import Membership
from meshclaw.wiring.claw import SHIPPED, Claw

NOW = datetime.now(UTC)
ALL = "permit (principal, action, resource);"
FORBID = f'@id("freeze") forbid (principal, action == Action::"mail.move", resource); {ALL}'


class Company:
    """A hub's key, and the claw that pinned it."""

    def __init__(self, home: Path) -> None:
        (home / "hub").mkdir()
        self.home, self.key = home, Key(home / "hub")
        settings.keep(
            home,
            Membership(
                url="https://mesh.example.com", hub=self.key.public.hex(), device="d", name="Example", unit="sales",
                since="2026-01-01",
            ),
        )  # fmt: skip

    def policy(self, version: int = 1, **more: Any) -> Policy:
        expires = (NOW + timedelta(days=1)).isoformat()
        made = Policy(**{"version": version, "issued": NOW.isoformat(), "expires": expires, **more})
        return msgspec.structs.replace(made, signature=self.key.sign(made.signed).hex())

    def take(self, version: int = 1, **more: Any) -> following.Kept:
        return following.take(self.home, self.policy(version, **more), check)


def check(text: str) -> None:
    from_texts([one for several in SHIPPED.values() for one in several.values()], mesh=text)


@pytest.fixture
def company(home: Path) -> Company:
    return Company(home)


def word(home: Path, verb: str, **more: Any) -> str:
    """What all policies of the claw say together."""
    from meshclaw.guard.policy.case import Case

    case = {
        "verb": verb, "agent": "mail-clerk", "version": "1", "owner": "meshclaw", "intent": "mail.write",
        "person": "ada", "trust": "person", "level": "draft", "hour": 12, **more,
    }  # fmt: skip
    return Claw(home).policies.decide(msgspec.convert(case, Case)).verdict


def test_its_policy_and_its_limits_are_one_more_layer(company: Company, home: Path) -> None:
    assert word(home, "mail.move") == "allow"
    company.take(cedar=FORBID, limits=Limits(hour=Window(reads=7)))
    assert word(home, "mail.move") == "deny"
    assert word(home, "mail.label") == "allow"
    assert Claw(home).limits.hour.reads == 7


def test_a_mesh_that_permits_all_widens_nothing(company: Company, home: Path) -> None:
    (home / "policy.cedar").write_text('permit (principal, action == Action::"mail.label", resource);')
    (home / "limits.toml").write_text("[limits.hour]\nreads = 3\n")
    company.take(cedar=ALL, limits=Limits(hour=Window(reads=1_000_000)))
    assert word(home, "mail.move") == "deny"
    assert Claw(home).limits.hour.reads == 3


def test_an_older_one_played_again_changes_nothing(company: Company, home: Path) -> None:
    company.take(2, cedar=FORBID, stopped=True, reason="a leak")
    for version in (1, 2):
        company.take(version)
    assert word(home, "mail.move") == "deny"
    found = stop.read(home)
    assert found is not None
    assert (found.by, found.reason) == ("fleet", "a leak")
    company.take(3)
    assert stop.read(home) is None
    assert word(home, "mail.move") == "allow"


@given(st.lists(st.integers(1, 30), max_size=20))
def test_the_version_only_goes_up(tmp_path_factory: pytest.TempPathFactory, versions: list[int]) -> None:
    company = Company(tmp_path_factory.mktemp("claw"))
    seen = [company.take(version).version for version in versions]
    assert seen == [max(versions[: place + 1]) for place in range(len(versions))]


def test_expired_nothing_leaves_the_machine(company: Company, home: Path) -> None:
    company.take(expires=(NOW - timedelta(minutes=1)).isoformat())
    assert word(home, "mail.move") == "allow"
    assert word(home, "mail.move", external=True) == "deny"
    assert word(home, "mail.send") == "deny"
    assert Claw(home).limits.run.inference == 0
    company.take(2)
    assert Claw(home).limits.run.inference > 0


def test_one_that_is_not_understood_leaves_the_last_one_in_force_but_its_stop_counts(
    company: Company, home: Path
) -> None:
    company.take(1, cedar=FORBID)
    kept = company.take(2, cedar="permit nonsense;", stopped=True)
    assert (kept.version, word(home, "mail.move")) == (2, "deny")
    assert stop.read(home) is not None
    told = following.proof(kept)
    assert told is not None
    assert (told.version, told.problem != "") == (2, True)


def test_the_proof_names_what_is_in_force_once(company: Company, home: Path) -> None:
    kept = company.take(4, limits=Limits(run=RunWindow(calls=1)))
    told = following.proof(kept)
    assert told is not None
    assert (told.version, told.digest, told.problem) == (
        4,
        digest_of(company.policy(4, limits=Limits(run=RunWindow(calls=1)))),
        "",
    )
    assert following.proof(following.keep(home, msgspec.structs.replace(kept, told=4))) is None


@pytest.mark.parametrize("change", [(b'"version":1', b'"version":2'), (b"permit", b"forbid"), (b"{", b"[")])
def test_what_lies_there_is_believed_by_its_signature_alone(
    company: Company, home: Path, change: tuple[bytes, bytes]
) -> None:
    company.take(cedar=ALL)
    path = home / following.FILE
    path.write_bytes(path.read_bytes().replace(*change))
    with pytest.raises(Damaged, match="cannot be believed"):
        _ = Claw(home).policies


def test_a_stop_taken_away_by_hand_stands_again_and_one_left_over_goes(company: Company, home: Path) -> None:
    company.take(1, stopped=True)
    (home / stop.OF_HUB).unlink()
    following.stand(home)
    assert stop.read(home) is not None
    company.take(2)
    stop.put(home, "", stop.OF_HUB)
    following.stand(home)
    assert stop.read(home) is None


def test_the_person_cannot_lift_it(company: Company, home: Path) -> None:
    company.take(stopped=True, reason="a leak")
    with pytest.raises(UserError, match="a leak") as refused:
        stop.lift(home)
    assert "hub stop --lift" in refused.value.fix
    assert stop.refusal(stop.read(home)).rule == "stop.fleet"  # type: ignore[arg-type]
