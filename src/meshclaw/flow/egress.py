"""What the sandbox's proxy let through and what it refused. Hosts and paths were chosen by what ran inside."""

from __future__ import annotations

import msgspec


class EgressRefusal(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that did not leave the machine. It holds no secret, no query and no body."""

    rule: str
    """Stable label of the refusing rule, as in ``egress.host``."""
    reason: str
    """One sentence for the person."""
    host: str = ""
    """As asked for, at most 253 characters, printable ASCII."""
    port: int = 0
    method: str = ""


class EgressPass(msgspec.Struct, frozen=True, kw_only=True):
    """One connection or request that went out."""

    host: str
    port: int
    address: str
    """The address that was looked up, judged and connected to."""
    method: str
    """``CONNECT`` for a tunnel whose content was not seen."""
    secrets: tuple[str, ...] = ()
    """Names of the secrets that were put in."""
