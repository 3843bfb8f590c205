"""The daemon: every service that the person set up, until it is told to stop."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from os import getpid
from pathlib import Path
from typing import Protocol

from meshclaw.daemon.alone import Known, alone, tell
from meshclaw.daemon.clock import Clock
from meshclaw.daemon.desk import Desk
from meshclaw.daemon.mail import MailWatch
from meshclaw.daemon.service import Service, Services
from meshclaw.daemon.standings import Standings
from meshclaw.errors import UserError
from meshclaw.ledger.ledger import timestamp
from meshclaw.settings import mesh
from meshclaw.settings.slack import Workspaces
from meshclaw.triggers.store import Store
from meshclaw.wiring import Claw, open_claw

log = logging.getLogger(__name__)


def services(claw: Claw, desk: Desk) -> list[Service]:
    """What there is to wait for, by the settings as they are now."""
    standings = Standings(desk, log.warning)
    found: list[Service] = [MailWatch(account, standings) for account in claw.accounts.all()]
    if workspaces := Workspaces(claw.folder).all():
        from meshclaw.daemon.slack.service import of_workspace  # slack_sdk is an extra

        found += [
            service for workspace in workspaces for service in of_workspace(workspace, desk, claw.folder)
        ]
    if (claw.folder / mesh.FILE).exists():
        from meshclaw.daemon.hub import HubFacts, HubPolicies

        mine = mesh.load(claw.folder)
        found += [HubPolicies(mine), HubFacts(mine)]
    return [*found, Clock(desk, standings, log.warning)]


class Page(Service, Protocol):
    """A service that people look at."""

    @property
    def address(self) -> str:
        """Without a token; empty while there is none."""
        ...


def run(said: Callable[[Services], None], *, made: Callable[[Path, Desk], Page] | None = None) -> None:
    """``said`` is called whenever a service stands differently, ``made`` makes the local page.

    Returns after SIGTERM or Ctrl-C.
    """
    desk = Desk()
    with open_claw() as claw:
        folder, found = claw.folder, services(claw, desk)
        with closing(Store(folder)) as store:
            is_idle = len(found) == 1 and store.is_empty
    page = made(folder, desk) if made is not None else None
    if is_idle and page is None:
        raise UserError(
            "there is nothing to wait for: nothing is connected, nothing is to happen by itself, and there is no mesh",
            fix="meshclaw mail connect ADDRESS, meshclaw slack connect, or: meshclaw schedule add --help",
        )
    with alone(folder):
        stop = threading.Event()
        for signal_ in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signal_, lambda _number, _frame: stop.set())
        started = timestamp(datetime.now(UTC))
        desk.resume(lambda _: None)
        Services([page, *found] if page else found, partial(_changed, folder, started, page, said)).run(stop)


def _changed(
    folder: Path, started: str, page: Page | None, said: Callable[[Services], None], all_: Services
) -> None:
    address = page.address if page else ""
    tell(folder, Known(pid=getpid(), started=started, page=address, services=dict(all_.standing)))
    said(all_)
