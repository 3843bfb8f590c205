"""``meshclaw run``: list, show, resume, cancel, undo."""

from __future__ import annotations

import sys

import click

from meshclaw.cli import screen
from meshclaw.runs.outbox import Item
from meshclaw.runs.run import Told, tell, tell_last
from meshclaw.runs.run import cancel as cancel_run
from meshclaw.runs.talk import answer_of
from meshclaw.wiring import open_claw
from meshclaw.wiring.working import resume_run, undo_run


@click.group("run")
def command() -> None:
    """What the claw did, one piece of work at a time; everything here can be taken back."""


@command.command("list")
@click.option("-n", "--number", default=20, show_default=True, help="How many of the last runs.")
@screen.as_json
def list_(number: int, as_json: bool) -> None:
    """The last runs, newest first."""
    with open_claw() as claw:
        runs = tell_last(claw.ledger, claw.contents, number)[::-1]
    if as_json:
        screen.data([_summary(told) for told in runs])
        return
    screen.table(
        ("RUN", "STARTED", "STATE", "INTENT", "DONE", "ASKED", "DENIED", "FAILED", "ON"),
        [
            (
                screen.short(told.run.id), screen.when(told.started), told.state, told.run.request.intent,
                str(told.count("done")), str(told.count("asked")), str(told.count("denied")),
                str(told.count("failed", "unknown", "reserved")), told.run.subject,
            )
            for told in runs
        ],
        empty="No run yet. Start with: meshclaw demo",
    )  # fmt: skip


@command.command()
@click.argument("run")
@screen.as_json
def show(run: str, as_json: bool) -> None:
    """One run, action by action. RUN is the start or the end of its id."""
    with open_claw() as claw:
        told = tell(claw.ledger, claw.contents, run)
        answer = answer_of(claw.ledger, claw.contents, told.run.id)
    if as_json:
        screen.data(
            {**_summary(told), "answer": answer, "actions": [_action(item) for item in told.items.values()]}
        )
        return
    click.echo(f"Run {told.run.id}  {told.run.request.intent}  {click.style(told.state, bold=True)}")
    click.echo(
        f"  by {told.run.agent} on {screen.clean(told.run.subject)}, started {screen.when(told.started)}"
    )
    if told.state == "frozen":
        click.echo(
            "  It wanted to ask you too much after it read what others can write, so it may only read.\n"
            "  What it had asked is withdrawn; what you still want of it, ask for anew."
        )
    screen.table(
        ("STAND", "VERB", "EFFECT", "RULE", "WHERE"),
        [
            (
                i.stand,
                i.decided.verb,
                i.decided.effect,
                i.decided.rule,
                i.performed.link if i.performed else "",
            )
            for i in told.items.values()
        ],
        empty="It did nothing.",
    )
    if answer:
        click.echo("\nIt answered:")
        screen.lines(answer)


@command.command()
@click.argument("run")
@screen.as_json
def resume(run: str, as_json: bool) -> None:
    """Go on with a run that was stopped: settle what is in doubt, then do the rest."""
    with open_claw() as claw:
        told = tell(claw.ledger, claw.contents, run)
        results = resume_run(claw, told)
        after = tell(claw.ledger, claw.contents, told.run.id)
        answer = answer_of(claw.ledger, claw.contents, told.run.id)
    if as_json:
        screen.data(_summary(after))
    else:
        screen.lines(answer)
        screen.words(
            f"Run {screen.short(after.run.id)} is {after.state}: {after.count('done')} actions done."
        )
    for result in results:
        if result.stand == "unknown":
            screen.words(
                f"  In doubt: {result.action.verb}. {result.error or 'No proof either way'}; look yourself."
            )
    sys.exit(1 if after.count("unknown") else 0)


@command.command()
@click.argument("run")
@screen.dry_run
def cancel(run: str, dry_run: bool) -> None:
    """Close a run that was stopped or waits; what it did stays done."""
    with open_claw() as claw:
        told = tell(claw.ledger, claw.contents, run)
        if dry_run:
            screen.words(f"Would cancel run {screen.short(told.run.id)}, which is {told.state}.")
            return
        count = cancel_run(claw.ledger, told)
    screen.words(f"Cancelled; {count} open {'thing' if count == 1 else 'things'} will not happen.")


@command.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
@screen.dry_run
@screen.as_json
def undo(runs: tuple[str, ...], dry_run: bool, as_json: bool) -> None:
    """Take back everything each RUN did that can be taken back. Exits 1 where something could not."""
    with open_claw() as claw:
        told = [tell(claw.ledger, claw.contents, run) for run in runs]
        undone = [undo_run(claw, one, dry_run=dry_run) for one in told]
    done, failed = sum(one.undone for one in undone), sum(one.failed for one in undone)
    if as_json:
        screen.data({"undone": done, "failed": failed})
    else:
        screen.words(
            f"Would take back {done} actions." if dry_run else f"Taken back: {done}. Could not be: {failed}."
        )
        for result in (result for one in undone for result in one.results if result.error is not None):
            screen.words(f"  {result.action.verb}: {result.error}")
    sys.exit(1 if failed else 0)


def _summary(told: Told) -> dict[str, object]:
    stands = ("done", "asked", "denied", "failed", "unknown", "reserved")
    return {
        "run": told.run.id, "state": told.state, "intent": told.run.request.intent, "agent": told.run.agent,
        "subject": told.run.subject, "started": told.started, **{stand: told.count(stand) for stand in stands},
    }  # fmt: skip


def _action(item: Item) -> dict[str, object]:
    return {
        "external_id": item.decided.external_id, "verb": item.decided.verb, "effect": item.decided.effect,
        "stand": item.stand, "rule": item.decided.rule, "arguments": item.decided.arguments,
        "link": item.performed.link if item.performed else "",
        "undo": item.performed.undo if item.performed else None,
    }  # fmt: skip
