"""What people ask in a browser or through a page: to sign in, about their own devices, and what their roles allow."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from typing import Annotated

import msgspec
from sqlalchemy import select
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from meshclaw.errors import NotFound, Refused
from meshclaw.hub import roster
from meshclaw.hub.api.answer import body_of, decoded, json
from meshclaw.hub.hub import Hub
from meshclaw.hub.identity import BEGUN_S
from meshclaw.hub.leases import Budget
from meshclaw.hub.people import Role
from meshclaw.hub.sessions import WHOLE_S, Session
from meshclaw.hub.store import tables as t
from meshclaw.hub.store.database import reading, writing

CSRF = "MeshClaw-CSRF"
Handler = Callable[[Request, Session], Awaitable[Response]]


class Me(msgspec.Struct, frozen=True, kw_only=True):
    person: str
    roles: frozenset[Role]
    csrf: str
    """To be sent as the header ``MeshClaw-CSRF`` with whatever changes something."""


class Code(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    """One-time, with the first digits of the hub's key, for ``meshclaw mesh join``."""


class OwnDevice(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    enrolled: str
    revoked: str
    """Day; empty while it may send."""


class StopAsked(msgspec.Struct, frozen=True, kw_only=True):
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=500)] = "no reason given"
    lift: bool = False


class People:
    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def allowed(self, who: frozenset[Role], handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """``handler`` for sessions with one of these roles; what changes something needs the CSRF header, too."""

        async def checked(request: Request) -> Response:
            token = request.cookies.get(self._cookie, "")
            session = await run_in_threadpool(self._hub.sessions.find, token)
            given = request.headers.get(CSRF, "").encode()
            if request.method != "GET" and not hmac.compare_digest(given, session.csrf.encode()):
                raise Refused("this was not asked by a page of the hub", fix="Load the page again.")
            if not who & session.who.roles:
                raise Refused("your roles do not allow this", fix="Ask whoever gives out roles.")
            answer = await handler(request, session)
            if session.token != token and "set-cookie" not in answer.headers:
                self._keep(answer, session)
            return answer

        return checked

    # -- signing in ----------------------------------------------------------------------

    async def sign_in(self, _: Request) -> Response:
        where, kept = await run_in_threadpool(self._hub.identity.begin)
        answer = RedirectResponse(where, 302)
        self._put(answer, f"{self._cookie}-begun", kept, BEGUN_S)
        return answer

    async def signed_in(self, request: Request) -> Response:
        """The provider sent the browser back."""
        asked, begun = request.query_params, f"{self._cookie}-begun"
        if "code" not in asked:
            raise Refused("the identity provider did not sign you in", fix="Sign in again.")
        who = await run_in_threadpool(
            self._hub.identity.end, request.cookies.get(begun, ""), asked.get("state", ""), asked["code"]
        )
        session = await run_in_threadpool(self._hub.sessions.begin, who)
        answer = RedirectResponse("/v1/me", 302)
        self._keep(answer, session)
        answer.delete_cookie(begun)
        return answer

    async def sign_out(self, _: Request, session: Session) -> Response:
        await run_in_threadpool(self._hub.sessions.end, session.token)
        answer = Response(status_code=204)
        answer.delete_cookie(self._cookie)
        return answer

    # -- one's own -----------------------------------------------------------------------

    async def me(self, _: Request, session: Session) -> Response:
        return json(Me(person=session.who.person, roles=session.who.roles, csrf=session.csrf))

    async def code(self, _: Request, session: Session) -> Response:
        """For one more device of one's own."""
        return json(await run_in_threadpool(self._new_code, session.who.person), 201)

    def _new_code(self, person: str) -> Code:
        with writing(self._hub.engine) as connection:
            code = roster.new_code(connection, person)
        return Code(code=f"{code}.{self._hub.key.public.hex()[:16]}")

    async def devices(self, _: Request, session: Session) -> Response:
        return json(await run_in_threadpool(self._devices, session.who.person))

    def _devices(self, person: str) -> list[OwnDevice]:
        d = t.device.c
        with reading(self._hub.engine) as connection:
            rows = connection.execute(
                select(d.id, d.enrolled, d.revoked).where(d.person == person).order_by(d.id)
            )
            return [OwnDevice(id=row.id, enrolled=row.enrolled, revoked=row.revoked) for row in rows]

    async def revoke(self, request: Request, session: Session) -> Response:
        """One's own device; another one's is as unknown as none."""
        await run_in_threadpool(self._revoke, request.path_params["device"], session.who.person)
        return Response(status_code=204)

    def _revoke(self, device: str, person: str) -> None:
        with writing(self._hub.engine) as connection:
            known = roster.find_device(connection, device)
            if known is None or known.person != person:
                raise NotFound(f"you have no device {device!r}")
            roster.revoke(connection, device=device)

    # -- the company's -------------------------------------------------------------------

    async def policy(self, _: Request, __: Session) -> Response:
        return json(await run_in_threadpool(self._hub.policies.status))

    async def stop(self, request: Request, _: Session) -> Response:
        asked, policies = decoded(await body_of(request), StopAsked), self._hub.policies
        made = await run_in_threadpool(policies.lift if asked.lift else lambda: policies.stop(asked.reason))
        return json({"version": made[-1].version})

    async def budgets(self, _: Request, __: Session) -> Response:
        return json(await run_in_threadpool(self._hub.leases.standing))

    async def put_budget(self, request: Request, _: Session) -> Response:
        await run_in_threadpool(self._hub.leases.put, decoded(await body_of(request), Budget))
        return Response(status_code=204)

    # -- cookies -------------------------------------------------------------------------

    @property
    def _cookie(self) -> str:
        return "__Host-meshclaw" if self._hub.is_private else "meshclaw"

    def _keep(self, answer: Response, session: Session) -> None:
        self._put(answer, self._cookie, session.token, WHOLE_S)

    def _put(self, answer: Response, name: str, value: str, seconds: int) -> None:
        answer.set_cookie(
            name, value, max_age=seconds, httponly=True, samesite="lax", secure=self._hub.is_private, path="/"
        )
