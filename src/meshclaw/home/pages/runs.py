"""Runs: what the claw did, one piece of work at a time, with live steps; and taking it back."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from meshclaw.errors import MeshClawError
from meshclaw.flow.action import Value, leaves
from meshclaw.flow.conversation import Call, Got
from meshclaw.flow.event.model import ModelAnswered, ModelFailed, RunStuck
from meshclaw.flow.event.run import RunFailed
from meshclaw.home.page import Page, Shown, Visit, Went
from meshclaw.runs.outbox import Item
from meshclaw.runs.run import Told, approvals_of, cancel, tell, tell_last, undone_ids
from meshclaw.runs.talk import Talk, answer_of
from meshclaw.wiring import Claw
from meshclaw.wiring.working import resume_run, undo_run

MOST, MOST_DEEDS, MOST_VALUE = 50, 200, 120


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One run in a list."""

    id: str
    state: str
    started: str
    what: str
    """The person's words, or the intent."""
    agent: str
    subject: str
    done: int
    asked: int
    denied: int
    failed: int


class Called(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a model wanted, and what it was told of it."""

    verb: str
    text: str
    failed: bool


class Step(msgspec.Struct, frozen=True, kw_only=True):
    text: str
    calls: Sequence[Called]
    model: str
    cost_micros: int


class Deed(msgspec.Struct, frozen=True, kw_only=True):
    """One action, the guard's word on it, and its receipt."""

    id: str
    verb: str
    effect: str
    verdict: str
    rule: str
    reason: str
    stand: str
    values: Sequence[tuple[str, str]]
    link: str
    approval: str
    """Id of the approval that it waits for."""
    can_undo: bool
    undone: bool


class One(msgspec.Struct, frozen=True, kw_only=True):
    row: Row
    steps: Sequence[Step]
    deeds: Sequence[Deed]
    more: int
    """Actions that are not shown."""
    answer: str
    streams: bool
    """It says its answer while somebody listens."""
    undoable: int
    notes: Sequence[str]
    """What went wrong, in words."""
    can_resume: bool
    can_cancel: bool


class All(msgspec.Struct, frozen=True, kw_only=True):
    rows: Sequence[Row]
    most: int


def row(told: Told) -> Row:
    run = told.run
    return Row(
        id=run.id, state=told.state, started=told.started, what=run.request.words or run.request.intent,
        agent=run.agent, subject=run.subject, done=told.count("done"), asked=told.count("asked"),
        denied=told.count("denied"), failed=told.count("failed", "unknown", "reserved"),
    )  # fmt: skip


def every(visit: Visit) -> Shown:
    runs = tell_last(visit.claw.ledger, visit.claw.contents, MOST)[::-1]
    return Shown(title="Runs", template="runs.html", context=All(rows=[row(one) for one in runs], most=MOST))


def one(visit: Visit) -> Shown:
    claw = visit.claw
    told = tell(claw.ledger, claw.contents, visit.path["run"])
    ids = list(told.items)
    undone, door = undone_ids(claw.ledger), claw.door()
    waits = {one.external_id: one.id for one in approvals_of(claw.ledger, told.run) if one.state == "open"}
    deeds = [
        _deed(item, door.restore(item.decided).arguments, waits.get(id_, ""), undone=id_ in undone)
        for id_, item in list(told.items.items())[:MOST_DEEDS]
    ]
    heard = visit.house.answer(told.run.id)
    context = One(
        row=row(told), steps=_steps(claw, told), deeds=deeds, more=max(0, len(ids) - MOST_DEEDS),
        answer=answer_of(claw.ledger, claw.contents, told.run.id),
        streams=heard is not None and heard.done is None,
        undoable=0 if told.state == "running" else sum(_can_undo(item, undone) for item in told.items.values()),
        notes=_notes(claw, told), can_resume=told.state == "failed",
        can_cancel=told.state in ("running", "waiting"),
    )  # fmt: skip
    return Shown(title="Run", template="run.html", context=context)


def _can_undo(item: Item, undone: set[str]) -> bool:
    has_undo = item.performed is not None and item.performed.undo is not None
    return has_undo and item.decided.external_id not in undone


def _deed(item: Item, arguments: dict[str, Value], approval: str, *, undone: bool) -> Deed:
    decided, performed = item.decided, item.performed
    return Deed(
        id=decided.external_id, verb=decided.verb, effect=decided.effect, verdict=decided.verdict, rule=decided.rule,
        reason=decided.reason, stand=item.stand, approval=approval, undone=undone,
        values=[(name, _short(value)) for name, value in arguments.items()],
        link=performed.link if performed else "",
        can_undo=performed is not None and performed.undo is not None and not undone,
    )  # fmt: skip


def _short(value: Value) -> str:
    text = ", ".join(str(leaf) for leaf in leaves(value))
    return text if len(text) <= MOST_VALUE else f"{text[:MOST_VALUE]}…"


def _steps(claw: Claw, told: Told) -> list[Step]:
    answered = list(claw.ledger.events(ModelAnswered, run=told.run.id))
    talk = Talk(claw.ledger, claw.contents, told.run)
    taken = [(one.said, one.got) for one in talk.steps]
    if talk.open is not None:
        taken.append((talk.open.said, ()))
    return [
        Step(
            text=said.text, model=booked.model, cost_micros=booked.cost_micros, calls=_called(said.calls, got)
        )
        for (said, got), booked in zip(taken, answered, strict=False)
    ]


def _called(calls: Sequence[Call], got: Sequence[Got]) -> list[Called]:
    told = {one.call: one for one in got}
    return [
        Called(
            verb=call.verb, text=told[call.id].text if call.id in told else "",
            failed=call.id in told and told[call.id].failed,
        )
        for call in calls
    ]  # fmt: skip


STUCK = {
    "same": "it did the same thing several times over",
    "circle": "it went round in a circle",
    "no-progress": "nothing of what it tried was possible",
    "steps": "it took as many steps as one run may take",
}  # fmt: skip


def _notes(claw: Claw, told: Told) -> list[str]:
    notes: list[str] = []
    for event in claw.ledger.events(ModelFailed, RunStuck, RunFailed, run=told.run.id):
        match event:
            case ModelFailed():
                notes.append(f"The model {event.model} did not answer ({event.error}).")
            case RunStuck():
                notes.append(f"It was stopped: {STUCK[event.how]}.")
            case _:
                notes.append(f"It failed ({event.error}).")
    if told.state == "frozen":
        notes.append(
            "It wanted to ask you too much after it read what others can write, so it may only read."
        )
    return notes


def undo(visit: Visit) -> Went:
    """All of the run, or the one action that the form names."""
    claw, only = visit.claw, visit.form.get("action", "")
    told = tell(claw.ledger, claw.contents, visit.path["run"])
    undone = undo_run(claw, told, (lambda item: item.decided.external_id == only) if only else None)
    wrong = [result.error or result.decision for result in undone.results if result.stand != "done"]
    words = f"Taken back: {undone.undone}. Could not be: {undone.failed}."
    if wrong and wrong[0] is not None:
        words += f" {wrong[0] if isinstance(wrong[0], MeshClawError) else wrong[0].reason}"
    return Went(to=f"/runs/{told.run.id}", words=words, failed=bool(undone.failed))


def stop(visit: Visit) -> Went:
    claw = visit.claw
    told = tell(claw.ledger, claw.contents, visit.path["run"])
    count = cancel(claw.ledger, told)
    things = "thing" if count == 1 else "things"
    return Went(to=f"/runs/{told.run.id}", words=f"Cancelled; {count} open {things} will not happen.")


def resume(visit: Visit) -> Went:
    claw = visit.claw
    told = tell(claw.ledger, claw.contents, visit.path["run"])
    resume_run(claw, told)
    return Went(to=f"/runs/{told.run.id}", words="It went on.")


PAGE = Page(
    name="Runs", path="/runs", shows={"/runs": every, "/runs/{run}": one},
    does={"/runs/{run}/undo": undo, "/runs/{run}/cancel": stop, "/runs/{run}/resume": resume},
)  # fmt: skip
