"""Asking the DNS for DKIM keys and DMARC policies: only for accounts whose person said so."""

from __future__ import annotations

from dns.exception import DNSException
from dns.resolver import Resolver

TIMEOUT_S = 3.0
"""For one name, all tries together; a mail must not wait for a server that hangs."""


def dns_text(name: str, resolver: Resolver | None = None) -> bytes | None:
    """The first TXT record of ``name``, its strings joined; None where there is none or nobody answers."""
    try:
        answer = (resolver or Resolver()).resolve(name, "TXT", lifetime=TIMEOUT_S)
    except DNSException:
        return None
    return b"".join(next(iter(answer)).strings)
