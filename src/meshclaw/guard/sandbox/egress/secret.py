"""Secrets stay outside: inside there is a sentinel, which becomes the secret on its way to the one host it is for."""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Mapping, Sequence

import msgspec

from meshclaw.errors import UserError
from meshclaw.guard.sandbox.egress.refuse import Refuse
from meshclaw.guard.sandbox.egress.request import Place
from meshclaw.guard.sandbox.egress.rules import name

PREFIX = "MC_SECRET_"
_SHORTEST = 8


class Secret(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    """The environment variable under which the command finds the sentinel."""
    value: str
    host: str
    """The only host that gets the value, in request headers, over TLS."""
    port: int = 443

    def __post_init__(self) -> None:
        if name(self.host) != self.host:
            raise UserError(
                f"{self.host!r} is no host for the secret {self.name}", fix="Name one host, no pattern."
            )
        if len(self.value) < _SHORTEST or not (self.value.isascii() and self.value.isprintable()):
            raise UserError(
                f"the secret {self.name} cannot be sent in a header or is too short to be looked for",
                fix=f"It must have {_SHORTEST} or more printable ASCII characters.",
            )

    def __repr__(self) -> str:
        return f"Secret({self.name} for {self.host}:{self.port})"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        return [("name", self.name), ("host", self.host)]

    @property
    def place(self) -> Place:
        return Place(host=self.host, port=self.port)


class Vault:
    """The secrets of one run and their sentinels, which are random and worth nothing anywhere else."""

    def __init__(self, held: Sequence[Secret]) -> None:
        self._by_sentinel = {f"{PREFIX}{secrets.token_hex(16)}": secret for secret in held}
        self.sentinels: Mapping[str, str] = {
            one.name: sentinel for sentinel, one in self._by_sentinel.items()
        }
        """For the command's environment."""

    def bound(self, place: Place) -> bool:
        return any(secret.place == place for secret in self._by_sentinel.values())

    def values(self, place: Place) -> Sequence[bytes]:
        return [one.value.encode() for one in self._by_sentinel.values() if one.place == place]

    def foreign(self, place: Place | None) -> Sequence[bytes]:
        """Sentinels that must not go to ``place``."""
        return [sentinel.encode() for sentinel, one in self._by_sentinel.items() if one.place != place]

    def check(self, text: str, place: Place | None) -> None:
        """Raise Refuse where ``text`` holds a sentinel that is not for ``place``."""
        plain = [text, _basic(text) or ""]
        for sentinel, secret in self._by_sentinel.items():
            if secret.place != place and any(sentinel in one for one in plain):
                raise Refuse(
                    "egress.secret", f"the secret {secret.name} is for {secret.place} over TLS alone"
                )

    def swap(
        self, headers: Sequence[tuple[str, str]], place: Place | None
    ) -> tuple[list[tuple[str, str]], tuple[str, ...]]:
        """Headers with the values in, and the names of those that were put in."""
        swapped: list[tuple[str, str]] = []
        used: set[str] = set()
        for header, text in headers:
            self.check(text, place)
            value, names = self._swap(text, place)
            swapped.append((header, value))
            used |= names
        return swapped, tuple(sorted(used))

    def _swap(self, text: str, place: Place | None) -> tuple[str, set[str]]:
        used: set[str] = set()
        basic = _basic(text)
        plain = text if basic is None else basic
        for sentinel, secret in self._by_sentinel.items():
            if secret.place == place and sentinel in plain:
                plain = plain.replace(sentinel, secret.value)
                used.add(secret.name)
        if basic is None or not used:
            return (plain if basic is None else text), used
        return "Basic " + base64.b64encode(plain.encode("latin-1")).decode(), used


class Watch:
    """Looks for any of some byte strings in a stream, also where a part ends in the middle of one."""

    def __init__(self, needles: Sequence[bytes]) -> None:
        self._needles = needles
        self._kept = max(map(len, needles), default=1) - 1
        self._tail = b""

    def found(self, part: bytes) -> bool:
        text = self._tail + part
        self._tail = text[-self._kept :] if self._kept else b""
        return any(needle in text for needle in self._needles)


def _basic(text: str) -> str | None:
    """User and password of Basic authentication (RFC 7617), in which git sends its tokens."""
    scheme, _, coded = text.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(coded.strip(), validate=True).decode("latin-1")
    except (binascii.Error, ValueError):
        return None
