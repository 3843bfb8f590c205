"""What claws ask about the company's policy: the newest one, as soon as there is one; and that it is in force."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from meshclaw.errors import MeshClawError, UserError
from meshclaw.flow.mesh import Applied, Policy
from meshclaw.hub.api.answer import body_of, decoded, json
from meshclaw.hub.api.devices import Devices
from meshclaw.hub.hub import Hub

LONGEST_S = 25
"""That a request may wait."""
LOOK_S = 0.5
"""Between two looks into the store, one for all who wait: another process may have published."""


class LaidDown:
    def __init__(self, hub: Hub, devices: Devices) -> None:
        self._policies = hub.policies
        self._devices = devices
        self._bell = Bell(hub.policies.newest)

    async def policy(self, request: Request) -> Response:
        """The policy for this device as soon as it is newer than ``have``; 204 where none came in ``wait`` seconds."""
        device = await self._devices.believed(request)
        have, wait = _number(request, "have", 1 << 53), _number(request, "wait", LONGEST_S)
        until = asyncio.get_running_loop().time() + wait
        while True:
            seen, found = await run_in_threadpool(self._look, device.id)
            if found is not None and found.version > have:
                return json(found)
            if not await self._bell.beyond(seen, until - asyncio.get_running_loop().time()):
                return Response(status_code=204)

    def _look(self, device: str) -> tuple[int, Policy | None]:
        return self._policies.newest(), self._policies.for_device(device)

    async def applied(self, request: Request) -> Response:
        body = await body_of(request)
        device = await self._devices.believed(request, body)
        await run_in_threadpool(self._policies.keep_applied, device.id, decoded(body, Applied))
        return Response(status_code=204)


class Bell:
    """Wakes who waits for more than they have seen; looks only while somebody waits."""

    def __init__(self, look: Callable[[], int]) -> None:
        self._look = look
        self._waiting: dict[asyncio.Future[None], int] = {}
        self._watch: asyncio.Task[None] | None = None

    async def beyond(self, seen: int, seconds: float) -> bool:
        """Whether there is more than ``seen`` within ``seconds``. Raises what keeps it from looking."""
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[mine] = seen
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._ring())
        try:
            await asyncio.wait_for(mine, max(0.0, seconds))
        except TimeoutError:
            return False
        finally:
            del self._waiting[mine]
        return True

    async def _ring(self) -> None:
        while self._waiting:
            try:
                newest = await run_in_threadpool(self._look)
            except MeshClawError as error:
                for one in self._open():
                    one.set_exception(error)
            else:
                for one in self._open():
                    if self._waiting[one] < newest:
                        one.set_result(None)
            await asyncio.sleep(LOOK_S)

    def _open(self) -> list[asyncio.Future[None]]:
        return [one for one in self._waiting if not one.done()]


def _number(request: Request, name: str, most: int) -> int:
    text = request.query_params.get(name, "0")
    if not text.isdecimal() or len(text) > 16 or int(text) > most:
        raise UserError(f"{name!r} is a number from 0 to {most:,}")
    return int(text)
