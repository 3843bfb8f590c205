"""Facts come in once, in their order, from devices that may send, and what was acknowledged is there."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from meshclaw.flow.fact import Fact
from meshclaw.flow.mesh import DEVICE, SIGNATURE, Ack, Batch, Enrol, Enrolled
from meshclaw.flow.signature import signed_by
from meshclaw.flow.units import canonical
from meshclaw.hub import roster
from meshclaw.hub.app import app
from meshclaw.hub.hub import Hub
from meshclaw.hub.ingest import check
from meshclaw.hub.store import tables as t
from meshclaw.hub.store.database import reading, writing
from meshclaw.ledger.device import Device as Key

starlette = pytest.importorskip("starlette.testclient")
TODAY = datetime.now(UTC).date().isoformat()


def fact(**more: Any) -> Fact:
    return Fact(**{"id": secrets.token_hex(16), "kind": "worked", "who": "a" * 32, "day": TODAY, **more})


class Claw:
    """A device that talks to the hub in process."""

    def __init__(self, hub: Hub, folder: Path) -> None:
        folder.mkdir()
        self.key = Key(folder)
        self._client = starlette.TestClient(app(hub))
        self.seq, self.hash = 0, roster.GENESIS

    def enrol(self, code: str) -> Any:
        body = msgspec.json.encode(Enrol(code=code, public=self.key.public.hex()))
        return self._client.post("/v1/enrol", content=body)

    def send(self, *facts: Fact, signature: str | None = None, **more: Any) -> Any:
        batch = Batch(**{"first": self.seq + 1, "previous": self.hash, "facts": facts, **more})
        return self.post(msgspec.json.encode(batch), signature)

    def ask(self, method: str, path: str, body: bytes = b"", signature: str | None = None) -> Any:
        signature = signature or self.key.sign(f"{method} {path}\n".encode() + body).hex()
        headers = {DEVICE: self.key.id, SIGNATURE: signature}
        return self._client.request(method, path, content=body, headers=headers)

    def post(self, body: bytes, signature: str | None = None) -> Any:
        answer = self.ask("POST", "/v1/facts", body, signature)
        if answer.status_code == 200:
            ack = msgspec.json.decode(answer.content, type=Ack)
            self.seq, self.hash = ack.seq, ack.hash
        return answer


@pytest.fixture
def claw(hub: Hub, tmp_path: Path) -> Claw:
    claw = Claw(hub, tmp_path / "claw")
    assert claw.enrol(code(hub)).status_code == 201
    return claw


def code(hub: Hub, person: str = "kim") -> str:
    with writing(hub.engine) as connection:
        return roster.new_code(connection, person)


def stored(hub: Hub) -> list[tuple[str, str, Fact]]:
    """Quarter, unit and fact, in the journal's order."""
    with reading(hub.engine) as connection:
        rows = connection.execute(select(t.journal).order_by(t.journal.c.number)).all()
    return [
        (row.quarter, row.unit, one) for row in rows for one in msgspec.json.decode(row.body, type=list[Fact])
    ]


def test_facts_are_acknowledged_by_the_hub_s_own_key(hub: Hub, claw: Claw) -> None:
    facts = [fact(count=number) for number in (1, 2, 3)]
    answer = claw.send(*facts, ledger_seq=7, ledger_hash="b" * 64)
    ack = msgspec.json.decode(answer.content, type=Ack)
    assert (ack.seq, ack.ledger_seq, ack.ledger_hash) == (3, 7, "b" * 64)
    unsigned = canonical(msgspec.structs.replace(ack, signature=""))
    assert signed_by(hub.key.public, unsigned, bytes.fromhex(ack.signature))
    assert [one for *_, one in stored(hub)] == facts
    assert claw.send(fact()).status_code == 200


def test_the_same_batch_twice_is_the_same_answer_and_stored_once(hub: Hub, claw: Claw) -> None:
    first = claw.send(fact(), fact())
    again = claw.post(first.request.content)
    assert (again.status_code, again.json()["seq"], again.json()["hash"]) == (200, 2, first.json()["hash"])
    assert len(stored(hub)) == 2


@pytest.mark.parametrize("more", [{"first": 5}, {"previous": "c" * 64}, {"first": 1, "previous": "c" * 64}])
def test_what_does_not_continue_the_journal_is_told_where_it_ends(
    hub: Hub, claw: Claw, more: dict[str, Any]
) -> None:
    claw.send(fact())
    answer = claw.send(fact(), fact(), **more)
    assert (answer.status_code, answer.json()["error"]) == (409, "gap")
    assert answer.json()["position"] == {"seq": claw.seq, "hash": claw.hash}
    assert len(stored(hub)) == 1


def test_a_stranger_s_signature_and_an_unknown_device_are_refused(
    hub: Hub, claw: Claw, tmp_path: Path
) -> None:
    other = Claw(hub, tmp_path / "other")
    assert other.send(fact()).status_code == 403
    assert claw.send(fact(), signature="00" * 64).status_code == 403
    assert claw.send(fact(), signature="no hex").status_code == 403
    assert stored(hub) == []


def test_a_leaver_s_device_is_refused_at_once(hub: Hub, claw: Claw) -> None:
    assert claw.send(fact()).status_code == 200
    with writing(hub.engine) as connection:
        roster.put_person(connection, "kim", name="Kim", unit="sales", active=False)
    assert claw.send(fact()).status_code == 403
    assert len(stored(hub)) == 1


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"day": "2020-01-01"}, "too long ago"), ({"day": "2026-02-30"}, "no day"), ({"day": "soon"}, "facts[1].day"),
        ({"count": -1}, "facts[1].count"), ({"cost_micros": 2**54}, "facts[1].cost_micros"),
        ({"who": "kim@example.com"}, "facts[1].who"), ({"agent": "x" * 101}, "facts[1].agent"),
        ({"agent": "two words"}, "facts[1].agent"), ({"model": "a\n"}, "facts[1].model"),
    ],
)  # fmt: skip
def test_a_fact_that_is_none_is_named(hub: Hub, claw: Claw, more: dict[str, Any], told: str) -> None:
    answer = claw.send(fact(), fact(**more))
    assert (answer.status_code, told in answer.json()["message"]) == (400, True)
    assert stored(hub) == []


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"first": 1}', b'{"first": 1, "previous": "zz", "facts": []}']
)
def test_a_body_that_is_none_is_told(claw: Claw, body: bytes) -> None:
    assert claw.post(body).status_code == 400


def test_a_body_without_end_is_cut_off(claw: Claw) -> None:
    assert claw.post(b" " * (2 << 20)).status_code == 413


def test_a_code_is_good_for_one_device(hub: Hub, tmp_path: Path) -> None:
    once = code(hub)
    first, second = Claw(hub, tmp_path / "one"), Claw(hub, tmp_path / "two")
    answer = first.enrol(once.lower())
    enrolled = msgspec.json.decode(answer.content, type=Enrolled)
    assert enrolled == Enrolled(device=first.key.id, hub=hub.key.public.hex(), name="Example", unit="sales")
    assert second.enrol(once).status_code == 403
    assert second.enrol("AAAA-BBBB-CCCC-DDDD").status_code == 403
    assert first.enrol(code(hub)).status_code == 403


def test_a_person_counts_for_the_quarter_where_they_were_when_it_began(hub: Hub, claw: Claw) -> None:
    claw.send(fact())
    with writing(hub.engine) as connection:
        roster.put_person(connection, "kim", name="Kim", unit="law")
    claw.send(fact())
    assert [unit for _, unit, _ in stored(hub)] == ["sales", "sales"]


def test_no_table_holds_a_device_or_a_person_beside_a_pseudonym(hub: Hub, claw: Claw) -> None:
    claw.send(fact(who="d" * 32))
    with reading(hub.engine) as connection:
        for table in t.METADATA.sorted_tables:
            for row in connection.execute(select(table)).all():
                text = repr(tuple(row))
                assert not ("d" * 32 in text and (claw.key.id in text or "kim" in text)), table.name


def test_the_chain_is_over_the_facts_canonical_bytes() -> None:
    one, other = fact(), fact()
    both = Batch(first=1, previous=roster.GENESIS, facts=(one, other))
    alone = check(Batch(first=1, previous=roster.GENESIS, facts=(one,)))
    assert check(both) == check(Batch(first=2, previous=alone, facts=(other,)))
