"""``meshclaw schedule``: list, add, enable, disable, next, run, remove, log."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import closing, contextmanager
from datetime import datetime
from secrets import token_hex
from typing import Literal

import click
import msgspec

from meshclaw.agents.builtin import CLAW
from meshclaw.agents.definition import name_problem
from meshclaw.agents.schedule import MOST_WORDS, timing_problem
from meshclaw.cli import screen
from meshclaw.daemon import alone
from meshclaw.daemon.jobs import JOBS
from meshclaw.daemon.scheduled import all_of, digest_now, disable, enable, find, unfit
from meshclaw.errors import UserError
from meshclaw.flow.event.schedule import ScheduleDisabled, ScheduleFired, ScheduleMissed
from meshclaw.flow.schedule import Missed, Timing
from meshclaw.settings.times import Times, load
from meshclaw.triggers.due import Due, preview
from meshclaw.triggers.quiet import over
from meshclaw.triggers.store import Scheduled, Store
from meshclaw.wiring import Claw, open_claw
from meshclaw.wiring.working import intent_of

State = Literal["on", "off", "changed", "over"]


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    state: State
    """``changed``: what was read when it was enabled is no more, so it does nothing."""
    when: str
    agent: str
    """Or the job."""
    words: str
    next: str
    """RFC 3339, UTC; empty where there is none."""
    missed: Missed
    urgent: bool


class Logged(msgspec.Struct, frozen=True, kw_only=True):
    at: str
    """RFC 3339, UTC."""
    schedule: str
    what: Literal["done", "caught up", "missed"]
    due: str
    """Of several missed ones the last."""
    count: int = 1
    run: str = ""
    why: str = ""


@contextmanager
def _opened() -> Generator[tuple[Claw, Store, Times]]:
    with open_claw() as claw, closing(Store(claw.folder)) as store:
        yield claw, store, load(claw.folder)


@click.group("schedule")
def command() -> None:
    """What your claw does by itself, and when: in your own time zone, each due time once.

    An agent may ask for a schedule; nothing runs before you have read it and enabled it. The daemon keeps the time.
    """


@command.command("list")
@screen.as_json
def list_(as_json: bool) -> None:
    """Every schedule: yours, those that your agents ask for, and built-in ones."""
    with _opened() as (claw, store, times):
        rows = [_listed(claw, one, times) for one in all_of(claw, store)]
        zone, runs = times.zone.key, alone.pid(claw.folder) is not None
    if as_json:
        screen.data({"zone": zone, "daemon": runs, "schedules": rows})
        return
    screen.table(
        ("NAME", "STATE", "WHEN", "NEXT", "WHO", "WHAT"),
        [
            (row.name, row.state, row.when, screen.when(row.next) if row.next else "", row.agent, row.words)
            for row in rows
        ],
        empty="Nothing happens by itself. Begin with: meshclaw schedule add --help",
    )
    if rows:
        screen.words(f"Times are those of {zone}.")
    if any(row.state == "on" for row in rows) and not runs:
        screen.words("Nothing runs now, for the daemon does not: meshclaw daemon run")


@command.command()
@click.argument("words", nargs=-1, required=True)
@click.option("--cron", default="", metavar="'30 6 * * mon-fri'", help="Minute, hour, day, month, weekday.")
@click.option(
    "--every", default="", metavar="6h", help="Every so many minutes, hours or days, without drift."
)
@click.option("--at", default="", metavar="2026-12-01T09:00", help="Once, in your own time.")
@click.option("--agent", default=CLAW.name, metavar="NAME", help="Who is asked; your claw.")
@click.option("--intent", default="", help="Which of the agent's intents, where it has several.")
@click.option("--account", default="", metavar="ADDRESS", help="Which mailbox, if several are connected.")
@click.option("--name", default="", help="What you call it.")
@click.option(
    "--missed",
    type=click.Choice(["once", "skip"]),
    default="once",
    show_default=True,
    help="What to do about times that passed while nothing ran: catch up once, or only tell.",
)
@click.option("--urgent", is_flag=True, help="It does not wait for the end of quiet hours.")
@screen.dry_run
@screen.as_json
def add(
    words: tuple[str, ...], cron: str, every: str, at: str, agent: str, intent: str, account: str, name: str,
    missed: Missed, urgent: bool, dry_run: bool, as_json: bool,
) -> None:  # fmt: skip
    """Have WORDS asked by themselves; they are the licence of each run, as if you had typed them then."""
    timing, asked = Timing(cron=cron, every=every, at=at), " ".join(words).strip()
    if wrong := timing_problem(timing):
        raise UserError(wrong)
    if not 0 < len(asked) <= MOST_WORDS:
        raise UserError(f"say in 1 to {MOST_WORDS} characters what is to be asked")
    with _opened() as (claw, store, times):
        one = Scheduled(
            id=token_hex(8), name=name or _free_name(store), timing=timing, words=asked, agent=agent,
            intent=intent_of(claw.agent(agent), intent), subject=account, missed=missed, urgent=urgent,
        )  # fmt: skip
        if (wrong := name_problem(one.name)) or one.name in JOBS:
            raise UserError(wrong or f"{one.name!r} is built in", fix="Choose another name.")
        check_connected(claw, account)
        coming = _coming(one, times, claw.ledger.now())
        if not coming:
            raise UserError(f"{timing.told} is never due any more", fix="Name a time that is still to come.")
        if not dry_run:
            one = enable(claw, store, one)
        running = alone.pid(claw.folder) is not None
    if as_json:
        screen.data(
            {"id": one.id, "name": one.name, "added": not dry_run, "next": [due.at for due in coming]}
        )
        return
    screen.words(f"{'Would add' if dry_run else 'Added'} {one.name}: {timing.told}, in {times.zone.key}.")
    _tell_coming(one, times, coming)
    if not (dry_run or running):
        screen.words("It needs the daemon, which does not run now: meshclaw daemon run")


@command.command("enable")
@click.argument("name")
@click.option("--yes", is_flag=True, help="You have read it: do not ask.")
@screen.dry_run
@screen.as_json
def enable_(name: str, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Read what NAME does and when, and say yes to exactly that; a changed agent needs another yes."""
    with _opened() as (claw, store, times):
        one = find(claw, store, name)
        digest_now(claw, one)
        coming = _coming(one, times, claw.ledger.now())
        if not as_json:
            _show(one)
            _tell_coming(one, times, coming)
        if not coming:
            raise UserError(f"{one.timing.told} is never due any more", fix="There is nothing to enable.")
        if not dry_run:
            if not yes:
                click.confirm("Have it done by itself?", abort=True, err=True)
            one = enable(claw, store, one)
    if as_json:
        screen.data(
            {"id": one.id, "name": one.name, "enabled": not dry_run, "next": [due.at for due in coming]}
        )
    elif not dry_run:
        screen.words(f"{one.name} is on.")


@command.command("disable")
@click.argument("name")
@screen.dry_run
@screen.as_json
def disable_(name: str, dry_run: bool, as_json: bool) -> None:
    """Let NAME do nothing by itself; it is kept."""
    with _opened() as (claw, store, _):
        one = find(claw, store, name)
        if not one.enabled:
            raise UserError(f"{one.name!r} is off already")
        if not dry_run:
            disable(claw, store, one, "person")
    _tell_done(one, "Would turn off" if dry_run else "Turned off", dry_run=dry_run, as_json=as_json)


@command.command()
@click.argument("name")
@screen.dry_run
@screen.as_json
def remove(name: str, dry_run: bool, as_json: bool) -> None:
    """Forget a schedule of yours. One that an agent asks for is only turned off."""
    with _opened() as (claw, store, _):
        one = find(claw, store, name)
        if not dry_run:
            if one.enabled:
                disable(claw, store, one, "person")
            store.schedules.drop(one)
    _tell_done(one, "Would remove" if dry_run else "Removed", dry_run=dry_run, as_json=as_json)


@command.command("next")
@click.argument("name", required=False)
@click.option("-n", "number", type=click.IntRange(1, 100), default=5, show_default=True, help="How many.")
@screen.as_json
def next_(name: str | None, number: int, as_json: bool) -> None:
    """When NAME is due next, or each schedule that is on; with what the clocks do in between."""
    with _opened() as (claw, store, times):
        shown = [find(claw, store, name)] if name else [one for one in store.schedules.all() if one.enabled]
        now = claw.ledger.now()
        coming = {one.name: _coming(one, times, now, number) for one in shown}
    if as_json:
        screen.data({"zone": times.zone.key, "next": coming})
        return
    for one in shown:
        click.echo(f"{click.style(screen.clean(one.name), bold=True)}  {one.timing.told}")
        _tell_coming(one, times, coming[one.name])
    if not shown:
        screen.words("No schedule is on. See: meshclaw schedule list")


@command.command("run")
@click.argument("name")
@screen.dry_run
@screen.as_json
def run_(name: str, dry_run: bool, as_json: bool) -> None:
    """Do what NAME does, now; its due times stay as they are."""
    from meshclaw.cli.ask import EXIT, by_model

    with _opened() as (claw, store, _):
        one = find(claw, store, name)
        if one.job:
            claw.refuse_if_stopped()
            words = "" if dry_run else JOBS[one.job].do(claw)
            screen.data({"name": one.name, "words": words}) if as_json else screen.lines(
                words or JOBS[one.job].words
            )
            return
        agent = claw.agent(one.agent)
        answer = by_model(
            claw, agent, one.words, intent=intent_of(agent, one.intent), model=None, account=one.subject or None,
            dry_run=dry_run, as_json=as_json,
        )  # fmt: skip
    if answer is not None:
        sys.exit(EXIT[answer.end])


@command.command()
@click.argument("name", required=False)
@click.option("-n", "number", type=click.IntRange(1), default=20, show_default=True, help="How many.")
@screen.as_json
def log(name: str | None, number: int, as_json: bool) -> None:
    """What was done by itself, what was missed, and why."""
    with _opened() as (claw, store, _):
        names = {one.id: one.name for one in all_of(claw, store)}
        wanted = find(claw, store, name).id if name else ""
        rows = [
            _logged(event, names) for event in claw.ledger.events(ScheduleFired, ScheduleMissed)
            if wanted in ("", event.schedule)
        ][-number:]  # fmt: skip
    if as_json:
        screen.data(rows)
        return
    screen.table(
        ("AT", "SCHEDULE", "WHAT", "DUE", "RUN"),
        [
            (
                screen.when(row.at), row.schedule,
                f"{row.what} ({row.count}, {row.why})" if row.why else row.what,
                screen.when(row.due), screen.short(row.run),
            )
            for row in rows
        ],
        empty="Nothing was done by itself yet.",
    )  # fmt: skip


def _logged(event: ScheduleFired | ScheduleMissed, names: dict[str, str]) -> Logged:
    name = names.get(event.schedule, event.schedule)
    if isinstance(event, ScheduleMissed):
        return Logged(
            at=event.ts, schedule=name, what="missed", due=event.last, count=event.count, why=event.why
        )
    what = "caught up" if event.caught_up else "done"
    return Logged(at=event.ts, schedule=name, what=what, due=event.due, run=event.run)


def _listed(claw: Claw, one: Scheduled, times: Times) -> Listed:
    state: State = "on" if one.enabled else "off"
    if one.enabled and unfit(claw, one):
        state = "changed"
    elif not one.enabled and _is_over(claw, one):
        state = "over"
    coming = _coming(one, times, claw.ledger.now(), 1) if state == "on" else []
    return Listed(
        id=one.id, name=one.name, state=state, when=one.timing.told, agent=one.agent or "built in", words=one.words,
        next=coming[0].at.isoformat() if coming else "", missed=one.missed, urgent=one.urgent,
    )  # fmt: skip


def _is_over(claw: Claw, one: Scheduled) -> bool:
    offs = [event for event in claw.ledger.events(ScheduleDisabled) if event.schedule == one.id]
    return bool(offs) and offs[-1].why == "over"


def _coming(one: Scheduled, times: Times, now: datetime, number: int = 5) -> list[Due]:
    since = datetime.fromisoformat(one.enabled) if one.enabled else now
    return preview(one.timing, times.zone, since, now, number)


def _show(one: Scheduled) -> None:
    who = "built in" if one.job else f"the agent {one.agent} is asked"
    click.echo(f"{click.style(screen.clean(one.name), bold=True)}: {who}, {one.timing.told}")
    click.echo(f"  {screen.clean(one.words)}")


def _tell_coming(one: Scheduled, times: Times, coming: list[Due]) -> None:
    for due in coming:
        waits = "" if one.urgent or over(due.at, times) == due.at else "; waits for the end of quiet hours"
        click.echo(f"  {due.words}{waits}")


def _tell_done(one: Scheduled, what: str, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        screen.data({"id": one.id, "name": one.name, "done": not dry_run})
    else:
        screen.words(f"{what} {one.name}.")


def _free_name(store: Store) -> str:
    taken = {one.name for one in store.schedules.all()}
    return next(name for number in range(1, len(taken) + 2) if (name := f"s{number}") not in taken)


def check_connected(claw: Claw, account: str) -> None:
    """UserError where a mailbox is named that is not connected: what runs by itself would run without it."""
    known = [one.address for one in claw.accounts.all()]
    if account and account not in known:
        raise UserError(f"{account!r} is not connected; connected: {', '.join(known) or 'none'}")
