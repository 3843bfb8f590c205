"""What a claw and the hub say to one another. Every body is signed over its bytes as they travel.

A claw signs with its device's key: the header ``MeshClaw-Device`` names the device, ``MeshClaw-Signature`` is Ed25519
(RFC 8032) over method, path with its query, and body, hex. The hub signs what it gives out with its own key, which a
claw learned when it enrolled and never takes from the wire again.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from meshclaw.flow.fact import Fact
from meshclaw.flow.limits import Limits
from meshclaw.flow.units import canonical

Ring = Literal["canary", "all"]
Micros = Annotated[int, msgspec.Meta(ge=0, le=2**53)]

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
    """Only ever goes up: an older one that is played to a claw again is not taken."""
    issued: str
    """RFC 3339."""
    expires: str = ""
    """RFC 3339; after it nothing that leaves the machine is done: a hub that is gone must not freeze an old policy.

    Empty where it lays down nothing that could grow old.
    """
    ring: Ring = "all"
    """Of the devices it is meant for; those of the ring canary take what is meant for all, too."""
    cedar: str = ""
    """Asked as the company's and the person's are: all must permit. Empty: it has no say."""
    limits: Limits = Limits()
    offline: Literal["stop", "go_on"] = "stop"
    """What a claw does that used up its lease while the hub does not answer."""
    stopped: bool = False
    """The fleet stop: nothing is done until a newer version lifts it."""
    reason: str = ""
    """Of the stop, for people."""
    signature: str = ""

    @property
    def signed(self) -> bytes:
        return signed_bytes("policy", self)


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """A device's proof that a version is in force on it."""

    version: int
    digest: str
    """SHA-256 over the policy's canonical bytes as the device holds them."""
    problem: Annotated[str, msgspec.Meta(max_length=500)] = ""
    """Why it is not in force, where the device cannot understand it: the version before it still is."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A claw asks for a lease."""

    key: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
    """Of this wish: asked again, it gets the lease that it got."""
    intent: Annotated[str, msgspec.Meta(max_length=100)]
    agent: Annotated[str, msgspec.Meta(max_length=100)]
    least: Micros
    """What the next call can cost: less is no use."""
    most: Micros
    """What would do for a while."""
    back: Annotated[tuple[Returned, ...], msgspec.Meta(max_length=100)] = ()


class Returned(msgspec.Struct, frozen=True, kw_only=True):
    """A lease that is not used any more. The rest of it goes back to the unit's budget."""

    id: str
    used: Micros


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """Money that a claw may use without asking again, out of its unit's budget."""

    id: str
    intent: str
    agent: str
    micros: int
    until: str
    """RFC 3339; nothing of it is used after that. What was not used goes back once the claw has said how much."""


class Leased(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a wish, signed by the hub."""

    key: str
    lease: Lease | None = None
    """None where no budget binds the unit: then nothing has to be leased until ``free_until``."""
    free_until: str = ""
    warning: str = ""
    """A budget is nearly used up: for people."""
    signature: str = ""

    @property
    def signed(self) -> bytes:
        return signed_bytes("lease", self)


def signed_bytes(what: str, noun: msgspec.Struct) -> bytes:
    """What the hub signs: never the same bytes for two kinds of nouns."""
    return f"meshclaw {what}\n".encode() + canonical(msgspec.structs.replace(noun, signature=""))
