"""``meshclaw hub policy`` and ``meshclaw hub stop``: what the company lays down, and whether it is in force."""

from __future__ import annotations

import re
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from meshclaw.cli import screen
from meshclaw.cli.hub_opened import in_folder, opened
from meshclaw.errors import Damaged, UserError
from meshclaw.flow.limits import Limits

if TYPE_CHECKING:
    from meshclaw.flow.mesh import Policy, Ring

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
RING = click.Choice(["canary", "all"])
SHOWN = 20


@click.group("policy")
def policy() -> None:
    """What every claw is held to, beside its own and its person's policies: the tightest wins."""


@policy.command()
@click.argument("file", type=FILE)
@click.option("--limits", type=FILE, help="A limits.toml that goes with it.")
@click.option("--ring", type=RING, default="canary", show_default=True, help="Who gets it: canaries first.")
@click.option("--expires", default="90d", show_default=True, metavar="SPAN",
              help="Without a newer version after that, nothing leaves the machines: 12h, 90d, 52w.")  # fmt: skip
@click.option("--offline", type=click.Choice(["stop", "go-on"]), default="stop", show_default=True,
              help="What a claw does that used up its lease while the hub does not answer.")  # fmt: skip
@in_folder
@screen.dry_run
@screen.as_json
def publish(
    file: Path, limits: Path | None, ring: Ring, expires: str, offline: str, folder: Path | None, *,
    dry_run: bool, as_json: bool,
) -> None:  # fmt: skip
    """Sign FILE.cedar as a new version and give it to a ring; its claws have it in a moment."""
    text, lives = _checked(file), _span(expires)
    numbers = _limits(limits) if limits else Limits()
    if dry_run:
        screen.words(f"{file} holds. Would give it to the ring {ring}.")
        return
    with opened(folder) as hub:
        made = hub.policies.publish(
            cedar=text, limits=numbers, ring=ring, lives=lives, offline=offline.replace("-", "_")
        )
    _told(made, as_json=as_json)
    if ring == "canary":
        screen.words(f"When it has proved itself: meshclaw hub policy promote {made.version}")


@policy.command()
@click.argument("version", type=int)
@in_folder
@screen.as_json
def promote(version: int, folder: Path | None, *, as_json: bool) -> None:
    """Give all claws what canaries have as VERSION; it becomes a new version."""
    with opened(folder) as hub:
        _told(hub.policies.promote(version), as_json=as_json)


@policy.command()
@click.argument("device")
@click.argument("which", metavar="canary|all", type=RING)
@in_folder
def ring(device: str, which: Ring, folder: Path | None) -> None:
    """Put DEVICE among the canaries, or back among all."""
    with opened(folder) as hub:
        hub.policies.put_in_ring(device, which)
    screen.words(f"{device} is in the ring {which}.")


@policy.command()
@in_folder
@screen.as_json
def status(folder: Path | None, *, as_json: bool) -> None:
    """For each ring, how many devices have the newest version in force, and which do not."""
    with opened(folder) as hub:
        rings = hub.policies.status()
    if as_json:
        screen.data(rings)
        return
    for one in rings:
        what = f"version {one.version}" + (", stopped" if one.stopped else "")
        until = f", until {one.expires[:10]}" if one.expires else ""
        if not one.version:
            click.echo(f"{one.ring:<7} no policy, {one.devices:,} devices")
            continue
        click.echo(f"{one.ring:<7} {what}{until}: in force on {one.in_force:,} of {one.devices:,} devices")
        for device in one.behind[:SHOWN]:
            click.echo(f"  behind: {device}  {screen.clean(one.refused.get(device, ''))}".rstrip())
        if len(one.behind) > SHOWN:
            click.echo(f"  and {len(one.behind) - SHOWN:,} more; --json has them all")


@click.command("stop")
@click.argument("reason", default="")
@click.option("--lift", is_flag=True, help="Let the claws go on.")
@in_folder
@screen.dry_run
def stop(reason: str, folder: Path | None, *, lift: bool, dry_run: bool) -> None:
    """Stop every claw of the company that has a daemon running, now. REASON is told to the people."""
    if not lift and not reason.strip():
        raise UserError("say why: everybody who is stopped reads it", fix='meshclaw hub stop "REASON"')
    if dry_run:
        screen.words("Would let every claw go on." if lift else "Would stop every claw.")
        return
    with opened(folder) as hub:
        made = hub.policies.lift() if lift else hub.policies.stop(reason.strip())
    words = "The claws may go on" if lift else "Stopped"
    screen.words(f"{words}, by version {made[-1].version}. Which of them know: meshclaw hub policy status")


def _told(made: Policy, *, as_json: bool) -> None:
    if as_json:
        screen.data({"version": made.version, "ring": made.ring, "expires": made.expires})
    else:
        screen.words(
            f"Version {made.version} is for the ring {made.ring}, until {made.expires[:10] or 'a newer one comes'}."
        )


def _checked(file: Path) -> str:
    """Its text. UserError where it does not hold against what MeshClaw's own connectors declare."""
    from meshclaw.guard.policy.policies import from_texts
    from meshclaw.guard.policy.source import read
    from meshclaw.wiring.claw import SHIPPED

    text = read(file) or ""
    if not text.strip():
        raise UserError(f"{str(file)!r} is empty: it would permit nothing at all")
    try:
        from_texts([one for declared in SHIPPED.values() for one in declared.values()], mesh=text)
    except Damaged as error:
        raise UserError(
            f"{file} does not hold: {error.message.removesuffix('; so nothing runs')}",
            fix=f"meshclaw policy check {file}",
        ) from error
    return text


def _limits(file: Path) -> Limits:
    from meshclaw.guard.limits import parse

    try:
        table = tomllib.loads(file.read_text("utf-8"))
    except (ValueError, OSError) as error:
        raise UserError(f"{file} cannot be understood: {error}") from error
    if set(table) != {"limits"}:
        raise UserError(f"{file} has the tables of [limits] and nothing else", fix="See docs/budget.md")
    try:
        return parse(table["limits"], str(file))
    except Damaged as error:
        raise UserError(error.message.removesuffix(", so nothing runs")) from error


def _span(text: str) -> timedelta:
    match = re.fullmatch(r"([1-9]\d{0,3})([hdw])", text)
    if match is None:
        raise UserError(f"{text!r} is no span of time", fix="As in: --expires 12h, 90d or 52w")
    units = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
    return int(match[1]) * units[match[2]]
