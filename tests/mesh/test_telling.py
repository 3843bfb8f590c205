"""From a claw's ledger to the hub and back: every day once, nothing of a person's words, and proofs of the past."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from meshclaw.errors import Damaged, Garbled, NotReachable, Refused
from meshclaw.flow.event.action import ActionDecided
from meshclaw.flow.event.approval import ApprovalAnswered, ApprovalPlanted
from meshclaw.flow.event.base import Event
from meshclaw.flow.event.run import RunFinished
from meshclaw.hub import roster
from meshclaw.hub.hub import Hub
from meshclaw.hub.store.database import writing
from meshclaw.ledger.ledger import Ledger
from meshclaw.mesh.client import Client
from meshclaw.mesh.journal import Journal
from meshclaw.mesh.sums import facts, of_events, pseudonym
from meshclaw.mesh.telling import collect, push
from meshclaw.settings.mesh import Membership
from tests.hub.test_ingest import stored

uvicorn = pytest.importorskip("uvicorn")
KEY = bytes(range(32))
DAY = datetime.now(UTC).date()


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with Hub.make(tmp_path / "hub", "Example") as hub:
        with writing(hub.engine) as connection:
            roster.put_unit(connection, "sales", "Sales")
            roster.put_person(connection, "kim", name="Kim", unit="sales")
        yield hub


@pytest.fixture
def url(hub: Hub) -> Iterator[str]:
    from meshclaw.hub.app import app

    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app(hub), log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join()
    listening.close()


class Told:
    """A claw with its ledger and journal."""

    def __init__(self, hub: Hub, url: str, folder: Path) -> None:
        folder.mkdir()
        self.ledger, self.journal = Ledger(folder), Journal(folder)
        with writing(hub.engine) as connection:
            code = roster.new_code(connection, "kim")
        enrolled = Client(url, self.ledger.device).enrol(code)
        self.client = Client(url, self.ledger.device, bytes.fromhex(enrolled.hub))
        self.membership = Membership(
            url=url, hub=enrolled.hub, device=enrolled.device, name=enrolled.name, unit=enrolled.unit,
            since=DAY.isoformat(),
        )  # fmt: skip

    def work(self, runs: int = 1) -> None:
        event = RunFinished(intent="mail.triage", agent="mail-triage@1", done=1, asked=0, denied=0, failed=0)
        self.ledger.record(*[event] * runs)

    def collect(self, today: date) -> int:
        return collect(
            self.journal, self.ledger, None, membership=self.membership, person_key=KEY,
            shared=frozenset({"mail-triage"}), today=today,
        )  # fmt: skip

    def push(self) -> int:
        return push(self.journal, self.client, self.ledger, sleep=lambda _: None)

    def close(self) -> None:
        self.ledger.close()
        self.journal.close()


@pytest.fixture
def claw(hub: Hub, url: str, tmp_path: Path) -> Iterator[Told]:
    claw = Told(hub, url, tmp_path / "claw")
    yield claw
    claw.close()


TOMORROW = DAY + timedelta(days=1)


def test_a_day_is_told_when_it_is_over_and_once(hub: Hub, claw: Told) -> None:
    claw.work(3)
    assert claw.collect(DAY) == 0
    assert claw.collect(TOMORROW) == 1
    assert claw.collect(TOMORROW) == 0
    assert claw.push() == 1
    assert claw.push() == 0
    [(quarter, unit, fact)] = stored(hub)
    assert (unit, fact.count, fact.agent, fact.outcome) == ("sales", 3, "mail-triage", "done")
    assert fact.who == pseudonym(KEY, DAY)
    assert quarter.startswith(str(DAY.year))


def test_the_hub_vouches_for_the_ledger_s_end(claw: Told) -> None:
    claw.work()
    claw.collect(TOMORROW)
    claw.push()
    [ack] = claw.journal.acks()
    head = claw.ledger.sign_head()
    assert head is not None
    assert (ack.ledger_seq, ack.ledger_hash) == (head.seq, head.hash)


def test_a_hub_restored_from_an_old_backup_gets_again_what_it_lost(
    hub: Hub, claw: Told, tmp_path: Path
) -> None:
    from meshclaw.hub.copying import copy, put_back

    claw.work()
    claw.collect(TOMORROW)
    claw.push()
    copy(hub, tmp_path / "copy.db")
    claw.work()
    claw.collect(TOMORROW)
    claw.push()
    put_back(hub, tmp_path / "copy.db")
    assert len(stored(hub)) == 1
    claw.work()
    claw.collect(TOMORROW)
    assert claw.push() == 2
    assert [fact.count for *_, fact in stored(hub)] == [1, 1, 1]
    assert len({fact.id for *_, fact in stored(hub)}) == 3


def test_facts_under_our_name_that_we_never_told_stop_everything(hub: Hub, claw: Told) -> None:
    claw.work()
    claw.collect(TOMORROW)
    with writing(hub.engine) as connection:
        connection.exec_driver_sql("UPDATE device SET seq = 1, hash = 'ab'")
    with pytest.raises(Damaged, match="never told"):
        claw.push()


def test_an_answer_that_another_hub_signed_is_not_believed(claw: Told) -> None:
    claw.work()
    claw.collect(TOMORROW)
    claw.client = Client(claw.membership.url, claw.ledger.device, bytes(32))
    with pytest.raises(Garbled, match="not the hub"):
        claw.push()
    assert claw.journal.acks() == []


def test_a_revoked_device_is_told_so_and_keeps_its_facts(hub: Hub, claw: Told) -> None:
    with writing(hub.engine) as connection:
        roster.revoke(connection, person="kim")
    claw.work()
    claw.collect(TOMORROW)
    with pytest.raises(Refused):
        claw.push()
    assert claw.journal.length == 1


def test_a_hub_that_is_gone_is_told_so(claw: Told) -> None:
    claw.work()
    claw.collect(TOMORROW)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        claw.client = Client(f"http://127.0.0.1:{nobody.getsockname()[1]}", claw.ledger.device, bytes(32))
        with pytest.raises(NotReachable):
            claw.push()


# -- what a day comes to -----------------------------------------------------------------


def made(*events: Event) -> list[dict[str, object]]:
    stamped = [msgspec.structs.replace(one, ts=f"{DAY}T10:00:00Z") for one in events]
    kept = facts(of_events(stamped, frozenset({"mail-triage"})), KEY)
    return [
        {k: v for k, v in msgspec.to_builtins(one).items() if k not in ("id", "who", "day")} for one in kept
    ]


def decided(**more: object) -> ActionDecided:
    whole = {
        "external_id": "e" * 32, "verb": "mail.send", "effect": "send", "digest": "d" * 64, "arguments": {},
        "sealed": {}, "undoes": "", "verdict": "ask", "rule": "autonomy", "intent": "ask",
        "agent": "kims-secret-project@2+abc", "reason": "Ada's salary", **more,
    }  # fmt: skip
    return msgspec.convert(whole, ActionDecided)


def test_alike_decisions_are_one_fact_and_a_person_s_own_agent_has_no_name() -> None:
    assert made(decided(), decided(reason="other")) == [
        {
            "kind": "decided",
            "count": 2,
            "intent": "ask",
            "agent": "own",
            "effect": "send",
            "verdict": "ask",
            "rule": "autonomy",
        }
    ]


def test_hasty_answers_are_counted_and_canaries_are_not_told() -> None:
    answers = [
        ApprovalAnswered(approval="a", answer="allowed", after_ms=9, read_ms=500),
        ApprovalAnswered(approval="b", answer="allowed", after_ms=9, read_ms=5_000),
        ApprovalAnswered(approval="c", answer="allowed", after_ms=9, read_ms=100),
    ]
    assert made(ApprovalPlanted(approval="c"), *answers) == [
        {"kind": "answered", "count": 2, "verdict": "allowed", "hasty": 1}
    ]


def test_the_pseudonym_changes_with_the_quarter_and_tells_nothing_without_the_key() -> None:
    one, same, next_ = (
        pseudonym(KEY, day) for day in (date(2026, 1, 1), date(2026, 3, 31), date(2026, 4, 1))
    )
    assert one == same != next_
    assert pseudonym(bytes(32), date(2026, 1, 1)) != one


def test_a_hundred_days_without_the_hub_are_told_in_batches(
    claw: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("meshclaw.mesh.telling.MOST_FACTS", 7)
    for number in range(30):
        claw.ledger.record(decided(rule=f"rule{number}"))
    claw.collect(TOMORROW)
    started = time.monotonic()
    assert claw.push() == 30
    assert len(claw.journal.acks()) == 5
    assert time.monotonic() - started < 60
