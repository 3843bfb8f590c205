"""Standing intents as the daemon keeps them: a message that fits is on record at once, and asked about once, later.

The match is stored before the mail is placed, so a kill in between matches it again and stores nothing twice. The run
is started in one transaction with the fact that it was.
"""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple

import msgspec

from meshclaw.connectors.base import Shelf
from meshclaw.daemon.desk import Desk, Done
from meshclaw.daemon.schedules import Tell
from meshclaw.errors import MeshClawError
from meshclaw.flow.event.mail import PlacementMade
from meshclaw.flow.event.model import StepTaken
from meshclaw.flow.event.schedule import StandingChanged, StandingMatched, StandingStarted
from meshclaw.flow.message import Message
from meshclaw.flow.run import Run
from meshclaw.runs.outbox import Outbox
from meshclaw.runs.run import start
from meshclaw.runs.seal import restore
from meshclaw.runs.talk import Taken
from meshclaw.settings.times import load
from meshclaw.triggers.quiet import is_quiet
from meshclaw.triggers.schedule import receive
from meshclaw.triggers.standing import Heard, Matcher, Standing
from meshclaw.triggers.store import Store
from meshclaw.wiring import Claw
from meshclaw.wiring.working import intent_of

KIND = "standing intent"
OLD = timedelta(days=7)
"""A match that could not be asked about for so long is left."""


class Matched(NamedTuple):
    message: str
    """Its id."""
    why: str
    """The place that fits."""
    trigger: Literal["mail", "chat"]


class Standings:
    def __init__(self, desk: Desk, tell: Tell) -> None:
        self._desk = desk
        self._tell = tell

    def heard_mail(self, claw: Claw, message: Message, mailbox: str) -> None:
        """While triage looks at it, before it is placed."""
        sender = f"{message.sender.name} {message.sender.address}"
        self.heard(
            claw,
            Heard(id=message.id, sender=sender, subject=message.subject, text=message.text),
            mailbox,
            "mail",
        )

    def heard(self, claw: Claw, message: Heard, subject: str, trigger: Literal["mail", "chat"]) -> None:
        """Put on record which standing intents it fits. ``subject``: the mailbox or place that it came to."""
        with closing(Store(claw.folder)) as store:
            shelf = store.shelf(KIND, Standing)
            alive = [one for one in shelf.all() if not one.over and one.subject in ("", subject)]
            if not alive:
                return
            with closing(Matcher(message)) as matcher:
                for one in alive:
                    if one.expires < claw.ledger.now().astimezone(UTC).isoformat():
                        self._end(claw, store, one, "expired")
                    elif (why := matcher.why(one)) is not None:
                        self._match(claw, store, one, Matched(message.id, why, trigger))

    def _match(self, claw: Claw, store: Store, one: Standing, found: Matched) -> None:
        with claw.ledger.writing():
            mine = [event for event in claw.ledger.events(StandingMatched) if event.standing == one.id]
            if any(event.message == found.message for event in mine):
                return
            fires = [event for event in mine if not event.held]
            held: Literal["", "cooldown", "budget"] = "budget" if len(fires) >= one.budget else ""
            if fires and not held:
                since = claw.ledger.now() - datetime.fromisoformat(fires[-1].ts)
                held = "cooldown" if since < timedelta(seconds=one.cooldown_s) else ""
            [digest] = claw.contents.put([found.why])
            matched = StandingMatched(
                standing=one.id, message=found.message, why=digest, held=held, trigger=found.trigger
            )
            claw.ledger.record(matched)
        if held == "budget":
            self._end(claw, store, one, "used-up")

    def _end(self, claw: Claw, store: Store, one: Standing, what: Literal["expired", "used-up"]) -> None:
        store.shelf(KIND, Standing).put(msgspec.structs.replace(one, over=True))
        claw.ledger.record(StandingChanged(standing=one.id, what=what))
        told = "ran out" if what == "expired" else f"was done {one.budget} times, as often as it may"
        self._tell(f"The standing intent {one.name} {told}; it does nothing any more.")

    # -- asking ---------------------------------------------------------------------------

    def release(self, claw: Claw, now: datetime) -> bool:
        """Start what was matched and may be asked now; whether some of it still waits."""
        pending = _pending(claw)
        if not pending:
            return False
        waits = False
        with closing(Store(claw.folder)) as store:
            known = {one.id: one for one in store.shelf(KIND, Standing).all()}
            quiet = is_quiet(now, load(claw.folder))
            for matched in pending:
                one = known.get(matched.standing)
                if one is not None and quiet and not one.urgent:
                    waits = True
                elif one is not None:
                    self._start(claw, one, matched)
        return waits

    def _start(self, claw: Claw, one: Standing, matched: StandingMatched) -> None:
        if wrong := unfit(claw, one):
            claw.ledger.record(StandingStarted(standing=one.id, message=matched.message))
            self._tell(f"{one.name}: a message came, and nobody was asked: {wrong}.")
            return
        with claw.ledger.writing():
            if any(_same(event, matched) for event in claw.ledger.events(StandingStarted)):
                return
            run = _begin(claw, one, matched)
            claw.ledger.record(StandingStarted(standing=one.id, message=matched.message, **run.named))
        why = msgspec.json.decode(claw.contents.get(matched.why), type=str)
        self._tell(f"{one.name}: a message came that fits ({' '.join(why.split())}).")
        self._desk.go_on(run, lambda done: self._tell(_answer(one, done)))


def _pending(claw: Claw) -> list[StandingMatched]:
    done = list(claw.ledger.events(StandingStarted))
    since = (claw.ledger.now() - OLD).isoformat()
    return [
        event for event in claw.ledger.events(StandingMatched)
        if not event.held and event.ts > since and not any(_same(one, event) for one in done)
    ]  # fmt: skip


def _same(started: StandingStarted, matched: StandingMatched) -> bool:
    return (started.standing, started.message) == (matched.standing, matched.message)


def unfit(claw: Claw, one: Standing) -> str:
    """Why its agent must not be asked; empty where nothing speaks against it."""
    try:
        same = claw.agent(one.agent).digest == one.digest
    except MeshClawError as error:
        return error.message
    return (
        ""
        if same
        else f"the agent {one.agent!r} is not the one that you knew; give the standing intent again"
    )


def _begin(claw: Claw, one: Standing, matched: StandingMatched) -> Run:
    """The words are the person's; the message lies on the run's shelf, to be read through the guard like any other."""
    agent = claw.agent(one.agent)
    place = _place(claw, matched.message)
    words = f"{one.words}\n\n{cause(one, 'm1' if place else '')}"
    request = receive(intent_of(agent, one.intent), words, trigger=matched.trigger)
    run = start(
        claw.ledger,
        claw.contents,
        request=request,
        agent=agent,
        subject=one.subject,
        model=claw.model_for(agent),
    )
    if place:
        [digest] = claw.contents.put([Taken(got=(), shelf=place)])
        claw.ledger.record(StepTaken(**run.named, step=0, got=digest))
    return run


def cause(one: Standing, name: str) -> str:
    """Words of ours alone, which ask for nothing."""
    return f"(What set this off: the standing intent {one.name}{f'; the mail is {name}' if name else ''}.)"


def _place(claw: Claw, message: str) -> Shelf:
    """Where triage put it; empty where it came another way, or was not placed."""
    placed = [event for event in claw.ledger.events(PlacementMade) if event.message == message]
    if not placed:
        return {}
    for item in Outbox(claw.ledger, placed[-1].run).items.values():
        if item.performed is None or item.decided.verb not in ("mail.move", "mail.label"):
            continue
        arguments = restore(claw.contents, item.decided).arguments
        if str(arguments.get("message", "")).startswith(message):
            folder, _, ref = item.performed.link.rpartition("/")
            named = {name: arguments[name] for name in ("message", "message_id")}
            return {"m1": {"folder": folder, "ref": ref, **named}}
    return {}


def _answer(one: Standing, done: Done) -> str:
    if done.error is not None:
        return f"{one.name} did not work: {done.error.message} {done.error.fix}".strip()
    return f"{one.name}: {done.text}"
