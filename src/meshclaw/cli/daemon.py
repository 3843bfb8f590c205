"""``meshclaw daemon``: run, status. It waits for mail and triages it; while nothing comes it does nothing."""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import click

from meshclaw.cli import screen
from meshclaw.errors import Busy, MeshClawError, Operational, UserError
from meshclaw.flow.placement import INBOX
from meshclaw.settings.accounts import Account
from meshclaw.settings.home import home
from meshclaw.triggers import schedule
from meshclaw.wiring import open_claw

log = logging.getLogger(__name__)

WAIT_S = 30.0
"""How long one wait for mail lasts."""
STOP_S = 60.0
"""How long a stop waits for a triage to finish; a kill would only leave it to be resumed."""
LOOK_S = 5.0
"""Between two looks whether the kill switch is still there."""
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
        at_work = [threading.Lock() for _ in accounts]
        for account, lock in zip(accounts, at_work, strict=True):
            threading.Thread(target=_watch, args=(account, lock, stop), daemon=True).start()
        screen.words(f"Watching {len(accounts)} mailbox(es); process {os.getpid()}. Stop with Ctrl-C.")
        stop.wait()
        screen.words("Stopping.")
        for lock in at_work:  # a wait may be cut off, a triage is let finish
            lock.acquire(timeout=STOP_S)


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


def _watch(account: Account, at_work: threading.Lock, stop: threading.Event) -> None:
    """One mailbox, one thread, one connection. Trouble is told, and tried again later and later."""
    failures = 0
    while not stop.is_set():
        started = time.monotonic()
        try:
            _work(account, at_work, stop)
        except Operational as error:
            failures = failures + 1 if time.monotonic() - started < RETRY_S[-1] else 0
            pause = RETRY_S[min(failures, len(RETRY_S) - 1)]
            log.warning("%s: %s Trying again in %d s.", account.address, error.message, pause)
            stop.wait(pause)
        except MeshClawError as error:
            log.error("%s: %s %s", account.address, error.message, error.fix)  # noqa: TRY400 - the words say it all
            return


def _work(account: Account, at_work: threading.Lock, stop: threading.Event) -> None:
    """Triage, then wait until the inbox differs from how it was just before that triage."""
    with open_claw() as claw, claw.mailbox(account, changing=False) as watched:
        while not stop.is_set():
            while claw.stopped() and not stop.wait(LOOK_S):
                pass
            for _ in watched.entries(INBOX):  # what is listed now is no news to the wait below
                pass
            with at_work:
                if not stop.is_set():
                    _triage(account)
            while not stop.is_set() and not watched.wait(INBOX, WAIT_S):
                pass


def _triage(account: Account) -> None:
    # Opened for changes only while there is work, so that the person's own commands find it free.
    from meshclaw.cli.working import triage_mailbox

    with open_claw() as claw, claw.mailbox(account) as mailbox:
        done = triage_mailbox(claw, account, mailbox, request=schedule.receive("mail.triage"))
    if done.report.cards:
        log.warning("%s: placed %d new mails.", account.address, len(done.report.cards))


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
