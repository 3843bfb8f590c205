"""The life of a run: started, then finished, failed, cancelled or stopped in the middle; all of it facts."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from datetime import timedelta
from secrets import token_hex

import msgspec

from meshclaw.errors import MeshClawError, NotFound, UserError
from meshclaw.flow.agent import Agent
from meshclaw.flow.approval import Approval
from meshclaw.flow.event.action import ActionDecided, ActionFailed, ActionUnknown
from meshclaw.flow.event.approval import ApprovalAnswered
from meshclaw.flow.event.base import Event
from meshclaw.flow.event.run import RunCancelled, RunFailed, RunFinished, RunFrozen, RunResumed, RunStarted
from meshclaw.flow.request import Request
from meshclaw.flow.run import Run, RunState
from meshclaw.flow.units import new_id
from meshclaw.guard.approvals import ANSWERS, Approvals
from meshclaw.ledger.content import ContentStore
from meshclaw.ledger.ledger import Ledger, timestamp
from meshclaw.runs import conversation
from meshclaw.runs.outbox import Item, Outbox

AT_WORK: set[str] = set()
"""Runs that a thread of this process is about to work on, or does: they did not die."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A run as the ledger tells it."""

    run: Run
    state: RunState
    started: str
    """RFC 3339."""
    items: dict[str, Item]
    """Its actions, by external id."""

    @property
    def unsettled(self) -> bool:
        """Something is in doubt, or failed in a way that time may mend."""
        return any(item.stand == "unknown" or item.worth_retrying for item in self.items.values())

    def count(self, *stands: str) -> int:
        return sum(item.stand in stands for item in self.items.values())


def start(
    ledger: Ledger, contents: ContentStore, *, request: Request, agent: Agent, subject: str, parent: str = "",
    after: str = "", model: str = "",
) -> Run:  # fmt: skip
    """``parent``: the run that this one does a part of; what it uses counts on that one too.

    ``after``: the run whose conversation it goes on with; ``model``: the class or the model that it will ask.
    """
    if request.intent not in agent.intents:
        raise UserError(
            f"the agent {agent.name!r} is not made for {request.intent!r}",
            fix=f"It is made for: {', '.join(sorted(agent.intents))}",
        )
    if after:
        conversation.check(ledger, contents, after, agent.label, subject)
        words_before = conversation.earlier(ledger, contents, after, request.trust)
        request = msgspec.structs.replace(request, earlier=words_before)
    run = Run(
        id=new_id(), request=request, agent=agent.label, subject=subject, parent=parent, after=after, model=model
    )  # fmt: skip
    # Salted: the digest of a short request would tell it to whoever guesses.
    digest, *words = contents.put([subject, *([(token_hex(16), request.words)] if request.words else [])])
    ledger.record(
        RunStarted(
            run=run.id, intent=request.intent, agent=run.agent,
            trigger=request.trigger, trust=request.trust, subject=digest, parent=parent,
            words=words[0] if words else "", after=after, model=model,
        )
    )  # fmt: skip
    return run


@contextmanager
def working(ledger: Ledger, run: Run) -> Generator[None]:
    """Closes the run however it ends and signs the chain's head; a kill leaves it resumable."""
    AT_WORK.add(run.id)
    try:
        yield
    except MeshClawError as error:
        ledger.record(RunFailed(run=run.id, intent=run.request.intent, agent=run.agent, error=error.code))
        ledger.sign_head()
        raise
    finally:
        AT_WORK.discard(run.id)
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
    return _told(ledger, contents, matches[0], undone_ids(ledger))


def tell_last(
    ledger: Ledger, contents: ContentStore, number: int, *, intent: str | None = None
) -> list[Told]:
    """The last ``number`` runs, oldest first; only those of one intent where it is named."""
    started = [event for event in ledger.events(RunStarted) if intent in (None, event.intent)]
    undone = undone_ids(ledger)
    return [_told(ledger, contents, event, undone) for event in started[-number:]]


def tell_stopped(ledger: Ledger, contents: ContentStore) -> list[Told]:
    """Runs that died in the middle, or that lately left something in doubt or undone, oldest first."""
    started = {event.run: event for event in ledger.events(RunStarted)}
    open_: set[str] = set()
    for event in ledger.events(RunStarted, *ENDINGS, RunResumed):
        (open_.discard if isinstance(event, ENDINGS) else open_.add)(event.run)
    # A kill between a person's yes and the deed leaves a run that had ended before it was asked.
    open_ |= {approval.run for approval in approvals(ledger).all() if approval.state == "allowed"}
    since = timestamp(ledger.now() - DOUBT)
    open_ |= {event.run for event in ledger.events(ActionUnknown, ActionFailed) if event.ts > since}
    told = (_told(ledger, contents, started[run], set()) for run in started if run in open_ - AT_WORK)
    return [one for one in told if one.state == "running" or one.unsettled]


def _told(ledger: Ledger, contents: ContentStore, started: RunStarted, undone: set[str]) -> Told:
    request = Request(
        intent=started.intent, trigger=started.trigger, trust=started.trust,
        words=conversation.words_of(contents, started),
        earlier=conversation.earlier(ledger, contents, started.after, started.trust),
    )  # fmt: skip
    run = Run(
        id=started.run, request=request, agent=started.agent, parent=started.parent, after=started.after,
        subject=msgspec.json.decode(contents.get(started.subject), type=str), model=started.model,
    )  # fmt: skip
    items = Outbox(ledger, run.id).items
    return Told(run=run, state=_state(ledger, run, items, undone), started=started.ts, items=items)


DOUBT = timedelta(hours=24)
"""How long what is in doubt or failed is taken up again by itself."""
ENDINGS = (RunFinished, RunFailed, RunCancelled)


def _state(ledger: Ledger, run: Run, items: dict[str, Item], undone: set[str]) -> RunState:
    events: list[Event] = list(ledger.events(*ENDINGS, RunResumed, run=run.id))
    last = events[-1] if events else None
    if isinstance(last, RunCancelled):
        return "cancelled"
    mine = approvals_of(ledger, run)
    half_done = any(item.stand == "reserved" for item in items.values()) or unused(mine, items)
    if last is None or isinstance(last, RunResumed) or half_done:
        return "running"
    if isinstance(last, RunFailed):
        return "failed"
    if any(ledger.events(RunFrozen, run=run.id)):
        return "frozen"
    if any(approval.state in ("open", "one_of_two") for approval in mine):
        return "waiting"
    return "undone" if _all_undone(items, undone) else "done"


def unused(approvals: Iterable[Approval], items: dict[str, Item]) -> list[Approval]:
    """Those a person allowed and nobody acted on: the process died in between."""
    return [
        one for one in approvals
        if one.state == "allowed" and not one.canary
        and items[one.external_id].stand == "asked" and one.id not in items[one.external_id].used
    ]  # fmt: skip


def undone_ids(ledger: Ledger) -> set[str]:
    """External ids of every action that another one took back."""
    undoing = {e.external_id: e.undoes for e in ledger.events(ActionDecided) if e.undoes}
    if not undoing:
        return set()
    return {
        undoing[id_] for id_, item in Outbox(ledger).items.items() if id_ in undoing and item.stand == "done"
    }


def _all_undone(items: dict[str, Item], undone: set[str]) -> bool:
    undoable = {
        id_ for id_, item in items.items() if item.performed is not None and item.performed.undo is not None
    }
    return bool(undoable) and undoable <= undone


def cancel(ledger: Ledger, told: Told) -> int:
    """Close a run that stopped or waits; returns how many of its actions and approvals were still open."""
    if told.state not in ("running", "waiting"):
        raise UserError(f"the run is {told.state} already", fix="meshclaw run undo takes back what it did.")
    run, open_ = told.run, withdraw(ledger, told.run) + told.count("reserved")
    ledger.record(RunCancelled(run=run.id, intent=run.request.intent, agent=run.agent, open=open_))
    ledger.sign_head()
    return open_


def approvals_of(ledger: Ledger, run: Run) -> list[Approval]:
    return [approval for approval in approvals(ledger).all() if approval.run == run.id]


def withdraw(ledger: Ledger, run: Run) -> int:
    """Close the open approvals of ``run``: what they ask for will not happen. Returns how many there were."""
    now = ledger.now()
    mine = [approval for approval in approvals_of(ledger, run) if approval.state in ("open", "one_of_two")]
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
    return Approvals(ledger.events(*ANSWERS), ledger.now())
