"""The claw's two threads to its company's hub: one hears of policies and stops at once, one tells facts once a day."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec

from meshclaw.errors import NotReachable, Throttled
from meshclaw.flow.event.guard import CompanyPolicyTaken
from meshclaw.flow.mesh import Policy
from meshclaw.guard.policy.policies import from_texts
from meshclaw.mesh import following
from meshclaw.mesh.client import enrolled
from meshclaw.mesh.following import Kept
from meshclaw.settings.mesh import Membership
from meshclaw.wiring import Claw, mesh, open_claw

log = logging.getLogger(__name__)

WAIT_S = 20
"""How long one question for a newer policy stays open."""
AGAIN_S = (0.5, 5.0)
"""The shortest and the longest pause while the hub does not answer: a stop must not wait for its claws to come back."""
GIVE_UP_S = 301.0
"""After that long without an answer it is told, and tried on."""
SOON_S = 600.0
SPREAD = timedelta(hours=6)
"""Claws tell their facts at some moment of these first hours of a day, not all at midnight."""


class HubPolicies:
    """What the company lays down is in force, and its stop stands, a moment after somebody said so."""

    def __init__(self, membership: Membership) -> None:
        self.name = f"hub {membership.name}"
        self.at_work = threading.Lock()

    def run(self, stop: threading.Event, ready: Callable[[], None]) -> None:
        with open_claw(limited=False) as claw:
            kept, client = following.stand(claw.folder), enrolled(claw.folder, claw.ledger.device)
            heard, pause = time.monotonic(), AGAIN_S[0]
            while not stop.is_set():
                try:
                    if (proof := following.proof(kept)) is not None:
                        client.applied(proof)
                        kept = following.keep(claw.folder, msgspec.structs.replace(kept, told=kept.version))
                    found = client.policy(kept.version, WAIT_S)
                except (NotReachable, Throttled):
                    if time.monotonic() - heard > GIVE_UP_S:
                        raise
                    stop.wait(pause * random.uniform(0.5, 1.0))  # noqa: S311 - so that claws come one by one
                    pause = min(2 * pause, AGAIN_S[1])
                    continue
                ready()
                heard, pause = time.monotonic(), AGAIN_S[0]
                if found is not None:
                    kept = self._take(claw, found)

    def _take(self, claw: Claw, policy: Policy) -> Kept:
        with self.at_work:
            kept = following.take(
                claw.folder, policy, lambda text: from_texts(claw.declarations(), mesh=text)
            )
            claw.ledger.record(
                CompanyPolicyTaken(
                    version=policy.version, stopped=policy.stopped, understood=not kept.problem,
                )
            )  # fmt: skip
        words = "stopped everything" if policy.stopped else kept.problem or "is in force"
        log.warning("%s: version %d of the policy %s.", self.name, policy.version, words)
        return kept


class HubFacts:
    """Every day's facts, once, after the day is over."""

    def __init__(self, membership: Membership) -> None:
        self.name = f"facts {membership.name}"
        self.at_work = threading.Lock()

    def run(self, stop: threading.Event, ready: Callable[[], None]) -> None:
        """What fails is tried again by whoever keeps the services, each time after another pause."""
        ready()
        wait = random.uniform(0, SOON_S)  # noqa: S311
        while not stop.wait(wait):
            with self.at_work:
                self._tell()
            wait = until_next(datetime.now(UTC), random.random())  # noqa: S311

    def _tell(self) -> None:
        from meshclaw.mesh.telling import push

        with open_claw(limited=False) as claw, mesh.journal(claw) as journal:
            mesh.collect(claw, journal, datetime.now(UTC).date())
            sent = push(journal, enrolled(claw.folder, claw.ledger.device), claw.ledger)
        if sent:
            log.warning("%s: told %d facts.", self.name, sent)


def until_next(now: datetime, share: float) -> float:
    """Seconds until the next day is told; ``share``, from 0 to 1, is this claw's place in the first hours of it."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return (midnight + share * SPREAD - now).total_seconds()
