"""What the daemon runs side by side: each service waits for one thing in a thread of its own, and idle does nothing."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Literal, Protocol

import msgspec

from meshclaw.errors import MeshClawError, Operational

log = logging.getLogger(__name__)

State = Literal["starting", "ready", "waiting", "ended"]
"""``waiting``: for its next try, after something failed; ``ended``: somebody has to mend something first."""
RETRY_S = (5, 15, 60, 300)
"""Pauses after failures in a row; the last one repeats."""
STOP_S = 60.0
"""How long a stop lets work under way finish; a kill would only leave it to be resumed."""


class Service(Protocol):
    name: str
    """For people: ``mail imaps://ada@example.com``."""
    at_work: threading.Lock
    """Held while something is done that had better be let finish; not while it waits."""

    def run(self, stop: threading.Event, ready: Callable[[], None]) -> None:
        """Until ``stop``; calls ``ready`` once it can do its work. Operational is tried again, later and later."""
        ...


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a service is."""

    state: State
    words: str = ""
    """What is wrong, and what to do about it."""


class Services:
    """``changed`` is called, from any thread, whenever one stands differently."""

    def __init__(self, services: Sequence[Service], changed: Callable[[Services], None]) -> None:
        self._services = services
        self._changed = changed
        self._lock = threading.Lock()
        self.standing = {service.name: Standing(state="starting") for service in services}

    def run(self, stop: threading.Event) -> None:
        """Returns when ``stop`` is set and what was at work is done, or after a minute."""
        for service in self._services:
            threading.Thread(target=self._keep, args=(service, stop), name=service.name, daemon=True).start()
        stop.wait()
        end = time.monotonic() + STOP_S
        for service in self._services:  # a wait may be cut off
            service.at_work.acquire(timeout=max(0.0, end - time.monotonic()))

    @property
    def ready(self) -> bool:
        """Each of them is, or told why not."""
        return all(one.state != "starting" for one in self.standing.values())

    def _keep(self, service: Service, stop: threading.Event) -> None:
        failures = 0
        while not stop.is_set():
            started = time.monotonic()
            try:
                service.run(stop, lambda: self._set(service, "ready"))
            except Operational as error:
                failures = failures if time.monotonic() - started < RETRY_S[-1] else 0
                pause = RETRY_S[min(failures, len(RETRY_S) - 1)]
                failures += 1
                words = f"{sentence(error.message)} Trying again in {pause} s."
                log.warning("%s: %s", service.name, words)
                self._set(service, "waiting", words)
                stop.wait(pause)
            except MeshClawError as error:
                words = in_words(error)
                log.error("%s: %s", service.name, words)  # noqa: TRY400 - the words say it all
                self._set(service, "ended", words)
                return

    def _set(self, service: Service, state: State, words: str = "") -> None:
        with self._lock:
            self.standing[service.name] = Standing(state=state, words=words)
        self._changed(self)


def in_words(error: MeshClawError) -> str:
    """For a person: what is wrong, and what to do about it."""
    return f"{sentence(error.message)} {error.fix}".strip()


def sentence(message: str) -> str:
    return f"{message[:1].upper()}{message[1:].rstrip('.')}."
