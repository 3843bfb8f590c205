"""What a claw and the hub say to one another. Every body is signed over its bytes as they travel.

A claw signs with its device's key: the header ``MeshClaw-Device`` names the device, ``MeshClaw-Signature`` is Ed25519
(RFC 8032) over method, path and body, hex. The hub signs what it gives out with its own key, which a claw learned when
it enrolled and never takes from the wire again.
"""

from __future__ import annotations

import msgspec

from meshclaw.flow.fact import Fact
from meshclaw.flow.limits import Limits

DEVICE, SIGNATURE = "MeshClaw-Device", "MeshClaw-Signature"
MOST_FACTS = 1_000
"""Of one batch."""


class Enrol(msgspec.Struct, frozen=True, kw_only=True):
    """A new device: the one-time code that its person got, and its public key."""

    code: str
    public: str
    """Ed25519, hex."""


class Enrolled(msgspec.Struct, frozen=True, kw_only=True):
    device: str
    hub: str
    """Public key of the hub, hex."""
    name: str
    """The company's, for people."""
    unit: str
    """Id of the person's unit in this quarter."""


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Facts in the journal's order, from number ``first`` on."""

    first: int
    """1 for the first fact of the device's journal."""
    previous: str
    """Hash of the journal before ``first``, hex; 64 zeros at the start.

    ``hash = SHA-256(previous || canonical fact)``.
    """
    facts: tuple[Fact, ...]
    ledger_seq: int = 0
    ledger_hash: str = ""
    """The ledger's own end, for the hub to witness."""


class Ack(msgspec.Struct, frozen=True, kw_only=True):
    """All facts up to number ``seq`` are durable; signed by the hub."""

    device: str
    seq: int
    hash: str
    ledger_seq: int
    ledger_hash: str
    day: str
    signature: str = ""
    """Ed25519 of the hub over the canonical bytes of this object with an empty signature, hex."""


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """Where the hub stands with a device: what a claw that is ahead or behind sends from."""

    seq: int
    hash: str


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What the company lays down, in a version of its own; signed by the hub. The tightest of all layers still wins."""

    version: int
    issued: str
    """RFC 3339."""
    expires: str
    """After it nothing that leaves the machine is done: a hub that is gone must not freeze an old policy for ever."""
    ring: str = "all"
    """Of the devices it is meant for."""
    cedar: str = ""
    limits: Limits = Limits()
    stopped: bool = False
    """The fleet stop: nothing is done until a newer version lifts it."""
    signature: str = ""


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """A device's proof that a version is in force on it."""

    version: int
    digest: str
    """SHA-256 over the policy's canonical bytes as the device holds them."""


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """Money that a claw may use without asking again, out of its unit's budget."""

    id: str
    intent: str
    agent: str
    micros: int
    until: str
    """RFC 3339; what is not used by then goes back."""
