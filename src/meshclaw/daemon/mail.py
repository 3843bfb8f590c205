"""The watch over a mailbox: what comes is triaged."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from meshclaw.daemon.standings import Standings
from meshclaw.flow.placement import INBOX
from meshclaw.flow.units import utc_now
from meshclaw.settings.accounts import Account
from meshclaw.triggers import schedule
from meshclaw.wiring import open_claw
from meshclaw.wiring.working import triage_mailbox

log = logging.getLogger(__name__)

WAIT_S = 30.0
"""How long one wait for mail lasts."""
LOOK_S = 5.0
"""Between two looks whether the kill switch is still there."""


class MailWatch:
    """One mailbox, one thread, one connection."""

    def __init__(self, account: Account, standings: Standings) -> None:
        self.name = f"mail {account.address}"
        self.at_work = threading.Lock()
        self._account = account
        self._standings = standings

    def run(self, stop: threading.Event, ready: Callable[[], None]) -> None:
        """Triage, then wait until the inbox differs from how it was just before that triage."""
        with open_claw() as claw, claw.mailbox(self._account, changing=False) as watched:
            ready()
            while not stop.is_set():
                while claw.stopped() and not stop.wait(LOOK_S):
                    pass
                for _ in watched.entries(INBOX):  # what is listed now is no news to the wait below
                    pass
                with self.at_work:
                    if not stop.is_set():
                        self._triage()
                while not stop.is_set() and not watched.wait(INBOX, WAIT_S):
                    pass

    def _triage(self) -> None:
        # Opened for changes only while there is work, so that the person's own commands find it free.
        with open_claw() as claw, claw.mailbox(self._account) as mailbox:
            done = triage_mailbox(
                claw, self._account, mailbox, request=schedule.receive("mail.triage"),
                heard=lambda message: self._standings.heard_mail(claw, message, self._account.address),
            )  # fmt: skip
        if done.report.cards:
            log.warning("%s: placed %d new mails.", self._account.address, len(done.report.cards))
        with open_claw() as claw:  # the mailbox is free again for what is asked now
            self._standings.release(claw, utc_now())
