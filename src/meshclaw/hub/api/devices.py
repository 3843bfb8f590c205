"""What claws ask: to enrol, to be believed, to have their facts taken in."""

from __future__ import annotations

import asyncio
import time

from sqlalchemy import select
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from meshclaw.errors import Refused, UserError
from meshclaw.flow.mesh import DEVICE, SIGNATURE, Batch, Enrol, Enrolled, Position
from meshclaw.flow.signature import from_hex, signed_by
from meshclaw.hub import roster
from meshclaw.hub.api.answer import body_of, decoded, json
from meshclaw.hub.hub import Hub
from meshclaw.hub.roster import Device
from meshclaw.hub.store import tables as t
from meshclaw.hub.store.database import reading, writing

REMEMBERED_S = 5.0
"""How long a device is known without a look into the store; what is written is checked there again."""


class Devices:
    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._known: dict[str, tuple[float, Device]] = {}

    async def enrol(self, request: Request) -> Response:
        """The one request that is not signed: the code is its proof."""
        asked = decoded(await body_of(request), Enrol)
        try:
            public = bytes.fromhex(asked.public)
        except ValueError as error:
            raise UserError("the device's public key is not written in hex") from error
        return json(await run_in_threadpool(self._enrol, asked.code, public), 201)

    def _enrol(self, code: str, public: bytes) -> Enrolled:
        with writing(self._hub.engine) as connection:
            device, unit = roster.enrol(connection, code, public)
        return Enrolled(device=device.id, hub=self._hub.key.public.hex(), name=self._hub.company, unit=unit)

    async def facts(self, request: Request) -> Response:
        body = await body_of(request)
        device = await self.believed(request, body)
        batch = decoded(body, Batch)
        return json(await asyncio.wrap_future(self._hub.ingest.put(device, batch)))

    async def position(self, request: Request) -> Response:
        device = await self.believed(request, b"")
        return json(await run_in_threadpool(self._position, device.id))

    def _position(self, device: str) -> Position:
        with reading(self._hub.engine) as connection:
            d = t.device.c
            row = connection.execute(select(d.seq, d.hash).where(d.id == device)).one()
        return Position(seq=row.seq, hash=row.hash)

    # -- who asks ------------------------------------------------------------------------

    async def believed(self, request: Request, body: bytes = b"") -> Device:
        """The device that signed it. Raises Refused, without saying which of the two was wrong."""
        device = await self._find(request.headers.get(DEVICE, ""))
        query = f"?{request.url.query}" if request.url.query else ""
        said = f"{request.method} {request.url.path}{query}\n".encode() + body
        if device is None or not signed_by(device.public, said, from_hex(request.headers.get(SIGNATURE, ""))):
            raise Refused(
                "this device is not known here, or did not sign this", fix="Enrol it: meshclaw mesh join"
            )
        if device.revoked:
            raise Refused("this device was revoked, or its person left")
        return device

    async def _find(self, id_: str) -> Device | None:
        known = self._known.get(id_)
        if known is None or known[0] < time.monotonic():
            device = await run_in_threadpool(self._look, id_)
            if device is None:
                return None
            known = self._known[id_] = (time.monotonic() + REMEMBERED_S, device)
        return known[1]

    def _look(self, id_: str) -> Device | None:
        with reading(self._hub.engine) as connection:
            return roster.find_device(connection, id_)
