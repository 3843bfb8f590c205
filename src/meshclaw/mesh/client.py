"""Talking to the hub: every request signed by the device, every answer bounded and typed."""

from __future__ import annotations

import http.client
import ssl
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

from meshclaw.errors import Garbled, MeshClawError, NotReachable, Refused, Throttled, UserError
from meshclaw.flow.mesh import (
    DEVICE,
    SIGNATURE,
    Ack,
    Applied,
    Batch,
    Enrol,
    Enrolled,
    Leased,
    Policy,
    Position,
    Wanted,
)
from meshclaw.flow.signature import from_hex, signed_by
from meshclaw.flow.units import canonical
from meshclaw.ledger.device import Device
from meshclaw.settings import mesh as settings
from meshclaw.settings.loopback import is_loopback

TIMEOUT_S = 30
MOST_BYTES = 1 << 20
T = TypeVar("T")


class _Problem(msgspec.Struct):
    error: str = ""
    message: str = ""
    fix: str = ""
    position: Position | None = None


class Behind(MeshClawError):
    """The hub stands elsewhere than we thought: a batch came twice, or it was restored from an old backup."""

    code = "behind"

    def __init__(self, position: Position) -> None:
        super().__init__(f"the hub has the journal up to fact {position.seq}")
        self.position = position


class Client:
    """``hub``: its public key; only while a claw enrols there is none yet."""

    def __init__(self, url: str, device: Device, hub: bytes = b"") -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("https", "http") or not parts.hostname:
            raise UserError(f"{url!r} is no address of a hub", fix="Write https://mesh.example.com")
        if parts.scheme == "http" and not is_loopback(parts.hostname):
            raise UserError(f"{url!r} would be read by everybody on the way", fix="Write https://")
        self._host, self._port, self._path = parts.hostname, parts.port, parts.path.rstrip("/")
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._device = device
        self._hub = hub

    def enrol(self, code: str) -> Enrolled:
        asked = Enrol(code=code, public=self._device.public.hex())
        return self._decoded(
            self._ask("POST", "/v1/enrol", msgspec.json.encode(asked), signed=False), Enrolled
        )

    def position(self) -> Position:
        return self._decoded(self._ask("GET", "/v1/position", b""), Position)

    def send(self, batch: Batch) -> Ack:
        """Raises Behind where the hub stands elsewhere, Garbled where the answer is not signed by the hub we know."""
        ack = self._decoded(self._ask("POST", "/v1/facts", msgspec.json.encode(batch)), Ack)
        unsigned = canonical(msgspec.structs.replace(ack, signature=""))
        self._refuse_unless(ack.device == self._device.id, unsigned, ack.signature)
        return ack

    def policy(self, have: int, wait: int) -> Policy | None:
        """One that is newer than ``have``, as soon as there is one; None where none came in ``wait`` seconds."""
        found = self._ask("GET", f"/v1/policy?have={have}&wait={wait}", b"", timeout=wait + TIMEOUT_S)
        if not found:
            return None
        policy = self._decoded(found, Policy)
        self._refuse_unless(policy.version > have, policy.signed, policy.signature)
        return policy

    def applied(self, proof: Applied) -> None:
        self._ask("POST", "/v1/applied", msgspec.json.encode(proof))

    def lease(self, wanted: Wanted) -> Leased:
        leased = self._decoded(self._ask("POST", "/v1/lease", msgspec.json.encode(wanted)), Leased)
        self._refuse_unless(leased.key == wanted.key, leased.signed, leased.signature)
        return leased

    def _refuse_unless(self, asked_for: bool, unsigned: bytes, signature: str) -> None:  # noqa: FBT001
        if not asked_for or not signed_by(self._hub, unsigned, from_hex(signature)):
            raise Garbled(
                "what answered is not the hub that this claw enrolled in: its signature is another one's",
                fix="If your company has a new hub, leave the old one and join it.",
            )

    # -- the wire ------------------------------------------------------------------------

    def _ask(
        self, method: str, path: str, body: bytes, *, signed: bool = True, timeout: int = TIMEOUT_S
    ) -> bytes:
        headers = {"Content-Type": "application/json"}
        if signed:
            said = f"{method} {path}\n".encode() + body
            headers |= {DEVICE: self._device.id, SIGNATURE: self._device.sign(said).hex()}
        connection = (
            http.client.HTTPSConnection(self._host, self._port, timeout=timeout, context=self._tls)
            if self._tls
            else http.client.HTTPConnection(self._host, self._port, timeout=timeout)
        )
        try:
            connection.request(method, self._path + path, body or None, headers)
            answer = connection.getresponse()
            found = answer.read(MOST_BYTES + 1)
        except (OSError, http.client.HTTPException) as error:
            raise NotReachable(
                f"the hub at {self._host} does not answer: {error or type(error).__name__}"
            ) from error
        finally:
            connection.close()
        if len(found) > MOST_BYTES:
            raise Garbled("the hub's answer has no end")
        if not 200 <= answer.status < 300:
            raise _refusal(answer.status, found, answer.headers.get("Retry-After", ""))
        return found

    @staticmethod
    def _decoded(body: bytes, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(body, type=kind)
        except msgspec.MsgspecError as error:
            raise Garbled(f"the hub's answer is no {kind.__name__}: {error}") from error


def _refusal(status: int, body: bytes, after: str) -> MeshClawError:
    try:
        problem = msgspec.json.decode(body, type=_Problem)
    except msgspec.MsgspecError:
        problem = _Problem()
    if problem.position is not None:
        return Behind(problem.position)
    message = f"the hub says no ({status}): {problem.message or 'without a reason'}"
    if status in (429, 503):
        return Throttled(message, retry_after=float(after) if after.isdecimal() else None)
    return NotReachable(message) if status >= 500 else Refused(message, fix=problem.fix)


def enrolled(folder: Path, device: Device) -> Client:
    """Of the hub that the claw with this state folder enrolled in; NotFound where there is none."""
    mine = settings.load(folder)
    return Client(mine.url, device, bytes.fromhex(mine.hub))
