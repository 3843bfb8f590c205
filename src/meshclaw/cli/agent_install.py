"""``meshclaw agent install | diff | remove``: nothing without a look at what it asks for."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from meshclaw.cli import screen
from meshclaw.errors import MeshClawError, NotFound, UserError
from meshclaw.flow.autonomy import LADDER
from meshclaw.flow.event.agent import AgentInstalled, AgentPurged, AgentRemoved
from meshclaw.flow.event.guard import AutonomyChanged
from meshclaw.guard.layers.autonomy import Autonomy, start_level
from meshclaw.runs.asked import first_level
from meshclaw.wiring import Claw, open_claw

if TYPE_CHECKING:
    from meshclaw.agents.installed import Known
    from meshclaw.agents.package import Package


@click.command()
@click.argument("source", metavar="FOLDER|ARCHIVE|REPOSITORY")
@click.option("--yes", "yes", default="", metavar="sha256:…", help="You saw exactly this one: do not ask.")
@screen.dry_run
@screen.as_json
def install(source: str, yes: str, dry_run: bool, as_json: bool) -> None:
    """Take an agent in, after you have seen what it asks for; an update shows what it changes.

    SOURCE is a folder, a .zip or .tar.gz, or a git repository (https://host/agent.git or git+file:///path, with a
    folder in it behind a #). It is read, never run; its files are copied and pinned by their digest.
    """
    from meshclaw.agents.package import open_
    from meshclaw.agents.source.read import read
    from meshclaw.cli import agent_shown

    package = open_(read(source))
    with open_claw() as claw:
        found = agent_shown.findings(claw, package)
        before = _current(claw, package.definition.name)
        if not as_json:
            _show(claw, package, before)
            agent_shown.tell_findings(found)
        if errors := [one.what for one in found if one.level == "error"]:
            raise UserError(
                f"it is not installed: {'; '.join(errors)}", fix="Ask its author, or mend a copy of it."
            )
        pinned = f"sha256:{package.digest}"
        if before is not None and before.digest == package.digest and _is_whole(claw, before):
            screen.words(f"{before.label} is installed already, as it is.")
        elif not dry_run:
            _ask(pinned, yes)
            _take(claw, package, before)
    if as_json:
        screen.data(
            {"agent": package.agent.label, "digest": pinned, "replaces": before.label if before else "",
             "installed": not dry_run, "findings": found}
        )  # fmt: skip
    elif dry_run:
        screen.words(f"Would install {package.agent.label}; --yes {pinned} says yes to exactly this.")


def _current(claw: Claw, name: str) -> Known | None:
    one = claw.installed.known.get(name)
    return one if one is not None and one.standing == "installed" else None


def _is_whole(claw: Claw, one: Known) -> bool:
    try:
        claw.installed.load(one.digest, one.label)
    except MeshClawError:
        return False
    return True


def _show(claw: Claw, package: Package, before: Known | None) -> None:
    from meshclaw.agents.difference import difference
    from meshclaw.cli.agent_shown import MOST_LINES, rights, tell, tell_difference

    tell(claw, package.agent, package, words=MOST_LINES if before is None else 0)
    if before is not None and _is_whole(claw, before):
        old = claw.installed.load(before.digest, before.label)
        click.echo(f"\n{click.style(f'Against {before.label}:', bold=True)}")
        tell_difference(
            difference(old, package), rights(claw, old.agent, old), rights(claw, package.agent, package),
            lines=MOST_LINES,
        )  # fmt: skip
    click.echo()


def _ask(pinned: str, yes: str) -> None:
    if yes and yes != pinned:
        raise UserError(
            f"this is not what you said yes to: it is {pinned}",
            fix="Read what it asks, then say yes to that.",
        )
    if not yes:
        screen.words(f"It is {pinned}.")
        click.confirm("Install it, with these rights?", abort=True, err=True)


def _take(claw: Claw, package: Package, before: Known | None) -> None:
    label, digest = package.agent.label, claw.installed.put(package.files)
    levels = _levels(claw, package, before.label if before else "")
    replaces = before.digest if before else ""
    claw.ledger.record(AgentInstalled(agent=label, digest=digest, replaces=replaces), *levels)
    screen.words(f"Installed {label}. Ask it: meshclaw agent run {package.definition.name} WORDS")
    lost = "; what it had earned, it earns anew" if before else ""
    if levels:
        told = ", ".join(f"{one.verb} at {one.level}" for one in levels)
        screen.words(f"It begins lower than usual: {told}{lost}.")
    elif before:
        screen.words(f"It begins as a new agent does{lost}.")


def _levels(claw: Claw, package: Package, before: str) -> list[AutonomyChanged]:
    """Where it begins below the usual: by its own wish, or since the one before it was told no."""
    autonomy, wished = Autonomy(claw.ledger.events(AutonomyChanged)), package.definition.autonomy
    changes: list[AutonomyChanged] = []
    for one in [*claw.declarations(), *package.declarations]:
        if not package.agent.rights.allow(one):
            continue
        first = first_level(one, wished.get(one.verb))
        earned = autonomy.level(before, one) if before else first
        lowest = LADDER[min(LADDER.index(first), LADDER.index(earned))]
        if lowest != start_level(one):
            changes.append(
                AutonomyChanged(agent=package.agent.label, verb=one.verb, level=lowest, by="person")
            )
    return changes


@click.command()
@click.argument("name")
@click.argument("source", metavar="FOLDER|ARCHIVE|REPOSITORY")
@screen.as_json
def diff(name: str, source: str, as_json: bool) -> None:
    """What the installed NAME would become with SOURCE: rights, limits, files and words. Exits 1 where they differ."""
    from meshclaw.agents.difference import difference
    from meshclaw.agents.package import open_
    from meshclaw.agents.source.read import read
    from meshclaw.cli.agent_shown import rights, tell_difference

    after = open_(read(source))
    with open_claw() as claw:
        before = claw.installed.get(name)
        changed = difference(before, after)
        was, now = rights(claw, before.agent, before), rights(claw, after.agent, after)
    if as_json:
        screen.data(
            {"before": before.agent.label, "after": after.agent.label, "rights": {"before": was, "after": now},
             "difference": changed}
        )  # fmt: skip
    elif before.digest == after.digest:
        screen.words("They are the same.")
    else:
        tell_difference(changed, was, now)
    sys.exit(0 if before.digest == after.digest else 1)


@click.command()
@click.argument("name")
@click.option("--undo", is_flag=True, help="Take it back as it was.")
@click.option("--purge", is_flag=True, help="Delete its files for good, of every version.")
@click.option("--yes", is_flag=True, help="Do not ask before deleting for good.")
@screen.dry_run
@screen.as_json
def remove(name: str, undo: bool, purge: bool, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Let an agent do nothing any more. Its files are kept until --purge; --undo takes it back."""
    if undo and purge:
        raise click.UsageError("--undo and --purge exclude one another")
    with open_claw() as claw:
        one = _removable(claw, name, undo=undo, purge=purge)
        what = "take back" if undo else "delete for good" if purge else "remove"
        if purge and not (yes or dry_run):
            several = f"{len(one.versions)} version{'' if len(one.versions) == 1 else 's'}"
            click.confirm(f"Delete {several} of {name} for good?", abort=True, err=True)
        if not dry_run:
            _do(claw, one, undo=undo, purge=purge)
    if as_json:
        screen.data({"agent": one.label, "digest": one.digest, "done": "" if dry_run else what})
    else:
        screen.words(f"{'Would ' if dry_run else 'Done: '}{what} {one.label}.")
        if not (undo or purge or dry_run):
            screen.words(f"Its files are kept. Back with: meshclaw agent remove {name} --undo")


def _removable(claw: Claw, name: str, *, undo: bool, purge: bool) -> Known:
    one = claw.installed.known.get(name)
    if undo and (one is None or one.standing != "removed"):
        raise NotFound(f"no agent {name!r} was removed and kept", fix="See: meshclaw agent list")
    if one is None or one.standing == "purged" or (one.standing == "removed" and not (undo or purge)):
        raise NotFound(f"no agent {name!r} is installed", fix="See: meshclaw agent list")
    return one


def _do(claw: Claw, one: Known, *, undo: bool, purge: bool) -> None:
    if undo:
        claw.installed.load(one.digest, one.label)  # Damaged where it was changed meanwhile
        claw.ledger.record(AgentInstalled(agent=one.label, digest=one.digest, restored=True))
        return
    if one.standing == "installed":
        claw.ledger.record(AgentRemoved(agent=one.label, digest=one.digest))
    if purge:
        claw.ledger.record(AgentPurged(agent=one.label, versions=claw.installed.purge(one.name)))
