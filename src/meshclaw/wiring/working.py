"""The order in which the joins are called: what several commands and the daemon do alike."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from meshclaw.agents.builtin import MAIL_TRIAGE
from meshclaw.agents.triage.judge import judge
from meshclaw.connectors.mail.connector import SENT
from meshclaw.connectors.mail.mailbox.base import Mailbox
from meshclaw.errors import MeshClawError, UserError
from meshclaw.flow.agent import Agent
from meshclaw.flow.event.mail import OutcomeObserved
from meshclaw.flow.event.model import ModelAsked
from meshclaw.flow.event.run import RunResumed
from meshclaw.flow.message import MAX_READ, Message
from meshclaw.flow.outcome import OutcomeState
from meshclaw.flow.placement import Placement
from meshclaw.flow.request import Request
from meshclaw.flow.run import Run
from meshclaw.outcomes import mail as outcomes
from meshclaw.runs import resume
from meshclaw.runs.act import Door
from meshclaw.runs.outbox import Item
from meshclaw.runs.result import Result
from meshclaw.runs.run import Told, start, tell, tell_stopped, working
from meshclaw.runs.triage import Report, triage
from meshclaw.runs.undo import Undone, plan, undo
from meshclaw.settings.accounts import Account
from meshclaw.settings.sync import SyncStates
from meshclaw.triggers import terminal
from meshclaw.wiring import Claw, mail
from meshclaw.wiring.claw import NOWHERE
from meshclaw.wiring.memory import DREAM, remembered_for
from meshclaw.wiring.place import Place
from meshclaw.wiring.workplace import Workplace, workplace

if TYPE_CHECKING:  # these are loaded where a model is asked
    from meshclaw.runs.asking import Heard
    from meshclaw.runs.loop import Answer, Loop

log = logging.getLogger(__name__)

HEAD_BYTES = 32 * 1024
"""Enough of a sent mail to know to whom it went."""

Progress = Callable[[int, int], None]


class Triaged(msgspec.Struct, frozen=True, kw_only=True):
    report: Report
    resumed: int = 0
    """Runs that had stopped in the middle and were finished first."""
    observed: dict[OutcomeState, int] = {}
    """What became of earlier placements."""


def silent(done: int, all_: int) -> None:
    """No progress: nobody is watching."""


def triage_mailbox(
    claw: Claw, account: Account, mailbox: Mailbox, *, request: Request | None = None,
    sources: Mapping[str, str] | None = None, progress: Progress = silent, dry_run: bool = False,
    heard: Callable[[Message], None] | None = None,
) -> Triaged:  # fmt: skip
    """Finish what was stopped, learn from what the person did, place what is new.

    ``sources`` names mails that came from files, by ref. ``dry_run`` judges and changes nothing. ``heard`` gets each
    new mail before it is placed, and once more where a kill came in between.
    """
    claw.refuse_if_stopped()
    stopped = [] if dry_run else stopped_runs(claw, account.address)
    for told in stopped:
        _resume(claw, told, mail.place(claw, mailbox, account), heard)
    asked = request or terminal.receive("mail.triage")
    run = start(claw.ledger, claw.contents, request=asked, agent=MAIL_TRIAGE, subject=account.address)
    with working(claw.ledger, run), claw.lessons.batch():
        observed = {} if dry_run else _learn(claw, run, mailbox, account)
        report = _place(
            claw, claw.door(mail.place(claw, mailbox, account), account=account), run, account,
            sources=sources or {}, progress=progress, dry_run=dry_run, heard=heard,
        )  # fmt: skip
    return Triaged(report=report, resumed=len(stopped), observed=observed)


def stopped_runs(claw: Claw, subject: str) -> list[Told]:
    """Runs on this mailbox that died in the middle and whose agent is still here, oldest first."""
    return [
        told for told in tell_stopped(claw.ledger, claw.contents)
        if told.run.subject == subject and _has_its_agent(claw, told)
    ]  # fmt: skip


def _has_its_agent(claw: Claw, told: Told) -> bool:
    """One that was removed or changed holds up its own runs, and nobody else's."""
    try:
        claw.agent_of(told.run.agent)
    except MeshClawError as error:
        log.warning(
            "A run that stopped is left as it is: %s. Close it: meshclaw run cancel %s",
            error,
            told.run.id[-8:],
        )
        return False
    return True


def resume_run(claw: Claw, told: Told) -> list[Result]:
    """Settle what is in doubt, do what was not done, go on, and close the run. One that failed may be tried again."""
    if told.state not in ("running", "failed") and not told.unsettled:
        raise UserError(
            f"the run is {told.state}; there is nothing to resume", fix="meshclaw run list shows them all."
        )
    if told.run.request.intent == DREAM:
        raise UserError("a dream goes on where it stopped by itself", fix="meshclaw dream run")
    claw.refuse_if_stopped()
    return _resume(claw, told)


def undo_run(
    claw: Claw, told: Told, only: Callable[[Item], bool] | None = None, *, dry_run: bool = False
) -> Undone:
    """Take back what ``told`` did, or those of its actions that ``only`` picks."""
    items = plan(claw.door(), told, only)
    if dry_run or not items:
        return Undone(run="", undone=len(items) if dry_run else 0, failed=0, results=[])
    claw.refuse_if_stopped()
    with workplace(claw, told.run) as place:
        return undo(place.door, told, items)


def _resume(
    claw: Claw,
    told: Told,
    there: Mapping[str, Place] = NOWHERE,
    heard: Callable[[Message], None] | None = None,
) -> list[Result]:
    """``there``: what is open already, as a mailbox that only one at a time may change."""
    with workplace(claw, told.run, there) as place, working(claw.ledger, told.run), claw.lessons.batch():
        results = resume.settle(place.door, told)
        if told.run.agent == MAIL_TRIAGE.label:
            account = claw.accounts.get(told.run.subject)
            _place(
                claw, place.door, told.run, account, sources={}, progress=silent, dry_run=False, heard=heard
            )
        elif model := _asks(claw, told.run):
            _loop(claw, told.run, place, model).go()
    return results


def _asks(claw: Claw, run: Run) -> str:
    """The class or model that it asks; empty where it asks none."""
    asked = (event.model for event in claw.ledger.events(ModelAsked, run=run.id))
    return run.model or next(asked, "")


def model_of(claw: Claw, run: Run) -> str:
    """The class or model that it is to ask: as it began, or what its agent wants, or the usual one."""
    return run.model or claw.model_for(claw.agent_of(run.agent)) or claw.models.usual


def go_on(claw: Claw, run: str, heard: Heard | None = None) -> Answer | None:
    """Tell a run what its person answered to what waited, and let it go on to its end.

    None where there is nothing to tell: it asks no model, another question of it is still open, it was stopped before
    its end. Call it after each answer.
    """
    told = tell(claw.ledger, claw.contents, run)
    if told.state != "done" or not (model := _asks(claw, told.run)):
        return None
    with workplace(claw, told.run) as place:
        loop = _loop(claw, told.run, place, model, heard)
        if not loop.news():
            return None
        claw.refuse_if_stopped()
        claw.ledger.record(RunResumed(**told.run.named, settled=0))
        with working(claw.ledger, told.run):
            return loop.go()


def converse(claw: Claw, run: Run, model: str, heard: Heard | None = None) -> Answer:
    """Begin or go on with a run that asks models; ``model`` is a class or one of them."""
    with workplace(claw, run) as place, working(claw.ledger, run):
        return _loop(claw, run, place, model, heard).go()


def _loop(claw: Claw, run: Run, place: Workplace, model: str, heard: Heard | None = None) -> Loop:
    from meshclaw.runs.loop import Loop

    agent = claw.agent_of(run.agent)
    known = remembered_for(claw, run) if "memory" in place.tools else None
    return Loop(place.door, run, agent, claw.source(model), place.tools, heard=heard, known=known)


def intent_of(agent: Agent, wanted: str = "") -> str:
    """``wanted``, or the one that it is made for; a person's words where it is made for several."""
    if wanted or len(agent.intents) == 1:
        return wanted or min(agent.intents)
    if "ask" in agent.intents:
        return "ask"
    raise UserError(
        f"the agent {agent.name!r} is made for several intents",
        fix=f"Name one: {', '.join(sorted(agent.intents))}",
    )


def _place(
    claw: Claw, door: Door, run: Run, account: Account, *,
    sources: Mapping[str, str], progress: Progress, dry_run: bool, heard: Callable[[Message], None] | None = None,
) -> Report:  # fmt: skip
    me, now = frozenset(account.me), datetime.now(UTC)

    def judge_one(message: Message) -> Placement:
        placement = judge(message, me=me, lessons=claw.lessons, now=now)
        if not dry_run:
            claw.lessons.note_received(message.sender.address, mail=message.digest)
            if heard is not None:
                heard(message)
        return placement

    def source(folder: str, ref: str) -> str:
        return sources.get(ref) or f"{folder}/{ref}"

    return triage(door, run, judge=judge_one, source=source, progress=progress, dry_run=dry_run)


def _learn(claw: Claw, run: Run, mailbox: Mailbox, account: Account) -> dict[OutcomeState, int]:
    _meet_correspondents(claw, mailbox, account)
    facts: list[OutcomeObserved] = []
    placements = outcomes.open_placements(claw.ledger, claw.contents, account.address)
    for seen in outcomes.observe(mailbox, placements, claw.ledger.now()):
        facts.append(outcomes.fact(run, seen))
        if seen.says is not None:
            raw = mailbox.read(seen.folder, seen.ref, MAX_READ)
            claw.lessons.learn(claw.parse(raw, account), seen.says)
    claw.ledger.record(*facts)
    counts: dict[OutcomeState, int] = {}
    for fact in facts:
        counts[fact.state] = counts.get(fact.state, 0) + 1
    return counts


def _meet_correspondents(claw: Claw, mailbox: Mailbox, account: Account) -> None:
    """Whom the person writes to, from their own sent mails; each is read once."""
    if SENT not in mailbox.folders():
        return
    states = SyncStates(claw.folder)
    changes = mailbox.changes(SENT, states.get(account.address, SENT))
    for _, raw in mailbox.read_many(SENT, [entry.ref for entry in changes.entries], HEAD_BYTES):
        message = claw.parse(raw, account)
        claw.lessons.note_sent((a.address for a in (*message.to, *message.cc)), mail=message.digest)
    states.put(account.address, SENT, changes.state)
