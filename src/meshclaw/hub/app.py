"""The hub over HTTP: every route with who may ask it, in one table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal, NamedTuple

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from meshclaw.errors import MeshClawError
from meshclaw.hub.api.answer import problem
from meshclaw.hub.api.devices import Devices
from meshclaw.hub.api.leases import Lending
from meshclaw.hub.api.people import Handler, People
from meshclaw.hub.api.policies import LaidDown
from meshclaw.hub.hub import Hub
from meshclaw.hub.people import Role

Asker = frozenset[Role] | Literal["anybody", "device"]
EMPLOYEE: frozenset[Role] = frozenset({"employee"})
"""Everybody who is signed in."""


class Asked(NamedTuple):
    method: str
    path: str
    who: Asker
    """``device``: signed by a device that is enrolled; roles: in a session of a person who has one of them."""
    handler: Callable[[Request], Awaitable[Response]]


def app(hub: Hub) -> Starlette:
    return Starlette(
        routes=[Route(one.path, one.handler, methods=[one.method]) for one in routes(hub)],
        exception_handlers={MeshClawError: problem},
    )


def routes(hub: Hub) -> list[Asked]:
    devices = Devices(hub)
    laid_down, lending = LaidDown(hub, devices), Lending(hub, devices)
    return [
        Asked("GET", "/healthz", "anybody", _alive),
        Asked("GET", "/readyz", "anybody", _ready(hub)),
        Asked("POST", "/v1/enrol", "anybody", devices.enrol),
        Asked("POST", "/v1/facts", "device", devices.facts),
        Asked("GET", "/v1/position", "device", devices.position),
        Asked("GET", "/v1/policy", "device", laid_down.policy),
        Asked("POST", "/v1/applied", "device", laid_down.applied),
        Asked("POST", "/v1/lease", "device", lending.lease),
        *_of_people(People(hub)),
    ]


def _of_people(people: People) -> list[Asked]:
    def asked(method: str, path: str, handler: Handler, *roles: Role) -> Asked:
        who = frozenset(roles) or EMPLOYEE
        return Asked(method, path, who, people.allowed(who, handler))

    return [
        Asked("GET", "/sign-in", "anybody", people.sign_in),
        Asked("GET", "/sign-in/done", "anybody", people.signed_in),
        asked("POST", "/sign-out", people.sign_out),
        asked("GET", "/v1/me", people.me),
        asked("POST", "/v1/codes", people.code),
        asked("GET", "/v1/devices", people.devices),
        asked("POST", "/v1/devices/{device}/revoke", people.revoke),
        asked("GET", "/v1/policy/status", people.policy, "security", "admin", "representative"),
        asked("POST", "/v1/stop", people.stop, "security", "admin"),
        asked("GET", "/v1/budgets", people.budgets, "finance", "admin", "representative"),
        asked("POST", "/v1/budgets", people.put_budget, "finance"),
    ]


async def _alive(_: Request) -> Response:
    return PlainTextResponse("alive\n")


def _ready(hub: Hub) -> Callable[[Request], Awaitable[Response]]:
    async def ready(_: Request) -> Response:
        await run_in_threadpool(hub.counts)
        return PlainTextResponse("ready\n")

    return ready
