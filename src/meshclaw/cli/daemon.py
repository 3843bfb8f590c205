"""``meshclaw daemon``: run, status. It waits for mail and triages it; while nothing comes it does nothing."""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import click

from meshclaw.cli import screen
from meshclaw.errors import Busy, MeshClawError, Operational, UserError
from meshclaw.flow.placement import INBOX
from meshclaw.settings.accounts import Account
from meshclaw.settings.home import home
from meshclaw.wiring import open_claw

log = logging.getLogger(__name__)

WAIT_S = 30.0
"""How long one wait for mail lasts; a stop is noticed after at most this."""
RETRY_S = (5, 15, 60, 300)
"""Pauses after failures in a row; the last one repeats."""


@click.group("daemon")
def command() -> None:
    """The claw at work by itself, on every connected mailbox."""


@command.command()
def run() -> None:
    """Triage new mail as it comes, until Ctrl-C. No model is called and nothing is done while nothing comes."""
    with open_claw() as claw:
        accounts = claw.accounts.all()
    if not accounts:
        raise UserError("no mailbox is connected", fix="meshclaw mail connect ADDRESS")
    with _alone():
        stop = threading.Event()
        for signal_ in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signal_, lambda _number, _frame: stop.set())
        threads = [threading.Thread(target=_watch, args=(account, stop), daemon=True) for account in accounts]
        for thread in threads:
            thread.start()
        screen.words(f"Watching {len(accounts)} mailbox(es); process {os.getpid()}. Stop with Ctrl-C.")
        stop.wait()
        screen.words("Stopping.")
        for thread in threads:
            thread.join(WAIT_S + 5)


@command.command()
@screen.as_json
def status(as_json: bool) -> None:
    """Whether the daemon runs, and what it did last. Exits 1 where it does not run."""
    pid = _pid()
    if as_json:
        screen.data({"running": pid is not None, "pid": pid})
    else:
        click.echo(f"Running as process {pid}." if pid else "Not running. Start it with: meshclaw daemon run")
    sys.exit(0 if pid else 1)


def _watch(account: Account, stop: threading.Event) -> None:
    """One mailbox, one thread, one connection. Trouble is told, and tried again later and later."""
    failures = 0
    while not stop.is_set():
        try:
            _triage(account)
            failures = 0
            _wait(account, stop)
        except Operational as error:
            pause = RETRY_S[min(failures, len(RETRY_S) - 1)]
            failures += 1
            log.warning("%s: %s Trying again in %d s.", account.address, error.message, pause)
            stop.wait(pause)
        except MeshClawError as error:
            log.error("%s: %s %s", account.address, error.message, error.fix)  # noqa: TRY400 - the words say it all
            return


def _triage(account: Account) -> None:
    # Opened for changes only while there is work, so that the person's own commands find it free.
    from meshclaw.cli.working import triage_mailbox

    with open_claw() as claw, claw.mailbox(account) as mailbox:
        done = triage_mailbox(claw, account, mailbox, trigger="schedule")
    if done.report.cards:
        log.warning("%s: placed %d new mails.", account.address, len(done.report.cards))


def _wait(account: Account, stop: threading.Event) -> None:
    with open_claw() as claw, claw.mailbox(account, changing=False) as mailbox:
        while not stop.is_set():
            if mailbox.wait(INBOX, WAIT_S):
                return


# -- one daemon per state folder ---------------------------------------------------------


def _lock_path() -> Path:
    return home() / "daemon.lock"


@contextmanager
def _alone() -> Generator[None]:
    with _lock_path().open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Busy(f"the daemon runs already, as process {_pid()}", fix="Stop it first.") from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _pid() -> int | None:
    """The daemon's process, if one holds the lock."""
    try:
        with _lock_path().open("r+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return int(file.read() or 0)
    except FileNotFoundError:
        pass
    return None
