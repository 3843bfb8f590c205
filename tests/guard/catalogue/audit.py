"""Entries 67 to 72: the record, budgets, loops, clocks and the kill switch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec

from meshclaw.flow.action import Action
from meshclaw.flow.units import utc_now
from meshclaw.guard.decide import LAYERS
from meshclaw.guard.exposed import exposed
from meshclaw.guard.layers import stop
from meshclaw.guard.limits import DEFAULT, Limits, RunWindow, Window
from meshclaw.ledger import ledger as ledger_module
from meshclaw.runs.ask import slip_of
from tests.guard.catalogue.case import Chapter
from tests.guard.catalogue.deployment import DEPLOY, RULES, SHOP, at
from tests.guard.catalogue.stage import KIM, PERMIT, Happened, Stage, refused, stopped
from tests.ledger.test_chain import COUNT, fill, tamper

CHAPTER = Chapter("Audit and abuse", [])
TO_KIM = f"Send a mail to {KIM} that we meet on Friday."
TAMPERED = (
    "UPDATE event SET body = replace(body, '\"open\":', '\"open\":7') WHERE seq = 5",
    "DELETE FROM event WHERE seq = 6",
    f"DELETE FROM event WHERE seq > {COUNT - 2}",
    "UPDATE event SET seq = seq + 100 WHERE seq IN (3, 4)",
    f"INSERT INTO event SELECT {COUNT + 1}, 'made-up', kind, run, body, hash FROM event WHERE seq = 2",
)


def limited(span: str, **numbers: int) -> Limits:
    window = RunWindow(**numbers) if span == "run" else Window(**numbers)
    return msgspec.structs.replace(DEFAULT, **{span: window})


@CHAPTER.case(
    67,
    "The record is cut, changed, reordered, or written so that it lies on a screen",
    stopped=("ledger.verify", "exposed"),
    left="A whole state folder that is put back to an older day shows only to somebody with a newer head.",
    see="The machine itself",
)
def record(stage: Stage) -> Iterator[Happened]:
    for number, change in enumerate(TAMPERED):
        home = stage.home / str(number)
        home.mkdir()
        ledger = ledger_module.Ledger(home)
        fill(ledger)
        tamper(ledger.path, change)
        assert not ledger.verify().ok
        ledger.close()
        yield stopped("ledger.verify")
    office = stage.office()
    lie = "mail.x\r\n2026-11-21 allowed \x1b[2J"
    assert office.asked(TO_KIM).tries(lie).rule == "declaration"
    assert not {b"\r", b"\n", b"\x1b"} & {bytes([byte]) for byte in office.bodies()}
    assert "\x1b" not in "".join(exposed(lie))
    yield stopped("exposed")


@CHAPTER.case(68, "Secrets in the record, in questions, in traces", stopped=("sealed",),
              left="The content store on this machine holds what was sent, until it is forgotten.",
              see="The machine itself")  # fmt: skip
def secrets(stage: Stage) -> Iterator[Happened]:
    office = stage.office(level="draft")
    asked = office.asked("Change the token of the pipeline to 'hunter2-4711-blue'.").tries(
        "code.set_token", token="hunter2-4711-blue"
    )
    assert asked.how == "asked"
    shown = slip_of(office.contents, office.approval(asked))
    for kept in (office.bodies(), msgspec.json.encode(shown), repr(asked).encode()):
        assert b"hunter2" not in kept
        yield stopped("sealed")


@CHAPTER.case(69, "More than the budget: by sub-agents, by two claws at once, by negative costs, by the clock",
              stopped=("arguments", "budget.amount", "budget.run.calls", "budget.hour.calls"))  # fmt: skip
def budget(stage: Stage) -> Iterator[Happened]:
    work = stage.office().asked("Pay for the capacity.")
    for sum_ in (-5, math.nan, 1e300):
        yield work.tries("deploy.pay", sum=sum_, provider="x")
    office = stage.office(limits=limited("run", calls=1, children=10, depth=3, identical=9))
    parent = office.asked(TO_KIM)
    assert parent.sends(KIM).how == "allowed"
    yield office.asked(TO_KIM, parent=parent.run.id).sends(KIM, body="Again.")
    hour = limited("hour", calls=2)
    first, second = (stage.office(limits=hour).asked(TO_KIM) for _ in range(2))  # two claws on one ledger
    assert first.sends(KIM, body="One.").how == "allowed"
    yield second.sends(KIM, body="Two.")
    earlier = utc_now() - timedelta(hours=3)
    stage.patch.setattr(ledger_module, "utc_now", lambda: earlier)
    yield second.sends(KIM, body="Three.")


@CHAPTER.case(
    70,
    "Agents that set one another off, or fork",
    stopped=("budget.depth", "budget.children", "budget.identical"),
)
def loops(stage: Stage) -> Iterator[Happened]:
    office = stage.office({"mail.get_unread_emails": []})
    chain = [office.asked(TO_KIM)]
    for _ in range(4):
        chain.append(office.asked(TO_KIM, parent=chain[-1].run.id))
    yield chain[4].tries("mail.get_unread_emails")
    root = office.asked(TO_KIM)
    children = [office.asked(TO_KIM, parent=root.run.id) for _ in range(11)]
    yield children[10].tries("mail.get_unread_emails")
    asks = [root.tries("mail.get_unread_emails") for _ in range(21)]
    yield asks[20]


@CHAPTER.case(71, "Clocks that are set, or jump", stopped=("policy.forbidden", "error.usage"),
              left="The hours that policies speak of are those of this machine; who sets its clock owns it.",
              see="The machine itself")  # fmt: skip
def clocks(stage: Stage) -> Iterator[Happened]:
    at(stage, 2031, 12, 24, 12)
    office = stage.office(policy=PERMIT + RULES)
    yield office.asked(DEPLOY).tries("deploy.roll_out", **SHOP)
    at(stage, 2031, 12, 1, 12)  # back to before the freeze
    assert office.asked(DEPLOY).tries("deploy.roll_out", **SHOP).how == "allowed"
    at(stage, 2032, 3, 1, 12)
    draft = stage.office(level="draft")
    work = draft.asked(TO_KIM)
    asked = work.sends(KIM)
    at(stage, 2032, 3, 3, 12)
    draft.asked(TO_KIM).sends(KIM)  # something is recorded after it ran out
    at(stage, 2032, 3, 1, 13)
    yield refused(lambda: work.allows(asked))


def broken(*_: Any) -> None:
    raise RuntimeError("a bug in a layer")


@CHAPTER.case(72, "The kill switch in the middle of a call, with questions open, and when the guard itself breaks",
              stopped=("stop.person", "guard.error"))  # fmt: skip
def killed(stage: Stage) -> Iterator[Happened]:
    office = stage.office(level="draft")
    work = office.asked(TO_KIM)
    asked = work.sends(KIM)
    stop.put(stage.home, "now")
    yield work.allows(asked)
    assert office.tools["mail"].did == []
    stop.lift(stage.home)
    office = stage.office({"mail.send_email": lambda **_: stop.put(stage.home, "now")})
    work = office.asked(TO_KIM)
    letters = [
        Action(
            run=work.run.id,
            verb="mail.send_email",
            arguments={"recipients": [KIM], "subject": "", "body": text},
        )
        for text in ("One.", "Two.")
    ]
    stands = [result.stand for result in office.door.act(work.run, work.agent, letters)]
    assert (stands, len(office.tools["mail"].did)) == (["done", "denied"], 1)
    stop.lift(stage.home)
    stage.patch.setitem(LAYERS, "budget", broken)
    yield work.sends(KIM, body="Three.")
    assert len(office.tools["mail"].did) == 1
