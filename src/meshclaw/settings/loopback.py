"""Which hosts are this machine, where an unencrypted connection is nobody else's to read."""

from __future__ import annotations

import ipaddress


def is_loopback(host: str) -> bool:
    """By what is written, never by asking a name server, whose answer could change."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
