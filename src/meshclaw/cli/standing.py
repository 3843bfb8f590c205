"""``meshclaw standing``: add, list, remove, log: "when a mail about X comes, do Y"."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing, contextmanager
from datetime import UTC, timedelta
from secrets import token_hex
from typing import Literal

import click
import msgspec

from meshclaw.agents.builtin import CLAW
from meshclaw.agents.definition import name_problem
from meshclaw.agents.schedule import MOST_WORDS
from meshclaw.cli import screen
from meshclaw.cli.schedule import check_connected
from meshclaw.daemon import alone
from meshclaw.daemon.standings import KIND, unfit
from meshclaw.errors import UserError
from meshclaw.flow.event.schedule import StandingChanged, StandingMatched, StandingStarted
from meshclaw.flow.schedule import span
from meshclaw.triggers.standing import Standing, problem
from meshclaw.triggers.store import Shelf, Store
from meshclaw.wiring import Claw, open_claw
from meshclaw.wiring.working import intent_of

State = Literal["on", "over", "changed"]


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    state: State
    match: str
    sender: str
    words: str
    agent: str
    fires: int
    """Times that it was matched and asked."""
    budget: int
    expires: str
    """RFC 3339."""


class Logged(msgspec.Struct, frozen=True, kw_only=True):
    at: str
    standing: str
    message: str
    why: str
    """The place that fits: others wrote it."""
    held: str
    run: str


@contextmanager
def _opened() -> Generator[tuple[Claw, Shelf[Standing]]]:
    with open_claw() as claw, closing(Store(claw.folder)) as store:
        yield claw, store.shelf(KIND, Standing)


@click.group("standing")
def command() -> None:
    """When a message about something comes, have your words asked. It is found by its text alone; no model looks.

    Your words are the licence of the run; the message is what a stranger wrote, and asks for nothing.
    """


@command.command()
@click.argument("name")
@click.argument("match", metavar="QUERY")
@click.argument("words", nargs=-1, required=True)
@click.option(
    "--from", "sender", default="", metavar="WORDS", help="The sender's name or address holds these words."
)
@click.option("--agent", default=CLAW.name, metavar="NAME", help="Who is asked; your claw.")
@click.option("--intent", default="", help="Which of the agent's intents, where it has several.")
@click.option("--account", default="", metavar="ADDRESS", help="Only what comes to this mailbox.")
@click.option("--cooldown", default="5m", show_default=True, help="Between two fires.")
@click.option("--budget", type=click.IntRange(1, 1_000), default=20, show_default=True, help="Fires in all.")
@click.option("--expires", default="90d", show_default=True, help="How long it stands.")
@click.option("--urgent", is_flag=True, help="It does not wait for the end of quiet hours.")
@screen.dry_run
@screen.as_json
def add(
    name: str, match: str, words: tuple[str, ...], sender: str, agent: str, intent: str, account: str,
    cooldown: str, budget: int, expires: str, urgent: bool, dry_run: bool, as_json: bool,
) -> None:  # fmt: skip
    """Whenever a new mail fits QUERY, have WORDS asked. QUERY: invoice AND (acme OR initech) NOT reminder."""
    pause, stands, asked = span(cooldown), span(expires), " ".join(words).strip()
    if pause is None or stands is None or stands > timedelta(days=366):
        raise UserError(
            "--cooldown and --expires are spans of time, the second of a year at most: write 5m, 90d"
        )
    if not 0 < len(asked) <= MOST_WORDS:
        raise UserError(f"say in 1 to {MOST_WORDS} characters what is to be asked")
    if wrong := name_problem(name) or problem(match):
        raise UserError(wrong)
    with _opened() as (claw, shelf):
        who = claw.agent(agent)
        check_connected(claw, account)
        until = (claw.ledger.now() + stands).astimezone(UTC).isoformat()
        one = Standing(
            id=token_hex(8), name=name, match=match, words=asked, sender=sender, agent=agent,
            intent=intent_of(who, intent), subject=account, cooldown_s=int(pause.total_seconds()), budget=budget,
            expires=until, urgent=urgent, digest=who.digest,
        )  # fmt: skip
        if not dry_run:
            shelf.put(one)
            claw.ledger.record(StandingChanged(standing=one.id, what="added"))
        running = alone.pid(claw.folder) is not None
    if as_json:
        screen.data({"id": one.id, "name": one.name, "added": not dry_run, "expires": one.expires})
        return
    told = "Would ask" if dry_run else "From now on asks"
    screen.words(f"{told} {agent} {asked!r} when a mail fits {match!r}, {budget} times at most,")
    screen.words(f"until {screen.when(one.expires)}.")
    if not (dry_run or running):
        screen.words("It needs the daemon, which does not run now: meshclaw daemon run")


@command.command("list")
@screen.as_json
def list_(as_json: bool) -> None:
    """What stands, how often it was done, and until when."""
    with _opened() as (claw, shelf):
        matched = list(claw.ledger.events(StandingMatched))
        rows = [_listed(claw, one, matched) for one in shelf.all()]
    if as_json:
        screen.data(rows)
        return
    screen.table(
        ("NAME", "STATE", "WHEN", "WHAT", "WHO", "DONE", "UNTIL"),
        [
            (
                row.name, row.state, f"{row.match}{f' from {row.sender}' if row.sender else ''}", row.words, row.agent,
                f"{row.fires} of {row.budget}", screen.when(row.expires),
            )
            for row in rows
        ],
        empty="Nothing stands. Begin with: meshclaw standing add --help",
    )  # fmt: skip


@command.command()
@click.argument("name")
@screen.dry_run
@screen.as_json
def remove(name: str, dry_run: bool, as_json: bool) -> None:
    """Take NAME back."""
    with _opened() as (claw, shelf):
        one = shelf.get(name)
        if not dry_run:
            shelf.drop(one)
            claw.ledger.record(StandingChanged(standing=one.id, what="removed"))
    if as_json:
        screen.data({"id": one.id, "name": one.name, "done": not dry_run})
    else:
        screen.words(f"{'Would remove' if dry_run else 'Removed'} {one.name}.")


@command.command()
@click.argument("name", required=False)
@click.option("-n", "number", type=click.IntRange(1), default=20, show_default=True, help="How many.")
@screen.as_json
def log(name: str | None, number: int, as_json: bool) -> None:
    """What fitted, by which place, and what was asked because of it."""
    with _opened() as (claw, shelf):
        names = {one.id: one.name for one in shelf.all()}
        wanted = shelf.get(name).id if name else ""
        runs = {(event.standing, event.message): event.run for event in claw.ledger.events(StandingStarted)}
        rows = [
            Logged(
                at=event.ts, standing=names.get(event.standing, event.standing), message=event.message,
                why=" ".join(msgspec.json.decode(claw.contents.get(event.why), type=str).split()), held=event.held,
                run=runs.get((event.standing, event.message), ""),
            )
            for event in claw.ledger.events(StandingMatched) if wanted in ("", event.standing)
        ][-number:]  # fmt: skip
    if as_json:
        screen.data(rows)
        return
    screen.table(
        ("AT", "NAME", "FITS", "RUN"),
        [(screen.when(row.at), row.standing, row.why, screen.short(row.run) or row.held) for row in rows],
        empty="Nothing fitted yet.",
    )


def _listed(claw: Claw, one: Standing, matched: list[StandingMatched]) -> Listed:
    state: State = "over" if one.over or one.expires < claw.ledger.now().astimezone(UTC).isoformat() else "on"
    if state == "on" and unfit(claw, one):
        state = "changed"
    return Listed(
        id=one.id, name=one.name, state=state, match=one.match, sender=one.sender, words=one.words, agent=one.agent,
        fires=sum(event.standing == one.id and not event.held for event in matched), budget=one.budget,
        expires=one.expires,
    )  # fmt: skip
