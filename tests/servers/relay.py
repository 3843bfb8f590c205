"""A small SMTP relay that records every envelope, hands mail on by LMTP, and fails in the ways real ones do."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from collections.abc import Iterator
from typing import Any, Literal

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.servers.dovecot import free_ports

Fault = Literal["", "drop after accept", "drop before accept", "4xx", "5xx", "500", "hang", "drop at rcpt"]
_ANSWERS = {
    "4xx": "451 4.3.0 lost the next relay",
    "5xx": "554 5.7.1 looks like spam",
    "500": "500 Error: internal",
}


class Relay:
    def __init__(
        self,
        *,
        lmtp: int = 0,
        context: ssl.SSLContext | None = None,
        starttls: ssl.SSLContext | None = None,
        password: str = "",
    ) -> None:
        self.fault: Fault = ""
        self.unknown: set[str] = set()
        """Recipients that are refused."""
        self.delivered: list[tuple[str, list[str], bytes]] = []
        """What really went on: sender, recipients, bytes."""
        self._lmtp = lmtp
        self._password = password
        self._hanging: set[asyncio.Task[Any]] = set()
        self._controller = Controller(
            self,
            hostname="127.0.0.1",
            port=free_ports(1)[0],
            ssl_context=context,
            tls_context=starttls,
            require_starttls=starttls is not None,
            authenticator=self._authenticate if password else None,
            auth_require_tls=False,
        )
        self._controller.start()
        self.port: int = self._controller.port

    def stop(self) -> None:
        for task in self._hanging:
            self._controller.loop.call_soon_threadsafe(task.cancel)
        self._controller.stop()

    async def handle_RCPT(  # noqa: N802 (aiosmtpd's name)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.fault == "drop at rcpt":
            server.transport.abort()
        if address in self.unknown:
            return "550 5.1.1 no such person"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.fault in _ANSWERS:
            return _ANSWERS[self.fault]
        if self.fault == "drop before accept":
            server.transport.abort()
            return "451 never seen"
        await self._deliver(envelope)
        if self.fault == "drop after accept":
            server.transport.abort()
        if self.fault == "hang":
            self._hanging.add(asyncio.current_task())
            await asyncio.sleep(60)
        return "250 2.0.0 queued as RELAY1"

    async def _deliver(self, envelope: Envelope) -> None:
        """What was taken is handed on, whether or not the client is still there to hear it."""
        taking = asyncio.get_running_loop().run_in_executor(None, self._take, envelope)
        await asyncio.shield(taking)

    def _take(self, envelope: Envelope) -> None:
        raw = envelope.original_content
        self.delivered.append((envelope.mail_from, list(envelope.rcpt_tos), raw))
        if self._lmtp:
            with smtplib.LMTP("127.0.0.1", self._lmtp) as lmtp:
                for recipient in envelope.rcpt_tos:  # smtplib reads one answer, LMTP gives one for each
                    lmtp.sendmail(envelope.mail_from, [recipient], raw)

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        good = isinstance(data, LoginPassword) and data.password == self._password.encode()
        return AuthResult(success=good, handled=False)


@pytest.fixture(name="relay")
def running_relay() -> Iterator[Relay]:
    relay = Relay()
    try:
        yield relay
    finally:
        relay.stop()
