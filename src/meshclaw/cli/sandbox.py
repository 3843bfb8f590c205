"""``meshclaw sandbox``: explain, run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Literal

import click

from meshclaw.cli import screen
from meshclaw.errors import UserError
from meshclaw.guard import ceiling
from meshclaw.guard.sandbox.egress.rules import Rule
from meshclaw.guard.sandbox.explain import Explained, explain
from meshclaw.guard.sandbox.profile import Profile
from meshclaw.guard.sandbox.run import run
from meshclaw.runs.sandboxed import events_of
from meshclaw.wiring import open_claw

allow = click.option(
    "--allow",
    "hosts",
    multiple=True,
    metavar="HOST[:PORT]",
    help="A host that may be reached; without: no network.",
)
work_folder = click.option(
    "--work",
    type=click.Path(path_type=Path),
    default=Path(),
    help="The only folder that can be written; here.",
)


@click.group("sandbox")
def command() -> None:
    """Where commands run that nobody has to trust: no home, no keys, one folder, no network but what is named."""


@command.command("explain")
@work_folder
@allow
@screen.as_json
def explain_(work: Path, hosts: tuple[str, ...], as_json: bool) -> None:
    """What is there to build a sandbox with, what a command could do in it, and whether canaries got out.

    Exits 1 where nothing would be run.
    """
    told = explain(_profile(work, hosts))
    if as_json:
        screen.data(told)
    else:
        _show(told)
    sys.exit(0 if told.holds else 1)


@command.command("run", context_settings={"ignore_unknown_options": True})
@work_folder
@allow
@click.argument("line", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- COMMAND...")
def run_(work: Path, hosts: tuple[str, ...], line: tuple[str, ...]) -> None:
    """Run COMMAND in a sandbox; its exit code is ours.

    What it reached, what was refused and what it planted stand in the ledger.
    """
    with open_claw(limited=False) as claw:
        ledger, contents = claw.ledger, claw.contents  # where nothing can be written down nothing is run
        finished = run(
            _profile(work, hosts),
            line,
            unsandboxed_allowed=ceiling.load(ceiling.CEILING).sandbox == "if-available",
            stdin=subprocess.DEVNULL if sys.stdin.isatty() else sys.stdin.fileno(),
            on_output=_pass_on,
        )
        ledger.record(*events_of(finished, contents))
    for refusal in finished.refused:
        screen.words(f"Not let out: {screen.clean(refusal.reason)} ({refusal.rule}).")
    for path in finished.planted:
        screen.words(f"Set aside: {screen.clean(path)}, which steers what others run.")
    if finished.stopped:
        screen.words(f"Stopped: it used up its {finished.stopped}.")
    sys.exit(finished.code)


def _profile(work: Path, hosts: tuple[str, ...]) -> Profile:
    return Profile(work=work.resolve(), egress=tuple(map(_rule, hosts)))


def _rule(text: str) -> Rule:
    host, colon, port = text.rpartition(":") if not text.endswith("]") else (text, "", "")
    if colon and not port.isdigit():
        raise UserError(f"{text!r} is no host", fix="Write it as example.com or example.com:8443.")
    return Rule(host=host.strip("[]"), port=int(port)) if colon else Rule(host=text.strip("[]"))


def _pass_on(stream: Literal["stdout", "stderr"], part: bytes) -> None:
    """Bytes for a pipe; on a terminal without what would steer it."""
    to = sys.stdout if stream == "stdout" else sys.stderr
    if to.isatty():
        text = part.decode("utf-8", "replace")
        part = "".join(one if one.isprintable() or one in "\n\t" else " " for one in text).encode()
    to.buffer.write(part)
    to.buffer.flush()


def _show(told: Explained) -> None:
    state = (
        click.style("holds", fg="green") if told.holds else click.style("does not hold", fg="red", bold=True)
    )
    click.echo(f"Sandbox: {told.version or told.kind}, {state}.")
    for name, values in (
        ("reads", told.reads),
        ("writes", told.writes),
        ("not in it", told.sealed),
        ("reaches", told.reaches or ["nothing"]),
        ("bounded in", told.groups or ["each process alone"]),
    ):
        click.echo(f"  {name:<11} {', '.join(values)}")
    walls = [f"system call filter for {told.filter}"] if told.filter else []
    walls += [f"Landlock {told.landlock}"] if told.landlock else []
    click.echo(f"  {'walls':<11} {', '.join([told.kind, *walls])}")
    for name, held in told.canaries.items():
        shown = click.style("held", fg="green") if held else click.style("ESCAPED", fg="red", bold=True)
        click.echo(f"  canary      {name}: {shown}")
    for one in told.missing:
        click.echo(f"  missing     {one.what}\n              {one.fix}")
