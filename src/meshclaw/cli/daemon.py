"""``meshclaw daemon``: run, status. It waits for what you set up; while nothing comes it does nothing."""

from __future__ import annotations

import os
import sys

import click

from meshclaw.cli import screen
from meshclaw.daemon import alone
from meshclaw.daemon.service import Services
from meshclaw.settings.home import home


@click.group("daemon")
def command() -> None:
    """The claw at work by itself, on everything you connected."""


@command.command()
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=None,
    help="Of the local page; else the last one, or a free one.",
)
@click.option("--no-page", is_flag=True, help="Leave out the local page.")
def run(port: int | None, no_page: bool) -> None:
    """Wait for mail and whatever else you set up, until Ctrl-C. Idle, it calls no model and does nothing."""
    from meshclaw.daemon.run import run as run_daemon
    from meshclaw.home.serve import HomePage, is_here

    told = False

    def said(services: Services) -> None:
        nonlocal told
        if services.ready and not told:
            told = True
            screen.words(f"Ready: {', '.join(services.standing)}; process {os.getpid()}. Stop with Ctrl-C.")

    is_shown = is_here() and not no_page
    run_daemon(said, made=(lambda folder, desk: HomePage(folder, desk, port or 0)) if is_shown else None)
    screen.words("Stopped.")


@command.command()
@screen.as_json
def status(as_json: bool) -> None:
    """Whether the daemon runs, and how each of its services is. Exits 1 where it does not run."""
    pid, known = alone.pid(home()), alone.told(home())
    services = known.services if known else {}
    if as_json:
        screen.data({
            "running": pid is not None, "pid": pid, "started": known.started if known else "", "services": services
        })  # fmt: skip
    elif pid is None:
        click.echo("Not running. Start it with: meshclaw daemon run")
    else:
        click.echo(f"Running as process {pid}" + (f" since {screen.when(known.started)}." if known else "."))
        for name, one in services.items():
            click.echo(f"  {name}: {one.state}{f' ({one.words})' if one.words else ''}")
    sys.exit(0 if pid else 1)
