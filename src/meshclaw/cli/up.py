"""``meshclaw up`` and ``meshclaw down``: the claw and its local page, started, shown and stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import click

from meshclaw.cli import screen
from meshclaw.daemon import alone
from meshclaw.daemon.service import STOP_S
from meshclaw.errors import Busy, MeshClawError, NotFound, Operational, UserError
from meshclaw.home import keys
from meshclaw.home.serve import is_here
from meshclaw.settings.home import home

LOG = "daemon.log"
OPENS = "page-open.html"
READY_S = 20.0
LOOK_S = 0.02
MOST_TOLD = 2_000
"""Bytes of the log's end that are shown where it did not start."""


@click.command("up")
@click.option("--no-browser", is_flag=True, help="Print the address only.")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=None,
    help="Of the page; else the last one, or a free one.",
)
@screen.as_json
def command(no_browser: bool, port: int | None, as_json: bool) -> None:
    """Start the claw with its local page, and open the page. Where it runs already its page is opened.

    The page is on this machine alone, and for you alone: its address opens it once, in one browser.
    """
    folder = home()
    if not is_here():
        raise UserError("the page needs the extra 'home'", fix="pip install 'openmeshclaw[home]'")
    running = alone.pid(folder) is not None
    if not running:
        _start(folder, port)
    known = _ready(folder)
    if port is not None and f":{port}/" not in known.page:
        raise Busy(
            f"the claw runs already, with its page at {known.page}", fix="Stop it first: meshclaw down"
        )
    told = "Runs already" if running else "Started"
    if as_json:
        screen.data({"running": True, "pid": known.pid, "page": known.page, "started": not running})
        return
    screen.words(f"{told}, as process {known.pid}. Stop it with: meshclaw down")
    _show(folder, known.page, no_browser=no_browser)


def _start(folder: Path, port: int | None) -> None:
    """In a session of its own: it outlives the terminal. What it says goes to its log."""
    words = [sys.executable, "-m", "meshclaw", "daemon", "run", *(["--port", str(port)] if port else [])]
    log = os.open(folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/"
        )
    finally:
        os.close(log)
    _until_it_runs(folder, process)


def _until_it_runs(folder: Path, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + READY_S
    while alone.told(folder) is None:
        if process.poll() is not None:
            raise Operational(f"it ended at once ({process.returncode}): {_last_words(folder)}")
        if time.monotonic() > end:
            raise Operational(f"it did not start within {READY_S:.0f} s", fix=f"See {folder / LOG}")
        time.sleep(LOOK_S)
    process.returncode = 0  # it is on its own from here on: nobody waits for it


def _last_words(folder: Path) -> str:
    text = (folder / LOG).read_bytes()[-MOST_TOLD:].decode("utf-8", "replace")
    return " ".join(screen.clean(text).split()).removeprefix("Error: ") or "it said nothing"


def _ready(folder: Path) -> alone.Known:
    """What the daemon tells, once its page is there. Raises what keeps it from coming."""
    end = time.monotonic() + READY_S
    while time.monotonic() < end:
        known = alone.told(folder)
        page = known.services.get("page") if known else None
        if known is not None and page is not None and page.state == "ready":
            return known
        if known is not None and page is None and known.services:
            raise UserError(
                f"the claw runs already, as process {known.pid}, without its page",
                fix="Start it anew: meshclaw down, then meshclaw up",
            )
        if page is not None and page.state == "ended":
            raise MeshClawError(page.words)
        time.sleep(LOOK_S)
    raise Operational("the page did not come", fix=f"See {folder / LOG}")


def _show(folder: Path, address: str, *, no_browser: bool) -> None:
    """The token goes to the person's own terminal or browser, never into a pipe, a log or the words of a process."""
    if not no_browser and _has_browser():
        import webbrowser

        if webbrowser.open(_opening(folder, address).as_uri()):
            screen.words(f"Opened in your browser: {address}")
            return
    if sys.stdout.isatty():
        click.echo(keys.url(folder, address))
        screen.words("This address opens the page once, in one browser; the next one: meshclaw up")
    else:
        click.echo(address)
        screen.words("The address with the token that opens it is shown on a terminal only.")


def _has_browser() -> bool:
    shown = sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return bool(shown) and sys.stdout.isatty()


def _opening(folder: Path, address: str) -> Path:
    """A file for the browser that leads on to the address: everybody can read the words a browser is started with."""
    path, part = folder / OPENS, folder / f"{OPENS}.part"
    part.unlink(missing_ok=True)
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123
        file.write(f'<!doctype html><meta http-equiv="refresh" content="0; url={keys.url(folder, address)}">')
    part.replace(path)
    return path


# -- down --------------------------------------------------------------------------------


@click.command("down")
@screen.dry_run
def down(dry_run: bool) -> None:
    """Stop the claw that ``up`` or a service started; what is at work is finished first."""
    folder = home()
    pid = alone.pid(folder)
    if pid is None:
        raise NotFound("the claw does not run", fix="Start it with: meshclaw up")
    if dry_run:
        screen.words(f"Would stop process {pid}.")
        return
    stop(folder, pid)
    (folder / OPENS).unlink(missing_ok=True)
    screen.words("Stopped.")


def stop(folder: Path, pid: int) -> None:
    """Ends process ``pid`` if it is the one that holds our lock; a number alone may be another process by now."""
    handle = os.pidfd_open(pid) if hasattr(os, "pidfd_open") else None
    try:
        if not _holds_lock(folder, pid):
            raise Operational(f"process {pid} is not the claw of {folder}", fix="See: meshclaw daemon status")
        if handle is None:
            os.kill(pid, signal.SIGTERM)
        else:
            signal.pidfd_send_signal(handle, signal.SIGTERM)
    finally:
        if handle is not None:
            os.close(handle)
    end = time.monotonic() + STOP_S + 5
    while alone.pid(folder) == pid:
        if time.monotonic() > end:
            raise Operational(
                f"process {pid} does not end", fix="What it does is finished by: meshclaw run resume"
            )
        time.sleep(LOOK_S)


def _holds_lock(folder: Path, pid: int) -> bool:
    """The file is locked, and where the system tells, this very process has it open."""
    if alone.pid(folder) != pid:
        return False
    handles = Path(f"/proc/{pid}/fd")
    if not handles.parent.parent.joinpath("self").exists():  # no /proc here
        return True
    lock = (folder / alone.LOCK).stat()
    try:
        opened = [one.stat() for one in handles.iterdir() if one.exists()]
    except OSError:
        return False
    return any((one.st_dev, one.st_ino) == (lock.st_dev, lock.st_ino) for one in opened)
