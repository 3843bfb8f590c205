"""Where a sandboxed command may send requests: host, port, method, path; and how host names are brought to one form."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

import msgspec

from meshclaw.errors import UserError

_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_METHOD = re.compile(r"[A-Z]{1,20}")
_PATH = re.compile(r"/[!-~]*")
_HIDDEN_STEP = re.compile(r"//|\\|%2e|%2f|%5c|%25|/\.{1,2}(?:/|$)|;", re.IGNORECASE)
"""Spellings that one server reads as another path than the next one does."""
_OTHER_READING = re.compile(r"[?#]")


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    host: str
    """A name, ``*.example.com`` for what is below a name, or an address written out."""
    port: int = 443
    methods: frozenset[str] = frozenset()
    """Empty: any."""
    paths: tuple[str, ...] = ()
    """Each allows itself and what is below it; empty: any."""

    def __post_init__(self) -> None:
        bare = self.host.removeprefix("*.")
        if name(bare) != bare or (bare != self.host and ("." not in bare or is_address(bare))):
            raise UserError(
                f"{self.host!r} is no host for a rule",
                fix="Write it in lower case without a dot at the end, as example.com or *.example.com; "
                "names beyond ASCII in their xn-- form.",
            )
        if not 0 < self.port < 65536:
            raise UserError(f"{self.port} is no port", fix="Ports go from 1 to 65535.")
        if not all(map(_METHOD.fullmatch, self.methods)):
            raise UserError(f"{sorted(self.methods)} are no methods", fix="Write them as GET or POST.")
        if not all(_PATH.fullmatch(path) and not _ambiguous(path) for path in self.paths):
            raise UserError(
                f"{list(self.paths)} are no paths", fix="Write them as /repos/ours, without tricks."
            )

    @property
    def looks_inside(self) -> bool:
        return bool(self.methods or self.paths)

    def names(self, host: str, port: int) -> bool:
        below = self.host.startswith("*.") and host.endswith(self.host[1:]) and not is_address(host)
        return port == self.port and (host == self.host or below)

    def covers(self, path: str) -> bool:
        """``path`` without its query."""
        return not self.paths or any(
            path == one or path.startswith(one.removesuffix("/") + "/") for one in self.paths
        )


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """``rule`` is empty where the request may pass; otherwise what refuses it, and why."""

    rule: str = ""
    reason: str = ""


def judge_host(rules: Iterable[Rule], host: str, port: int) -> Verdict:
    ports = [rule.port for rule in rules for _ in (0,) if rule.names(host, rule.port)]
    if port in ports:
        return Verdict()
    if ports:
        return Verdict(
            rule="egress.port", reason=f"{host} is allowed on port {_list(ports)} and not on {port}"
        )
    return Verdict(rule="egress.host", reason=f"{host}:{port} is on no list of allowed hosts")


def judge(rules: Iterable[Rule], *, host: str, port: int, method: str, target: str) -> Verdict:
    """One request; ``target`` is its path with query. Any one rule that fits in all parts lets it pass."""
    rules = tuple(rules)
    verdict = judge_host(rules, host, port)
    if verdict.rule:
        return verdict
    path = _OTHER_READING.split(target, maxsplit=1)[0]
    named = [rule for rule in rules if rule.names(host, port)]
    allowed = [rule for rule in named if not rule.methods or method in rule.methods]
    if not allowed:
        return Verdict(rule="egress.method", reason=f"{method} is not among the methods allowed for {host}")
    if any(not rule.paths for rule in allowed):
        return Verdict()
    if _ambiguous(path):
        return Verdict(rule="egress.path", reason=f"the path for {host} can be read in two ways")
    if any(rule.covers(path) for rule in allowed):
        return Verdict()
    return Verdict(rule="egress.path", reason=f"the path is not among those allowed for {host}")


def name(text: str) -> str | None:
    """The one form of a host: lower case, no dot at the end, addresses as the standard library writes them.

    None for what is none: names beyond ASCII, user info, escapes, and numbers that a resolver would read as an
    address though they are not written as one (``0x7f000001``, ``2130706433``, ``127.1``).
    """
    address = _address(text.removeprefix("[").removesuffix("]") if text.startswith("[") else text)
    if address:
        return address
    lowered = text.lower().removesuffix(".")
    labels = lowered.split(".")
    if len(lowered) > 253 or not all(map(_LABEL.fullmatch, labels)):
        return None
    if labels[-1].isdigit() or re.fullmatch(r"0x[0-9a-f]*", labels[-1]):
        return None
    return lowered


def is_address(host: str) -> bool:
    return _address(host) is not None


def _address(text: str) -> str | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    zoned = isinstance(address, ipaddress.IPv6Address) and address.scope_id
    return None if zoned else str(address)


def _ambiguous(path: str) -> bool:
    return bool(_HIDDEN_STEP.search(path))


def _list(ports: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(set(ports))))
