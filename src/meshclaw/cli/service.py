"""``meshclaw service``: install, remove, status, show. The claw starts with the session, and again after a failure."""

from __future__ import annotations

import os
import sys

import click

from meshclaw.cli import screen
from meshclaw.daemon import alone, autostart
from meshclaw.errors import Busy, NotFound
from meshclaw.settings.home import home


@click.group("service")
def command() -> None:
    """Let the system start the claw with your session, and again where it fails; it stops trying after five times.

    A systemd user unit on Linux, a launchd agent on a Mac. Nothing of it needs root.
    """


@command.command()
@screen.dry_run
def install(dry_run: bool) -> None:
    """Write the service file, take it in and start it. Says which file and which commands; --dry-run does nothing."""
    one = file()
    if dry_run:
        click.echo(one.text, nl=False)
        screen.words(f"Would write this to {one.path} and run:")
        _told(one.begin)
        return
    if alone.pid(home()) is not None and not autostart.runs(one):
        raise Busy("the claw runs already, started by hand", fix="Stop it first: meshclaw down")
    autostart.install(one)
    screen.words(f"Installed {one.path}; the claw runs, and starts with your session. Its page: meshclaw up")


@command.command()
@screen.dry_run
def remove(dry_run: bool) -> None:
    """Stop the service and take its file away; everything the claw keeps stays."""
    one = file()
    if not one.is_there:
        raise NotFound("no service is installed", fix="meshclaw service install")
    if dry_run:
        screen.words(f"Would run these, and remove {one.path}:")
        _told(one.end)
        return
    autostart.remove(one)
    screen.words(f"Removed {one.path}.")


@command.command()
@screen.as_json
def status(as_json: bool) -> None:
    """Whether the service is installed, as this MeshClaw would write it, and runs. Exits 1 where it does not run."""
    one = file()
    running = autostart.runs(one)
    if as_json:
        screen.data(
            {"file": str(one.path), "installed": one.is_there, "current": one.is_current, "running": running}
        )
    elif not one.is_there:
        click.echo("Not installed. Install it with: meshclaw service install")
    else:
        told = (
            "" if one.is_current else " Its file is not as it would be written now: meshclaw service install"
        )
        click.echo(f"{'Running' if running else 'Installed, and not running'}: {one.path}.{told}")
    sys.exit(0 if running else 1)


@command.command()
def show() -> None:
    """Print the service file as it would be written here."""
    click.echo(file().text, nl=False)


def file() -> autostart.File:
    folder = home()
    return autostart.file(folder, str(folder.absolute()) if os.environ.get("MESHCLAW_HOME") else "")


def _told(commands: tuple[tuple[str, ...], ...]) -> None:
    for words in commands:
        screen.words(f"  {' '.join(words)}")
