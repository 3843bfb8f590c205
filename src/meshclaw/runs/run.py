"""The life of a run: started, then finished, failed, cancelled or stopped in the middle; all of it facts."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager

import msgspec

from meshclaw.errors import MeshClawError, NotFound, UserError
from meshclaw.flow.agent import Agent
from meshclaw.flow.event.action import ActionDecided
from meshclaw.flow.event.approval import ApprovalAnswered, ApprovalAsked
from meshclaw.flow.event.base import Event
from meshclaw.flow.event.run import RunCancelled, RunFailed, RunFinished, RunResumed, RunStarted
from meshclaw.flow.request import Request
from meshclaw.flow.run import Run, RunState
from meshclaw.flow.units import new_id
from meshclaw.guard.approvals import Approvals
from meshclaw.ledger.content import ContentStore
from meshclaw.ledger.ledger import Ledger
from meshclaw.runs.act import label
from meshclaw.runs.outbox import Item, Outbox


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A run as the ledger tells it."""

    run: Run
    state: RunState
    started: str
    """RFC 3339."""
    items: dict[str, Item]
    """Its actions, by external id."""

    def count(self, *stands: str) -> int:
        return sum(item.stand in stands for item in self.items.values())


def start(ledger: Ledger, contents: ContentStore, *, request: Request, agent: Agent, subject: str) -> Run:
    if request.intent not in agent.intents:
        raise UserError(
            f"the agent {agent.name!r} is not made for {request.intent!r}",
            fix=f"It is made for: {', '.join(sorted(agent.intents))}",
        )
    run = Run(id=new_id(), request=request, agent=label(agent), subject=subject)
    [digest] = contents.put([subject])
    ledger.record(
        RunStarted(
            run=run.id, intent=request.intent, agent=run.agent,
            trigger=request.trigger, trust=request.trust, subject=digest,
        )
    )  # fmt: skip
    return run


@contextmanager
def working(ledger: Ledger, run: Run) -> Generator[None]:
    """Closes the run however it ends and signs the chain's head; a kill leaves it resumable."""
    try:
        yield
    except MeshClawError as error:
        ledger.record(RunFailed(run=run.id, intent=run.request.intent, agent=run.agent, error=error.code))
        ledger.sign_head()
        raise
    finish(ledger, run)


def finish(ledger: Ledger, run: Run) -> None:
    items = Outbox(ledger, run.id).items
    stands = [item.stand for item in items.values()]
    ledger.record(
        RunFinished(
            run=run.id, intent=run.request.intent, agent=run.agent,
            done=stands.count("done"), asked=stands.count("asked"), denied=stands.count("denied"),
            failed=stands.count("failed") + stands.count("unknown"),
        )
    )  # fmt: skip
    ledger.sign_head()


def tell(ledger: Ledger, contents: ContentStore, prefix: str) -> Told:
    """The one run whose id starts or ends with ``prefix``: starts look alike within a minute."""
    matches = [e for e in ledger.events(RunStarted) if e.run.startswith(prefix) or e.run.endswith(prefix)]
    if len(matches) != 1 or not prefix:
        count = "no run has" if not matches else "several runs have"
        raise NotFound(f"{count} the id {prefix!r}", fix="List them with: meshclaw run list")
    return _told(ledger, contents, matches[0])


def tell_all(ledger: Ledger, contents: ContentStore) -> Iterator[Told]:
    """Every run, oldest first."""
    for started in list(ledger.events(RunStarted)):
        yield _told(ledger, contents, started)


def _told(ledger: Ledger, contents: ContentStore, started: RunStarted) -> Told:
    request = Request(intent=started.intent, trigger=started.trigger, trust=started.trust)
    subject = msgspec.json.decode(contents.get(started.subject), type=str)
    run = Run(id=started.run, request=request, agent=started.agent, subject=subject)
    items = Outbox(ledger, run.id).items
    return Told(run=run, state=_state(ledger, run, items), started=started.ts, items=items)


def _state(ledger: Ledger, run: Run, items: dict[str, Item]) -> RunState:
    endings = (RunFinished, RunFailed, RunCancelled, RunResumed)
    events: list[Event] = list(ledger.events(*endings, run=run.id))
    last = events[-1] if events else None
    if last is None or isinstance(last, RunResumed):
        return "running"
    if isinstance(last, RunFailed):
        return "failed"
    if isinstance(last, RunCancelled):
        return "cancelled"
    if waiting(ledger, run.id):
        return "waiting"
    return "undone" if _all_undone(ledger, items) else "done"


def waiting(ledger: Ledger, run: str) -> bool:
    return any(approval.run == run for approval in approvals(ledger).open())


def undone_ids(ledger: Ledger) -> set[str]:
    """External ids of every action that another one took back."""
    undoing = {e.external_id: e.undoes for e in ledger.events(ActionDecided) if e.undoes}
    if not undoing:
        return set()
    return {
        undoing[id_] for id_, item in Outbox(ledger).items.items() if id_ in undoing and item.stand == "done"
    }


def _all_undone(ledger: Ledger, items: dict[str, Item]) -> bool:
    undoable = {
        id_ for id_, item in items.items() if item.performed is not None and item.performed.undo is not None
    }
    return bool(undoable) and undoable <= undone_ids(ledger)


def cancel(ledger: Ledger, told: Told) -> int:
    """Close a run that stopped or waits; returns how many of its actions and approvals were still open."""
    if told.state not in ("running", "waiting"):
        raise UserError(f"the run is {told.state} already", fix="meshclaw run undo takes back what it did.")
    run, open_ = told.run, withdraw(ledger, told.run) + told.count("reserved")
    ledger.record(RunCancelled(run=run.id, intent=run.request.intent, agent=run.agent, open=open_))
    ledger.sign_head()
    return open_


def withdraw(ledger: Ledger, run: Run) -> int:
    """Close the open approvals of ``run``: what they ask for will not happen. Returns how many there were."""
    now = ledger.now()
    mine = [approval for approval in approvals(ledger).open() if approval.run == run.id]
    ledger.record(
        *(
            ApprovalAnswered(
                run=run.id, intent=run.request.intent, agent=run.agent, approval=approval.id,
                answer="withdrawn", after_ms=int((now - approval.asked).total_seconds() * 1000),
            )
            for approval in mine
        )
    )  # fmt: skip
    return len(mine)


def approvals(ledger: Ledger) -> Approvals:
    return Approvals(ledger.events(ApprovalAsked, ApprovalAnswered), ledger.now())
