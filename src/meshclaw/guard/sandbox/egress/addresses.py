"""Which addresses count as the internet. Everything else is this machine, its network or its cloud's own services."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Sequence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_OURS = tuple(
    map(
        ipaddress.ip_network,
        (
            "192.0.0.0/24",  # IETF protocol assignments; some clouds' metadata
            "168.63.129.16/32",  # Azure's platform address: public by number, local by routing
            "192.88.99.0/24",  # 6to4 relays (RFC 7526)
            "64:ff9b:1::/48",  # NAT64 for local use (RFC 8215)
            "2001::/23",  # IETF protocol assignments, Teredo among them
            "3fff::/20",  # documentation (RFC 9637), unknown to older Pythons
            "5f00::/16",  # segment routing
        ),
    )
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def public(address: Address) -> bool:
    """Whether ``address`` is global unicast, and so is the IPv4 address that it may carry inside."""
    if isinstance(address, ipaddress.IPv6Address):
        carried = address.ipv4_mapped or address.sixtofour or _behind_nat64(address)
        if carried:
            return public(carried)
        if address.is_site_local or int(address) < 1 << 32:
            return False
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not any(address in network for network in _OURS if network.version == address.version)
    )


async def look_up(host: str, port: int) -> Sequence[Address]:
    """Every address the system's resolver has for ``host``, aliases followed; empty where it has none."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):
        return ()
    return tuple(dict.fromkeys(ipaddress.ip_address(str(one[4][0]).partition("%")[0]) for one in found))


def _behind_nat64(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else None
