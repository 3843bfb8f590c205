"""``meshclaw hub compact`` and ``demo``: what becomes of facts, and a company that has some."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import click

from meshclaw.cli import screen
from meshclaw.cli.hub_opened import in_folder, opened
from meshclaw.settings.home import home


@click.command()
@in_folder
@click.option("--rebuild", is_flag=True, help="Make all rollups anew from the facts.")
@screen.as_json
def compact(folder: Path | None, rebuild: bool, as_json: bool) -> None:
    """Move facts from the journal into files, and roll up the weeks that are closed: metrics are answered from those.

    Run it every night. Claws may go on telling meanwhile; whatever ends it, nothing is lost or doubled.
    """
    with opened(folder) as hub:
        from meshclaw.hub.compact import compact as run

        done = run(hub, rebuild=rebuild)
    if as_json:
        screen.data(done)
    else:
        screen.words(f"Took {done.facts:,} facts from the journal and rolled up {done.weeks} weeks.")
        if done.implausible:
            screen.words(f"Left out {done.implausible:,} of them: their numbers cannot be true.")


@click.command()
@in_folder
@click.option(
    "--people",
    type=click.IntRange(1, 1_000_000),
    default=300,
    show_default=True,
    help="How many; 350,000 of them and a year take minutes.",
)
@click.option("--weeks", type=click.IntRange(1, 260), default=26, show_default=True, help="Up to last week.")
@click.option(
    "--seed",
    type=click.IntRange(0, 2**31),
    default=1,
    show_default=True,
    help="Another one is another company.",
)
@screen.dry_run
def demo(folder: Path | None, people: int, weeks: int, seed: int, dry_run: bool) -> None:
    """Make a hub with a generated company, up to last week: the same one for the same seed.

    Nobody works there, and real facts never come among its own.
    """
    from meshclaw.testing.company.company import make
    from meshclaw.testing.company.people import ROOT, Shape

    where = folder or home() / "hub"
    today = date.today()  # noqa: DTZ011 (the person's own day)
    first = today - timedelta(days=today.weekday(), weeks=weeks)
    if dry_run:
        screen.words(f"Would make a hub with a generated company in {where}.")
        return
    make(where, Shape(people=people, weeks=weeks, seed=seed, first=first), screen.words)
    at = "" if folder is None else f" --folder {folder}"
    screen.words(f"Made a hub with a generated company in {where}: nobody works there.")
    screen.words(f"Next: meshclaw metrics ask adoption --unit {ROOT}{at}")
