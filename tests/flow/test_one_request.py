"""The whole sentence, in memory: a trigger receives a request; a run proposes an action; the guard gives a decision; a
connector performs it and returns a receipt; the ledger keeps the event; an outcome is matched to it.

Start reading here.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from meshclaw.agents import builtin
from meshclaw.flow.action import Action
from meshclaw.flow.agent import Agent
from meshclaw.flow.event.action import ActionDecided, ActionPerformed
from meshclaw.flow.event.mail import OutcomeObserved
from meshclaw.flow.grant import Rights
from meshclaw.flow.person import Person
from meshclaw.guard import intents
from meshclaw.guard.ceiling import Ceiling
from meshclaw.guard.layers.review import pin
from meshclaw.ledger.ledger import Ledger, kind_of
from meshclaw.outcomes.count import count
from meshclaw.runs import approve, undo
from meshclaw.runs.act import Door
from meshclaw.runs.deciding import Parts
from meshclaw.runs.run import approvals, start, tell, working
from meshclaw.testing.connector import NOTE, POST, FakeConnector
from meshclaw.testing.policies import permit_all
from meshclaw.triggers import terminal


def test_one_request_from_the_terminal_to_its_outcome(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # An agent is a definition: what it is for, and the rights it asks.
    rights = Rights(effects=frozenset({"write", "send"}), verbs=frozenset({"fake.*"}))
    clerk = Agent(
        name="clerk", version="1", purpose="Notes and posts.", owner="us", rights=rights,
        intents=frozenset({"notes.keep"}),
    )  # fmt: skip
    monkeypatch.setitem(builtin.AGENTS, "clerk", clerk)
    monkeypatch.setitem(intents.INTENTS, "notes.keep", rights)
    monkeypatch.setitem(intents.INTENTS, "undo", rights)
    monkeypatch.setattr(undo, "UNDO", msgspec.structs.replace(builtin.UNDO, rights=rights))

    # The claw's parts; the world is a list.
    ledger, world = Ledger(home), FakeConnector()
    contents = ledger.contents
    door = Door(Parts(ledger=ledger, contents=contents, connectors={"fake": world},
        ceiling=Ceiling(rights=rights), policies=permit_all(world.declarations.values()), person=Person(),
        stopped=lambda: None, reviewed={"fake": pin(world.declarations.values())},
    ))  # fmt: skip

    # A trigger receives a request, and a run begins.
    request = terminal.receive("notes.keep")
    run = start(ledger, contents, request=request, agent=clerk, subject="the fake world")
    with working(ledger, run):
        # The run proposes two actions. The guard allows the one that can be taken back and asks about the other.
        noted, posted = door.act(run, clerk, [
            Action(run=run.id, verb=NOTE, arguments={"text": "milk"}),
            Action(run=run.id, verb=POST, arguments={"text": "we need milk", "to": "kim@example.com"}),
        ])  # fmt: skip
    assert (noted.stand, posted.stand) == ("done", "asked")
    assert world.world == ["milk"]

    # The person says yes to exactly that, and only now it leaves the machine.
    [waiting] = approvals(ledger).open()
    result = approve.allow(door, tell(ledger, contents, run.id), waiting, approve.Seen(shown=waiting.shown))
    assert result.stand == "done"
    assert world.world == ["milk", "we need milk"]

    # The ledger kept every fact, in order, without a word of content, and proves it.
    assert [kind_of(type(event)) for event in ledger.events()] == [
        "run.started", "action.decided", "action.decided", "approval.asked", "action.performed", "run.finished",
        "approval.answered", "action.decided", "action.performed", "run.finished",
    ]  # fmt: skip
    assert [event.verdict for event in ledger.events(ActionDecided)] == ["allow", "ask", "allow"]
    assert not any(b"we need milk" in row[0] for row in ledger._db.execute("SELECT body FROM event"))
    assert ledger.verify().ok

    # What can be taken back is taken back through the same door; what left the machine did leave it.
    told = tell(ledger, contents, run.id)
    assert undo.undo(door, told, undo.plan(door, told)).undone == 1
    assert world.world == ["we need milk"]

    # An outcome is matched to the receipt, and counted with its interval.
    [receipt] = [e for e in ledger.events(ActionPerformed) if e.external_id == noted.action.external_id]
    ledger.record(
        OutcomeObserved(
            run=run.id,
            external_id=receipt.external_id,
            message="",
            state="undone",
            category="act",
            evidence="undo",
        )
    )
    [row] = count(ledger.events(OutcomeObserved), pending=[])
    assert (row.category, row.undone.count, row.undone.share) == ("act", 1, 1.0)
    assert 0.2 < row.undone.low < row.undone.high == 1.0  # one case proves little, and says so
    ledger.close()
