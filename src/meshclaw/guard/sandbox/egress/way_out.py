"""One sandbox's way out: the proxy in a thread of its own, and what the command has to know of it."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from meshclaw.flow.egress import EgressPass, EgressRefusal
from meshclaw.guard.sandbox.egress.addresses import Address, look_up, public
from meshclaw.guard.sandbox.egress.proxy import Proxy
from meshclaw.guard.sandbox.egress.rules import Rule
from meshclaw.guard.sandbox.egress.secret import Secret

_TRUST = (
    "SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "GIT_SSL_CAINFO", "PIP_CERT", "NODE_EXTRA_CA_CERTS",
    "AWS_CA_BUNDLE", "CARGO_HTTP_CAINFO",
)  # fmt: skip
_PROXY = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
_SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)


class Egress:
    """A context manager. ``resolve``, ``reachable`` and ``upstream`` are for tests, whose servers live on this
    machine; no setting reaches them."""

    def __init__(
        self,
        rules: Sequence[Rule],
        secrets: Sequence[Secret] = (),
        *,
        resolve: Callable[[str, int], Awaitable[Sequence[Address]]] = look_up,
        reachable: Callable[[Address], bool] = public,
        upstream: ssl.SSLContext | None = None,
    ) -> None:
        self._proxy = Proxy(rules, secrets, resolve=resolve, reachable=reachable, upstream=upstream)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="egress", daemon=True)

    @property
    def refused(self) -> tuple[EgressRefusal, ...]:
        return tuple(self._proxy.refused)

    @property
    def passed(self) -> tuple[EgressPass, ...]:
        return tuple(self._proxy.passed)

    def environment(self, port: int, certificates: str) -> Mapping[str, str]:
        """The proxy, the certificates to trust, and the sentinels in place of secrets."""
        trust = dict.fromkeys(_TRUST, certificates) if self._proxy.authority else {}
        proxy = dict.fromkeys(_PROXY, f"http://127.0.0.1:{port}")
        direct = "localhost,127.0.0.1,::1"
        return {
            **proxy, "NO_PROXY": direct, "no_proxy": direct, "NODE_USE_ENV_PROXY": "1", **trust,
            **self._proxy.vault.sentinels,
        }  # fmt: skip

    def certificates(self) -> bytes:
        """The system's authorities and this run's; empty where nothing is read in between."""
        authority = self._proxy.authority
        if not authority:
            return b""
        named = ssl.get_default_verify_paths().cafile
        paths = [Path(one) for one in (named, *_SYSTEM_BUNDLES) if one]
        return b"".join([path.read_bytes() for path in paths if path.is_file()][:1]) + authority.pem

    def serve(self, listener: socket.socket) -> None:
        """Take connections from ``listener``, which is ours from now on, until the context ends."""
        listener.setblocking(False)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._proxy.start(listener), self._loop).result()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self._proxy.stop(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._loop.close()
