"""What claws ask for before their models cost money: a lease out of their unit's budget."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from meshclaw.flow.mesh import Wanted
from meshclaw.hub.api.answer import body_of, decoded, json
from meshclaw.hub.api.devices import Devices
from meshclaw.hub.hub import Hub


class Lending:
    def __init__(self, hub: Hub, devices: Devices) -> None:
        self._leases = hub.leases
        self._devices = devices

    async def lease(self, request: Request) -> Response:
        body = await body_of(request)
        device = await self._devices.believed(request, body)
        return json(await run_in_threadpool(self._leases.lease, device, decoded(body, Wanted)))
