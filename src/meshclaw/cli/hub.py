"""``meshclaw hub``: init, serve, status, roster, code, revoke, policy, stop, compact, demo, backup, verify."""

from __future__ import annotations

import csv
import os
import sys
from pathlib import Path

import click

from meshclaw.cli import screen
from meshclaw.cli.hub_budget import budget
from meshclaw.cli.hub_facts import compact, demo
from meshclaw.cli.hub_opened import STORE, in_folder, opened
from meshclaw.cli.hub_policy import policy, stop
from meshclaw.cli.hub_sign_in import command as sign_in
from meshclaw.errors import UserError
from meshclaw.settings.home import home
from meshclaw.settings.loopback import is_loopback


@click.group("hub")
def command() -> None:
    """The company's server. It learns about teams, never a person's numbers; one folder holds all of it.

    Another store than that folder's own is named by MESHCLAW_HUB_STORE, as in postgresql://hub@db.example.com/mesh.
    """


command.add_command(compact)
command.add_command(demo)
command.add_command(budget)
command.add_command(policy)
command.add_command(sign_in)
command.add_command(stop)


@command.command()
@click.argument("name")
@in_folder
@screen.dry_run
def init(name: str, folder: Path | None, dry_run: bool) -> None:
    """Make a hub for the company NAME: its key and its store."""
    from meshclaw.hub.hub import Hub

    where = folder or home() / "hub"
    if dry_run:
        screen.words(f"Would make a hub for {name} in {where}.")
        return
    Hub.make(where, name, os.environ.get(STORE, "")).close()
    screen.words(f"Made a hub for {name} in {where}. Its key lies there: back it up, it is what claws trust.")
    screen.words("Next: meshclaw hub roster FILE.csv, then meshclaw hub serve")


@command.command()
@in_folder
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8790, show_default=True, help="Port to listen on."
)
@click.option("--behind-tls", is_flag=True, help="A proxy in front of it speaks TLS: needed off loopback.")
def serve(folder: Path | None, host: str, port: int, behind_tls: bool) -> None:
    """Serve claws until Ctrl-C."""
    if not is_loopback(host) and not behind_tls:
        raise UserError(
            f"on {host} everybody on the way could read along",
            fix="Put a proxy that speaks TLS in front of it and say --behind-tls.",
        )
    with opened(folder) as hub:
        import uvicorn

        from meshclaw.hub.app import app

        screen.words(f"Serving {hub.company} on http://{host}:{port}. Stop with Ctrl-C.")
        uvicorn.run(
            app(hub), host=host, port=port, log_level="warning", server_header=False,
            timeout_graceful_shutdown=2,  # claws that wait for a policy ask again elsewhere, or later
        )  # fmt: skip


@command.command()
@in_folder
@screen.as_json
def status(folder: Path | None, as_json: bool) -> None:
    """What it keeps, and how much."""
    with opened(folder) as hub:
        found = {"company": hub.company, "key": hub.key.public.hex(), **hub.counts()}
    if as_json:
        screen.data(found)
    else:
        for name, value in found.items():
            click.echo(f"{name.replace('_', ' '):<18} {value}")


@command.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@in_folder
@screen.dry_run
@screen.as_json
def roster(file: Path, folder: Path | None, dry_run: bool, as_json: bool) -> None:
    """Take in who is in the company, from FILE.csv: id, name, email, unit, unit_name, parent.

    Whoever is not in it any more has left, and their devices are refused from that moment on.
    """
    people = _read(file)
    with opened(folder) as hub:
        from meshclaw.hub.import_roster import take_in

        done = take_in(hub.engine, people, dry_run=dry_run)
    if as_json:
        screen.data(done)
    else:
        screen.words(
            f"{'Would take in' if dry_run else 'Took in'} {done.people:,} people in {done.units:,} units; "
            f"{done.left:,} left, and {done.revoked:,} of their devices are refused."
        )


def _read(file: Path) -> list[dict[str, str]]:
    wanted = {"id", "name", "email", "unit"}
    with file.open(encoding="utf-8-sig", newline="") as lines:
        rows = csv.DictReader(lines)
        if missing := wanted - set(rows.fieldnames or ()):
            raise UserError(f"{file}: the first line does not name {', '.join(sorted(missing))}")
        found = [dict(row) for row in rows]
    for number, row in enumerate(found, 2):
        if not row["id"] or not row["unit"] or len(row["id"]) > 64 or len(row["unit"]) > 64:
            raise UserError(f"{file}, line {number}: id and unit have 1 to 64 characters")
    return found


@command.command()
@click.argument("person")
@in_folder
def code(person: str, folder: Path | None) -> None:
    """A one-time code for one device of PERSON, good for a day."""
    with opened(folder) as hub:
        from meshclaw.hub.roster import new_code
        from meshclaw.hub.store.database import writing

        with writing(hub.engine) as connection:
            found = new_code(connection, person)
        click.echo(f"{found}.{hub.key.public.hex()[:16]}")
    screen.words("On their machine: meshclaw mesh join URL, and then this code.")


@command.command()
@click.argument("device")
@in_folder
@screen.dry_run
def revoke(device: str, folder: Path | None, dry_run: bool) -> None:
    """Refuse DEVICE from now on."""
    with opened(folder) as hub:
        from meshclaw.hub import roster as people
        from meshclaw.hub.store.database import reading, writing

        with reading(hub.engine) as connection:
            known = people.find_device(connection, device)
        if known is None or known.revoked:
            raise UserError(f"the device {device!r} is {'revoked already' if known else 'not known here'}")
        if not dry_run:
            with writing(hub.engine) as connection:
                people.revoke(connection, device=device)
    screen.words(f"{'Would refuse' if dry_run else 'Refused from now on'}: {device}")


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@in_folder
def backup(file: Path, folder: Path | None) -> None:
    """Copy the hub's own store to FILE while it runs; PostgreSQL has its own tools for that.

    The hub's key is not in it: keep a copy of device.key elsewhere.
    """
    if file.exists():
        raise UserError(f"{str(file)!r} is there already")
    with opened(folder) as hub:
        from meshclaw.hub.copying import copy

        copy(hub, file)
    screen.words(f"Copied to {file}. Back with: meshclaw hub restore {file}")


@command.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@in_folder
@screen.dry_run
def restore(file: Path, folder: Path | None, dry_run: bool) -> None:
    """Put a copy in the place of the hub's store, which is kept; claws send again what the copy does not have."""
    with opened(folder) as hub:
        from meshclaw.hub.copying import put_back

        kept = put_back(hub, file, dry_run=dry_run)
    screen.words(f"{'Would put back' if dry_run else 'Put back'} {file}; what was there: {kept}")


@command.command()
@in_folder
@screen.as_json
def verify(folder: Path | None, as_json: bool) -> None:
    """Whether the store holds together: its tables, and every fact in the journal. Exits 1 where it does not."""
    with opened(folder) as hub:
        from meshclaw.hub.copying import problems

        found = list(problems(hub))
    if as_json:
        screen.data({"ok": not found, "problems": found})
    else:
        for one in found or ["It holds together."]:
            click.echo(one)
    sys.exit(1 if found else 0)
