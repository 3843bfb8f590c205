"""``meshclaw coding``: coding agents of others, each task in a box and on a branch of its own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from meshclaw.agents.builtin import CODER
from meshclaw.cli import screen
from meshclaw.cli.given import absolute, check_hosts, keep_secrets, needed, pairs, program_of
from meshclaw.connectors.coding.manifest import TASK
from meshclaw.errors import UserError
from meshclaw.flow.action import Action
from meshclaw.runs.run import start, working
from meshclaw.runs.using import told
from meshclaw.settings.coding import Coder, Coders, checked
from meshclaw.settings.home import home
from meshclaw.triggers import terminal
from meshclaw.wiring import open_claw
from meshclaw.wiring.coding import INTENT, grounds
from meshclaw.wiring.workplace import workplace

if TYPE_CHECKING:
    from meshclaw.runs.result import Result


@click.group("coding")
def command() -> None:
    """Coding agents (Claude Code, Codex, Gemini CLI, Kiro), started for one task over the Agent Client Protocol.

    Each works in a folder of its own, boxed in, with its model's vendor as the only way out. What it made lands on a
    branch whose commits say which run they came from. Nothing is merged and nothing is pushed.
    """


@command.command(context_settings={"ignore_unknown_options": True})
@click.argument("name")
@click.argument("program", nargs=-1, type=click.UNPROCESSED, required=True, metavar="-- COMMAND...")
@click.option("--read", "reads", multiple=True, help="A folder shown to it; what its program needs is found.")
@click.option("--host", "hosts", multiple=True, help="What it may reach: example.com or example.com:8443.")
@click.option("--env", "env", multiple=True, metavar="NAME=VALUE", help="In its environment. No secret.")
@click.option(
    "--secret", "secrets", multiple=True, metavar="NAME=HOST", help="A secret of the keyring, for that host."
)
@click.option("--secrets-stdin", is_flag=True, help="Read the secrets from standard input, one on each line.")
@click.option("--minutes", default=30, show_default=True, help="One task at most.")
@click.option(
    "--dollars", default=2.0, show_default=True, help="One task at most, as far as the agent tells."
)
@screen.dry_run
def add(
    name: str, program: tuple[str, ...], reads: tuple[str, ...], hosts: tuple[str, ...], env: tuple[str, ...],
    secrets: tuple[str, ...], secrets_stdin: bool, minutes: int, dollars: float, dry_run: bool,
) -> None:  # fmt: skip
    """Say how the coding agent NAME is started. It must speak the Agent Client Protocol on standard input and output.

    \b
    meshclaw coding add claude --secret ANTHROPIC_API_KEY=api.anthropic.com -- claude-code-acp
    """
    given = program_of(program)
    coder = checked(
        Coder(
            name=name, command=given, reads=(*needed(given), *map(absolute, reads)), hosts=hosts, env=pairs(env),
            secrets=pairs(secrets), minutes=minutes, dollars=dollars,
        )
    )  # fmt: skip
    check_hosts(coder.hosts, coder.secrets)
    coders = Coders(home())
    if name in coders.names():
        raise UserError(
            f"there is a coding agent {name!r} already", fix=f"First: meshclaw coding remove {name}"
        )
    if dry_run:
        screen.words(f"Would add {name}.")
        return
    keep_secrets(
        {variable: coder.keyring_of(variable) for variable in coder.secrets}, from_stdin=secrets_stdin
    )
    screen.words(f"Added {name}: {coders.put(coder)}")
    screen.words(f"  Give it a task: meshclaw coding run {name} REPOSITORY WORDS")


@command.command()
@screen.as_json
def agents(as_json: bool) -> None:
    """Every coding agent that may be started."""
    every = Coders(home()).all()
    if as_json:
        screen.data(every)
        return
    rows = [
        (one.name, ", ".join(dict.fromkeys((*one.hosts, *one.secrets.values()))) or "nothing", f"{one.minutes} min",
         f"${one.dollars:.2f}", " ".join(one.command))
        for one in every
    ]  # fmt: skip
    screen.table(
        ("AGENT", "REACHES", "TIME", "COST", "COMMAND"), rows,
        empty="None yet. Add one: meshclaw coding add NAME -- COMMAND",
    )  # fmt: skip


@command.command()
@click.argument("name")
def remove(name: str) -> None:
    """Forget the coding agent NAME. What it made stays."""
    Coders(home()).remove(name)
    screen.words(f"Removed {name}.")


@command.command()
@click.argument("agent")
@click.argument("repository", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("words", nargs=-1, required=True)
@screen.dry_run
@screen.as_json
def run(agent: str, repository: Path, words: tuple[str, ...], dry_run: bool, as_json: bool) -> None:
    """Give AGENT one task in REPOSITORY, and wait for it.

    It sees what is committed there, and nothing else of yours. Its work lands on a branch meshclaw/...; take it away
    with: meshclaw run undo.
    """
    place, task = str(repository.resolve()), " ".join(words)
    with open_claw() as claw:
        claw.refuse_if_stopped()
        Coders(claw.folder).get(agent)
        if dry_run:
            screen.words(f"Would start {agent} on {place}.")
            return
        if not as_json:
            screen.words(f"{agent} works on {place} ...")
        begun = start(
            claw.ledger, claw.contents, request=terminal.receive(INTENT), agent=CODER, subject=place
        )  # fmt: skip
        arguments = {"agent": agent, "repository": place, "task": task}
        with workplace(claw, begun) as there, working(claw.ledger, begun):
            action = Action(run=begun.id, verb=TASK, arguments=dict(arguments))
            [result] = there.door.act(begun, CODER, [action], by_person=True)
    if as_json:
        screen.data({"run": begun.id, "stand": result.stand, **_landed(result)})
    else:
        _tell(result)
    if result.stand != "done":
        sys.exit(3 if result.stand == "denied" else 1)


@command.command()
@screen.as_json
def left(as_json: bool) -> None:
    """Tasks that were cut off in the middle, whose folders are still there."""
    with open_claw(limited=False) as claw:
        found = grounds(claw).left()
    if as_json:
        screen.data([{"task": task, "repository": repository} for task, repository in found.items()])
        return
    screen.table(("TASK", "REPOSITORY"), [(task[:8], place) for task, place in found.items()], empty="None.")


@command.command()
@click.argument("task")
def clear(task: str) -> None:
    """Throw away what a TASK left that was cut off."""
    with open_claw(limited=False) as claw:
        ground = grounds(claw)
        found = [one for one in ground.left() if one.startswith(task)]
        if len(found) != 1:
            raise UserError(f"there is not exactly one task {task!r}", fix="See: meshclaw coding left")
        ground.clear(found[0])
    screen.words(f"Cleared {found[0][:8]}.")


def _landed(result: Result) -> dict[str, object]:
    return cast("dict[str, object]", result.value) if isinstance(result.value, dict) else {}


def _tell(result: Result) -> None:
    landed = _landed(result)
    if result.stand != "done":
        screen.words(told("", [result]))
        if result.error is not None and result.error.fix:
            screen.words(f"  {result.error.fix}")
        return
    if said := str(landed["said"]):
        screen.lines(said)
    if not landed["branch"]:
        screen.words(f"It changed nothing ({landed['ended']}).")
        return
    click.echo(
        f"Branch {landed['branch']}: {landed['commits']} commits, {landed['files']} files, "
        f"+{landed['added']} -{landed['removed']} ({landed['ended']})"
    )
    screen.words(f"  See it: git log -p HEAD..{landed['branch']}")
    screen.words(f"  Take it away: meshclaw run undo {screen.short(result.action.run)}")
