"""How an account sends: which server, as whom, and where its own copy goes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Protocol
from urllib.parse import unquote, urlsplit

from meshclaw.connectors.mail.smtp import Tls, send
from meshclaw.errors import UserError
from meshclaw.settings.loopback import is_loopback

log = logging.getLogger(__name__)


class Outgoing(Protocol):
    def send(self, raw: bytes, recipients: Sequence[str]) -> None:
        """Errors before the end of the data mean that nothing was sent; ``Uncertain`` that it may have been."""
        ...


class Smtp:
    """``smtps://user@host[:465]`` or ``smtp://user@host[:587]``, which must then offer STARTTLS.

    ``sender`` also gets a copy as an extra envelope recipient: it proves a send whose answer was lost.
    """

    def __init__(self, url: str, *, sender: str, secret: Callable[[], str]) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise UserError(
                f"{url!r} does not name a mail server", fix="Write smtps://user@host or smtp://user@host."
            )
        self._host = parts.hostname
        self._port = parts.port or (465 if parts.scheme == "smtps" else 587)
        self._user = unquote(parts.username or "")
        self._tls: Tls = "implicit" if parts.scheme == "smtps" else "starttls"
        if parts.scheme == "smtp" and is_loopback(self._host):
            self._tls = "none"
        self._sender = sender
        self._secret = secret

    def send(self, raw: bytes, recipients: Sequence[str]) -> None:
        sent = send(
            raw, self._sender, recipients, journal=self._sender, host=self._host, port=self._port,
            user=self._user, secret=self._secret if self._user else None, tls=self._tls,
        )  # fmt: skip
        for recipient, reason in sent.refused.items():
            log.warning("Sent, but the server refused %s: %s", recipient, reason)
