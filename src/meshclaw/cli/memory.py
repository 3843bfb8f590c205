"""``meshclaw memory``: what the claw remembers, why, since when, and how to have it forget."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import click

from meshclaw.agents.memory.recall import recall as search
from meshclaw.cli import screen
from meshclaw.errors import UserError
from meshclaw.flow.memory import EVERYWHERE, Fact, Revision, Source, Step
from meshclaw.runs import revising
from meshclaw.wiring import open_claw
from meshclaw.wiring.memory import likeness

LAST = 30


@click.group("memory")
def command() -> None:
    """What your claw remembers about you. It stays on this machine; each change is numbered and can be taken back."""


@command.command("list")
@click.option("--scope", default=None, help="Only these: person, agent:NAME or about:SUBJECT.")
@click.option("--all", "all_", is_flag=True, help="Also what was superseded, merged, taken back or ran out.")
@screen.as_json
def list_(scope: str | None, all_: bool, as_json: bool) -> None:
    """All that is remembered, oldest first."""
    with open_claw(limited=False) as claw:
        facts = claw.memory.everything(scope=scope) if all_ else claw.memory.live(scope=scope)
    if as_json:
        screen.data(facts)
        return
    screen.table(
        ("ID", "SINCE", "WHOSE WORD", "STATE", "WHAT") if all_ else ("ID", "SINCE", "WHOSE WORD", "WHAT"),
        [
            (str(one.id), _day(one.learned), one.trust, *([one.state] if all_ else []), _told(one))
            for one in facts
        ],
        empty='Nothing is remembered yet. Tell it something: meshclaw memory add "my dentist is Dr Weber"',
    )


@command.command()
@click.argument("words", nargs=-1, required=True)
@click.option("--limit", default=8, show_default=True, type=click.IntRange(1, 50), help="How many at most.")
@screen.as_json
def recall(words: tuple[str, ...], limit: int, as_json: bool) -> None:
    """What comes to mind at WORDS, the nearest first, and why each of them does."""
    with open_claw(limited=False) as claw:
        scopes = claw.memory.scopes() or [EVERYWHERE]
        found = search(
            claw.memory,
            " ".join(words),
            now=revising.now_ms(claw.ledger),
            scopes=scopes,
            limit=limit,
            likeness=likeness(claw),
        )
    if as_json:
        screen.data(found)
        return
    screen.table(
        ("ID", "WHAT", "WHY"),
        [(str(one.fact.id), _told(one.fact), one.why) for one in found],
        empty="Nothing comes to mind.",
    )


@command.command()
@click.argument("words", nargs=-1, required=True)
@click.option("--scope", default=EVERYWHERE, help="For whom it holds: person, agent:NAME or about:SUBJECT.")
@click.option("--days", default=None, type=click.IntRange(1, 36_500), help="After how many days it runs out.")
@screen.as_json
def add(words: tuple[str, ...], scope: str, days: int | None, as_json: bool) -> None:
    """Remember one sentence. What it contradicts by "my ... is ..." gives way to it."""
    if scope != EVERYWHERE and scope.partition(":")[0] not in ("agent", "about"):
        raise click.UsageError("--scope is person, agent:NAME or about:SUBJECT")
    with open_claw(limited=False) as claw:
        expires = int((claw.ledger.now() + timedelta(days=days)).timestamp() * 1000) if days else None
        stated = revising.state(
            claw.memory, claw.ledger, " ".join(words), by="person", source=Source(what="typed"), scope=scope,
            expires=expires,
        )  # fmt: skip
        steps = claw.memory.steps(stated.revision.number) if stated.revision else []
    if as_json:
        screen.data(stated)
    elif stated.revision is None:
        screen.words(f"That is remembered already: {stated.known}.")
    else:
        _show(stated.revision, steps)


@command.command()
@click.option("--last", default=LAST, show_default=True, type=click.IntRange(1), help="How many.")
@screen.as_json
def log(last: int, as_json: bool) -> None:
    """Every change of the memory, the newest first."""
    with open_claw(limited=False) as claw:
        found = claw.memory.revisions(last)
    if as_json:
        screen.data(found)
        return
    screen.table(
        ("REV", "WHEN", "BY", "WHAT", "RUN"),
        [(str(one.number), _when(one.at), one.by, _counts(one), screen.short(one.run)) for one in found],
        empty="Nothing was ever remembered.",
    )


@command.command()
@click.argument("revision", type=int)
@screen.as_json
def diff(revision: int, as_json: bool) -> None:
    """What REVISION changed, line by line."""
    with open_claw(limited=False) as claw:
        found, steps = claw.memory.revision(revision), claw.memory.steps(revision)
    if as_json:
        screen.data({"revision": found, "steps": steps})
    else:
        _show(found, steps)


@command.command()
@click.argument("revision", type=int)
@click.option("--fact", default=None, type=int, metavar="ID", help="Only what it did to this one.")
@screen.dry_run
@screen.as_json
def undo(revision: int, fact: int | None, dry_run: bool, as_json: bool) -> None:
    """Take back REVISION: everything is as it was before it. What a dream learned and you take back, no dream learns
    again. An undo is a revision too and can be taken back."""
    with open_claw(limited=False) as claw:
        if dry_run:
            screen.words("Would take back:")
            _show(claw.memory.revision(revision), claw.memory.steps(revision))
            return
        made = revising.undo(claw.memory, claw.ledger, revision, fact=fact)
        steps = claw.memory.steps(made.number)
    if as_json:
        screen.data({"revision": made, "steps": steps})
    else:
        _show(made, steps)


@command.command()
@click.argument("ids", type=int, nargs=-1, required=True, metavar="ID...")
@click.option("--yes", is_flag=True, help="Do not ask.")
@screen.dry_run
@screen.as_json
def forget(ids: tuple[int, ...], yes: bool, dry_run: bool, as_json: bool) -> None:
    """Erase these for good, with all they were made of. Not to be undone: their words are wiped from the file.

    What you said in a conversation stays in the record of that conversation.
    """
    with open_claw(limited=False) as claw:
        facts = claw.memory.relatives(list(ids))
        if not facts:
            raise UserError("these are forgotten already")
        if not as_json:
            screen.words("Erased for good:" if not dry_run else "Would be erased for good:")
            for one in facts:
                screen.words(f"  {one.id}  {screen.clean(one.text)}")
        if dry_run:
            return
        if not yes:
            click.confirm("Forget exactly this?", abort=True, err=True)
        gone = revising.forget(claw.memory, claw.ledger, ids)
        is_clean = claw.memory.is_clean()
    if as_json:
        screen.data({"forgotten": gone, "wiped": is_clean})
    if not is_clean:
        screen.words(
            "Its last traces are wiped when the memory is next opened: now another process is in the file, or the disk "
            "is full."
        )


@command.command()
@click.argument("id_", type=int, metavar="ID")
@screen.as_json
def why(id_: int, as_json: bool) -> None:
    """Where a memory comes from, whose word it is, and what became of it."""
    with open_claw(limited=False) as claw:
        fact = claw.memory.get(id_)
        before, revisions = claw.memory.made_of(id_), claw.memory.touching(id_)
    if as_json:
        screen.data({"fact": fact, "instead_of": before, "revisions": revisions})
        return
    _explain(fact, before, revisions)


# -- shown ---------------------------------------------------------------------------------------

_FROM = {
    "typed": "you typed it", "words": "from your words in a request", "outcomes": "from what you did afterwards",
    "answers": "from your answers to approvals", "facts": "joined from other memories",
}  # fmt: skip


def _explain(fact: Fact, before: Sequence[Fact], revisions: Sequence[Revision]) -> None:
    source = fact.source
    rows = [
        ("what", _told(fact)), ("state", fact.state), ("whose word", fact.trust),
        ("from", f"{_FROM[source.what]}{f', {source.times} times' if source.times > 1 else ''}"),
        ("since", _when(fact.learned)),
    ]  # fmt: skip
    rows += [("scope", fact.scope)] if fact.scope != EVERYWHERE else []
    rows += [("answers", f"{fact.subject}: {fact.attribute}")] if fact.subject else []
    rows += [("runs out", _when(fact.expires))] if fact.expires else []
    rows += [("run", f"meshclaw run show {screen.short(one)}") for one in source.runs if one]
    rows += [("instead of", f"{one.id}  {_told(one)}") for one in before]
    rows += [("revision", f"{one.number}, {_when(one.at)}, by {one.by}: {_counts(one)}") for one in revisions]
    screen.table(("", ""), rows, empty="")


def _show(revision: Revision, steps: Sequence[Step]) -> None:
    undoes = f", takes back {revision.undoes}" if revision.undoes else ""
    click.echo(f"Revision {revision.number}, {_when(revision.at)}, by {revision.by}{undoes}")
    for step in steps:
        back = f"  (taken back by {step.undone})" if step.undone else ""
        for one in step.gone:
            click.echo(f"  - {one.id}  {screen.clean(_told(one))}{back}")
        for one in step.come:
            click.echo(f"  + {one.id}  {screen.clean(_told(one))}{back}")


def _told(fact: Fact) -> str:
    return fact.text or "(forgotten)"


def _counts(revision: Revision) -> str:
    told = ", ".join(f"{count} {kind}" for kind, count in revision.counts.items())
    return f"{told} of revision {revision.undoes}" if revision.undoes else told


def _when(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000).astimezone().strftime("%Y-%m-%d %H:%M")


def _day(ms: int) -> str:
    return _when(ms)[:10]
