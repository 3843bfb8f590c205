"""``meshclaw agent``: new, list, show, test, run, diff, install, remove."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import click

from meshclaw.agents.builtin import AGENTS
from meshclaw.cli import screen
from meshclaw.cli.agent_install import diff, install, remove
from meshclaw.errors import MeshClawError, UserError
from meshclaw.flow.agent import Agent
from meshclaw.wiring import Claw, open_claw

if TYPE_CHECKING:
    from meshclaw.agents.package import Package
    from meshclaw.testing.trial import Tried


@click.group("agent")
def command() -> None:
    """Agents that people write and share: a folder with AGENT.md, its skills and its tests.

    Nothing is installed before you have seen what it asks for, and what was installed is pinned: any change of one
    of its files, and it does nothing. An agent never edits itself, your policy, its budget or its approvals.
    """


command.add_command(install)
command.add_command(diff)
command.add_command(remove)


@command.command()
@click.argument("name")
@click.option("--into", type=click.Path(file_okay=False, path_type=Path), default=Path(), help="Where; here.")
@screen.dry_run
@screen.as_json
def new(name: str, into: Path, dry_run: bool, as_json: bool) -> None:
    """Write the beginnings of an agent into the folder NAME: it may read mail, and its first test proves no more."""
    from meshclaw.agents.definition import name_problem
    from meshclaw.agents.template import template

    if wrong := name_problem(name):
        raise UserError(wrong)
    folder = into / name
    if folder.exists() or folder.is_symlink():
        raise UserError(f"{str(folder)!r} is there already", fix="Choose another name, or remove it first.")
    with open_claw(limited=False) as claw:
        files = template(name, claw.person.login)
    for path, content in () if dry_run else files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    if as_json:
        screen.data({"folder": str(folder), "files": sorted(files), "written": not dry_run})
        return
    screen.words(
        f"{'Would write' if dry_run else 'Wrote'} {', '.join(str(folder / path) for path in files)}."
    )
    screen.words(f"Next: meshclaw agent test {folder}{'' if '/' in str(folder) else '/'}")


@command.command("list")
@screen.as_json
def list_(as_json: bool) -> None:
    """Every agent: those that come with MeshClaw, and those that you installed."""
    with open_claw() as claw:
        rows = [_row(agent.name, agent, "comes with MeshClaw") for agent in AGENTS.values()]
        rows += [_installed(claw, one.name) for one in claw.installed.current()]
        removed = sorted(one.name for one in claw.installed.known.values() if one.standing == "removed")
    if as_json:
        screen.data({"agents": rows, "removed": removed})
        return
    for row in rows:
        click.echo(
            f"{click.style(row['name'], bold=True)} {row['version']} ({row['state']})".replace("  ", " ")
        )
        if row["purpose"]:
            click.echo(
                textwrap.fill(screen.clean(row["purpose"]), 79, initial_indent="  ", subsequent_indent="  ")
            )
    for name in removed:
        screen.words(f"Removed and kept: {name}. Back with: meshclaw agent remove {name} --undo")


def _row(name: str, agent: Agent | None, state: str) -> dict[str, str]:
    return {
        "name": name, "version": agent.version if agent else "", "owner": agent.owner if agent else "", "state": state,
        "purpose": agent.purpose if agent else "", "agent": agent.label if agent else "",
        "digest": agent.digest if agent else "",
    }  # fmt: skip


def _installed(claw: Claw, name: str) -> dict[str, str]:
    try:
        agent = claw.agent(name)
        return _row(name, agent, f"by {agent.owner}")
    except MeshClawError as error:  # changed on disk, or no longer understood: the others are still listed
        return _row(name, None, f"does nothing: {error.message}")


@command.command()
@click.argument("name", metavar="NAME|FOLDER")
@click.option(
    "--prompt", "with_prompt", is_flag=True, help="What a model is told in each call, with its tokens."
)
@screen.as_json
def show(name: str, with_prompt: bool, as_json: bool) -> None:
    """What an agent may do, what it asks for, and its own words."""
    from meshclaw.cli import agent_shown

    with open_claw() as claw:
        agent, package = _find(claw, name)
        if with_prompt:
            agent_shown.tell_prompt(claw, agent, package, as_json=as_json)
        elif as_json:
            screen.data(agent_shown.as_data(claw, agent, package))
        else:
            agent_shown.tell(claw, agent, package)
            agent_shown.tell_findings(agent_shown.findings(claw, package) if package else ())


def _find(claw: Claw, name: str) -> tuple[Agent, Package | None]:
    """By its name, or where its folder is."""
    if name in AGENTS:
        return AGENTS[name], None
    if "/" in name or name in (".", ".."):
        from meshclaw.agents.package import open_
        from meshclaw.agents.source.read import read

        package = open_(read(name))
    else:
        package = claw.installed.get(name)
    return package.agent, package


@command.command()
@click.argument("name", metavar="NAME|FOLDER")
@click.option("--model", default=None, metavar="NAME", help="Ask this model or class instead of the scripts.")
@screen.as_json
def test(name: str, model: str | None, as_json: bool) -> None:
    """Run the agent's own tests against the real guard and a made-up mailbox, and look for what had better be mended.

    Exits 1 where a test does not hold or something stands in the way of installing it.
    """
    from meshclaw.cli import agent_shown
    from meshclaw.testing.trial import hold, trials

    with open_claw() as claw:
        package = _find(claw, name)[1]
        if package is None:
            raise UserError(f"{name!r} comes with MeshClaw, and is tested there", fix="Name one of your own.")
        found = agent_shown.findings(claw, package)
        tried = [
            hold(package, path, trial, claw.source(model) if model else None)
            for path, trial in trials(package).items()
        ]
    holds = not any(one.wrong for one in tried) and all(one.level != "error" for one in found)
    if as_json:
        screen.data({"agent": package.agent.label, "holds": holds, "tests": tried, "findings": found})
    else:
        for one in tried:
            _tell_tried(one)
        agent_shown.tell_findings(found)
        screen.words(f"{len(tried)} tests, {sum(not one.wrong for one in tried)} hold; {len(found)} remarks.")
    sys.exit(0 if holds else 1)


def _tell_tried(tried: Tried) -> None:
    state = click.style("fails", fg="red", bold=True) if tried.wrong else click.style("holds", fg="green")
    click.echo(f"{state}  {screen.clean(tried.test)}")
    for word in tried.words:
        click.echo(f"  {word.verdict:<6} {word.verb:<18} {word.rule}")
    for wrong in tried.wrong:
        click.echo(f"  {click.style('wrong', fg='red')}  {screen.clean(wrong)}")


@command.command()
@click.argument("name")
@click.argument("words", nargs=-1, required=True)
@click.option("--intent", default="", help="Which of its intents; needed where it has several.")
@click.option(
    "--model", default=None, metavar="NAME", help="Ask this model or class, whatever the agent wants."
)
@click.option("--account", default=None, metavar="ADDRESS", help="Which mailbox, if several are connected.")
@screen.dry_run
@screen.as_json
def run(
    name: str, words: tuple[str, ...], intent: str, model: str | None, account: str | None, dry_run: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Ask the installed agent NAME for something, in your own words; they are its licence, within its rights."""
    from meshclaw.cli.ask import EXIT, by_model
    from meshclaw.wiring.working import intent_of

    with open_claw() as claw:
        agent = claw.agent(name)
        answer = by_model(
            claw, agent, " ".join(words).strip(), intent=intent_of(agent, intent), model=model, account=account,
            dry_run=dry_run, as_json=as_json,
        )  # fmt: skip
    if answer is not None:
        sys.exit(EXIT[answer.end])
