"""``meshclaw mesh``: join, status, show, send, key, leave: this claw in its company's mesh."""

from __future__ import annotations

from datetime import UTC, date, datetime

import click
import msgspec

from meshclaw.cli import screen
from meshclaw.errors import Garbled, UserError
from meshclaw.settings import mesh as settings
from meshclaw.settings.mesh import Membership
from meshclaw.wiring import Claw, mesh, open_claw


@click.group("mesh")
def command() -> None:
    """What your company's hub learns from this claw: sums by day under a name of the quarter, no word of yours.

    All of it can be seen before it is sent: meshclaw mesh show
    """


@command.command()
@click.argument("url")
@click.option(
    "--key", "with_key", is_flag=True, help="This is another device of yours: take the first one's key."
)
@screen.dry_run
@screen.as_json
def join(url: str, with_key: bool, dry_run: bool, as_json: bool) -> None:
    """Enrol this claw at URL with the one-time code that your company gave you; it is asked for."""
    from meshclaw.mesh.client import Client

    with open_claw(limited=False) as claw:
        if (claw.folder / settings.FILE).exists():
            raise UserError(
                f"this claw is in the mesh of {settings.load(claw.folder).name}", fix="meshclaw mesh leave"
            )
        client = Client(url, claw.ledger.device)
        if dry_run:
            screen.words(f"Would enrol the device {claw.ledger.device.id} at {url}.")
            return
        if with_key:
            settings.put_person_key(
                claw.folder, click.prompt("The first device's key", hide_input=True, err=True)
            )
        code, _, hub = click.prompt("The code", err=True).strip().partition(".")
        enrolled = client.enrol(code)
        if hub and not enrolled.hub.startswith(hub.lower()):
            raise Garbled(
                "what answered is not the hub that gave out this code", fix="Tell your security team."
            )
        settings.person_key(claw.folder)
        settings.keep(
            claw.folder,
            Membership(
                url=url, hub=enrolled.hub, device=enrolled.device, name=enrolled.name, unit=enrolled.unit,
                since=_today().isoformat(),
            ),
        )  # fmt: skip
    if as_json:
        screen.data(enrolled)
    else:
        screen.words(
            f"Joined {enrolled.name} as a device of the unit {enrolled.unit}. Nothing before today is told."
        )
        screen.words("See what will be: meshclaw mesh show")


@command.command()
@screen.as_json
def status(as_json: bool) -> None:
    """Which mesh this is, what was told, and what the hub has confirmed."""
    with open_claw(limited=False) as claw, mesh.journal(claw) as journal:
        mine = settings.load(claw.folder)
        acks = journal.acks()
        found = {
            "company": mine.name, "url": mine.url, "device": mine.device, "unit": mine.unit, "since": mine.since,
            "facts": journal.length, "acknowledged": journal.acknowledged,
            "witnessed": max((ack.ledger_seq for ack in acks), default=0), **_laid_down(claw),
        }  # fmt: skip
    if as_json:
        screen.data(found)
        return
    for name, value in found.items():
        click.echo(f"{name.replace('_', ' '):<18} {screen.clean(str(value))}")
    screen.words("Witnessed: the hub vouches for your ledger up to that event; nobody can rewrite it unseen.")


@command.command()
@click.option("--all", "all_", is_flag=True, help="Also what was told already.")
@screen.as_json
def show(all_: bool, as_json: bool) -> None:
    """Every fact that will be told, word for word as the hub gets it."""
    with open_claw(limited=False) as claw, mesh.journal(claw) as journal:
        mesh.collect(claw, journal, _today())
        facts = journal.facts(0 if all_ else journal.acknowledged)
    if as_json:
        screen.data(facts)
        return
    for fact in facts:
        told = msgspec.to_builtins(fact)
        words = " ".join(
            f"{name}={value}" for name, value in told.items() if name not in ("id", "who", "day", "kind")
        )
        click.echo(f"{fact.day}  {fact.kind:<8} {words}")
    screen.words(f"{len(facts):,} facts. Today's come tomorrow, when the day is over.")


@command.command()
@screen.dry_run
@screen.as_json
def send(dry_run: bool, as_json: bool) -> None:
    """Tell the hub what it does not have yet; the daemon does the same once a day."""
    with open_claw(limited=False) as claw, mesh.journal(claw) as journal:
        mine = settings.load(claw.folder)
        mesh.collect(claw, journal, _today())
        waiting = journal.length - journal.acknowledged
        if dry_run:
            screen.words(f"Would tell {waiting:,} facts to {mine.name}.")
            return
        from meshclaw.mesh.client import enrolled
        from meshclaw.mesh.telling import push

        sent = push(journal, enrolled(claw.folder, claw.ledger.device), claw.ledger)
    if as_json:
        screen.data({"sent": sent})
    else:
        screen.words(f"{sent:,} facts told to {mine.name}, and confirmed.")


@command.command()
def key() -> None:
    """Your key, for another device of yours: with it both count as one person. Whoever has it knows your pseudonyms."""
    with open_claw(limited=False) as claw:
        click.echo(settings.person_key(claw.folder).hex())


@command.command()
@screen.dry_run
def leave(dry_run: bool) -> None:
    """Tell nothing any more. What was told stays told; the company revokes the device on its side."""
    with open_claw(limited=False) as claw:
        mine, stopped = settings.load(claw.folder), claw.stopped()
        if stopped is not None and stopped.by == "fleet":
            raise UserError(
                "your company stopped every claw; leaving would not start this one",
                fix="Leave once the stop is lifted.",
            )
        if not dry_run:
            from meshclaw.mesh import following

            settings.forget(claw.folder)
            following.forget(claw.folder)
    screen.words(f"{'Would leave' if dry_run else 'Left'} the mesh of {mine.name}.")


def _laid_down(claw: Claw) -> dict[str, object]:
    """What the hub has this claw do."""
    from meshclaw.mesh import following

    kept, stopped = following.load(claw.folder), claw.stopped()
    if kept.newest is None:
        return {}
    return {
        "policy": kept.policy.version if kept.policy else 0, "policy_until": kept.policy.expires if kept.policy else "",
        "policy_expired": bool(claw.laid_down and claw.laid_down.expired),
        "policy_problem": kept.problem, "stopped_by_company": bool(stopped and stopped.by == "fleet"),
    }  # fmt: skip


def _today() -> date:
    return datetime.now(UTC).date()
