"""The hub over HTTP."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from meshclaw.errors import MeshClawError
from meshclaw.hub.api.answer import problem
from meshclaw.hub.api.devices import Devices
from meshclaw.hub.api.leases import Lending
from meshclaw.hub.api.policies import LaidDown
from meshclaw.hub.hub import Hub


def app(hub: Hub) -> Starlette:
    devices = Devices(hub)
    laid_down, lending = LaidDown(hub, devices), Lending(hub, devices)

    async def ready(_: Request) -> Response:
        await run_in_threadpool(hub.counts)
        return PlainTextResponse("ready\n")

    async def alive(_: Request) -> Response:
        return PlainTextResponse("alive\n")

    return Starlette(
        routes=[
            Route("/healthz", alive), Route("/readyz", ready),
            Route("/v1/enrol", devices.enrol, methods=["POST"]),
            Route("/v1/facts", devices.facts, methods=["POST"]),
            Route("/v1/position", devices.position),
            Route("/v1/policy", laid_down.policy), Route("/v1/applied", laid_down.applied, methods=["POST"]),
            Route("/v1/lease", lending.lease, methods=["POST"]),
        ],
        exception_handlers={MeshClawError: problem},
    )  # fmt: skip
