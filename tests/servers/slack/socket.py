"""Socket Mode: tickets, connections, envelopes, and what is done about those that nobody acknowledged."""

from __future__ import annotations

import threading
import time
from typing import Any
from uuid import uuid4

import msgspec
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from tests.servers.slack.methods import Caller
from tests.servers.slack.world import APP, Thing, Wrong

ATTEMPTS = 3
"""Further ones, as Slack makes them."""


class Envelope(msgspec.Struct):
    id: str
    type: str
    payload: Thing
    answers: bool
    """Whether the acknowledgement may carry an answer."""
    attempt: int = 0
    sent_at: float = 0.0
    acked: bool = False
    answer: Any = None

    @property
    def wire(self) -> bytes:
        retried = {"retry_attempt": self.attempt, "retry_reason": "timeout" if self.attempt else ""}
        return msgspec.json.encode({
            "envelope_id": self.id, "type": self.type, "payload": self.payload,
            "accepts_response_payload": self.answers,
            **(retried if self.type == "events_api" else {}),
        })  # fmt: skip


class Socket:
    """``ack_seconds``: after so long an envelope that was not acknowledged is sent again, to any connection."""

    def __init__(self, ack_seconds: float = 3.0) -> None:
        self.ack_seconds = ack_seconds
        self.envelopes: list[Envelope] = []
        self.connections: list[ServerConnection] = []
        self.opened = 0
        """Tickets given out."""
        self.muted = False
        """Sends nothing and hears nothing, as a connection that died without a word; only pings are answered."""
        self._tickets: set[str] = set()
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._stopped = threading.Event()
        self._server = serve(self._handle, "127.0.0.1", 0)
        self.port = self._server.socket.getsockname()[1]
        self._threads = [
            threading.Thread(target=self._server.serve_forever), threading.Thread(target=self._send_again),
        ]  # fmt: skip
        for thread in self._threads:
            thread.start()

    def open(self, caller: Caller, _: Thing) -> Thing:
        """``apps.connections.open``."""
        if caller.kind != "app":
            raise Wrong("not_allowed_token_type")
        ticket = str(uuid4())
        self._tickets.add(ticket)
        self.opened += 1
        return {"url": f"ws://127.0.0.1:{self.port}/link/?ticket={ticket}&app_id={APP}"}

    def send(self, type_: str, payload: Thing, *, answers: bool = False) -> Envelope:
        """Goes to one connection; to the next that opens where there is none."""
        envelope = Envelope(str(uuid4()), type_, payload, answers)
        with self._lock:
            self.envelopes.append(envelope)
            self._deliver(envelope)
        return envelope

    def again(self, envelope: Envelope) -> None:
        """As after a lost acknowledgement."""
        with self._lock:
            envelope.attempt += 1
            envelope.acked = False
            self._deliver(envelope)

    def disconnect(self, reason: str = "refresh_requested") -> None:
        """Tell every client to come again, and close."""
        said = {"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-1"}}
        with self._lock:
            for connection in list(self.connections):
                connection.send(msgspec.json.encode(said).decode())
                connection.close()

    def cut(self) -> None:
        """Every connection breaks off."""
        with self._lock:
            for connection in list(self.connections):
                connection.socket.close()

    def wait(self, condition: Any, seconds: float = 10.0) -> bool:
        """Until ``condition()`` holds, looked at whenever something came or changed."""
        with self._changed:
            return bool(self._changed.wait_for(condition, seconds))

    def connected(self, count: int = 1, seconds: float = 10.0) -> bool:
        return self.wait(lambda: len(self.connections) >= count, seconds)

    def acked(self, envelope: Envelope, seconds: float = 10.0) -> bool:
        return self.wait(lambda: envelope.acked, seconds)

    def stop(self) -> None:
        self._stopped.set()
        self._server.shutdown()
        for connection in list(self.connections):
            connection.close()
        for thread in self._threads:
            thread.join()

    # -- one connection ----------------------------------------------------------------------

    def _handle(self, connection: ServerConnection) -> None:
        ticket = (
            connection.request.path.partition("ticket=")[2].partition("&")[0] if connection.request else ""
        )
        if ticket not in self._tickets:
            connection.close(4000, "no ticket")
            return
        self._tickets.discard(ticket)
        with self._lock:
            self.connections.append(connection)
            hello = {
                "type": "hello", "num_connections": len(self.connections), "connection_info": {"app_id": APP},
                "debug_info": {"host": "applink-1", "build_number": 1, "approximate_connection_time": 18060},
            }  # fmt: skip
            connection.send(msgspec.json.encode(hello).decode())
            for envelope in self.envelopes:
                if not envelope.acked and not envelope.sent_at:
                    self._deliver(envelope)
            self._changed.notify_all()
        try:
            for said in connection:
                self._hear(msgspec.json.decode(said))
        except (ConnectionClosed, OSError):
            pass
        finally:
            with self._lock:
                self.connections.remove(connection)
                self._changed.notify_all()

    def _hear(self, said: Thing) -> None:
        with self._lock:
            for envelope in self.envelopes:
                if envelope.id == said.get("envelope_id") and not self.muted:
                    envelope.acked, envelope.answer = True, said.get("payload")
            self._changed.notify_all()

    def _deliver(self, envelope: Envelope) -> None:
        if not self.connections or self.muted:
            return
        envelope.sent_at = time.monotonic()
        try:
            self.connections[-1].send(envelope.wire.decode())
        except (ConnectionClosed, OSError):
            envelope.sent_at = 0.0

    def _send_again(self) -> None:
        while not self._stopped.wait(0.05):
            with self._lock:
                late = time.monotonic() - self.ack_seconds
                for envelope in self.envelopes:
                    if not envelope.acked and 0 < envelope.sent_at < late and envelope.attempt < ATTEMPTS:
                        self.again(envelope)
