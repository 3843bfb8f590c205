"""Who comes in. Every request passes here, and whatever is not surely the claw's own person in this page is refused.

Held against: other users of the machine, other sites in the person's browser, a name that resolves to this machine
(DNS rebinding), frames, and anything that would load or run what is not ours.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from urllib.parse import parse_qsl

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from meshclaw.home.keys import LASTS_S, Keys, Session
from meshclaw.home.peer import is_own

MOST_BYTES = 64 * 1024
"""Of a form."""
MOST_FIELDS = 50
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    # Not no-referrer: browsers would then send forms of our own page with the origin "null".
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=()",
    "cache-control": "no-store",
}
Own = Callable[[tuple[str, int], tuple[str, int]], bool]


class _Refused(Exception):
    def __init__(self, why: str, status: int = 403) -> None:
        super().__init__(why)
        self.why, self.status = why, status


class Gate:
    """What passes finds its session in ``request.state.session`` and a form's fields in ``request.state.form``."""

    def __init__(self, app: ASGIApp, *, keys: Keys, port: int, own: Own = is_own) -> None:
        self._app, self._keys, self._port, self._own = app, keys, port, own
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self._cookie = f"meshclaw-{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"nothing here speaks {scope['type']}")
        request = Request(scope, receive)

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        try:
            answer = await self._admit(request)
        except _Refused as refused:
            answer = _told(refused.why, refused.status)
        await (answer or self._app)(scope, receive, guarded)

    async def _admit(self, request: Request) -> Response | None:
        """None where it may pass; raises what it is refused for."""
        self._known(request)
        if request.method == "GET" and request.url.path == "/" and "token" in request.query_params:
            return self._exchange(request)
        session = self._keys.session(request.cookies.get(self._cookie, ""))
        if session is None:
            raise _Refused("You are not signed in here, or no longer.", 401)
        form: dict[str, str] = {}
        if request.method == "POST":
            form = await self._form(request, session)
        elif request.method not in ("GET", "HEAD"):
            raise _Refused("There is nothing of that kind here.", 405)
        request.state.session, request.state.form = session, form
        return None

    def _known(self, request: Request) -> None:
        """Somebody of this machine's same user, who called us by one of our names."""
        peer, server = request.scope.get("client"), request.scope.get("server")
        if not peer or not server or not self._own(tuple(peer), tuple(server)):
            raise _Refused("This page is for whoever runs this claw.")
        if request.headers.getlist("host") not in ([host] for host in self._hosts):
            raise _Refused("This page is not here under that name.", 421)

    def _exchange(self, request: Request) -> Response:
        """Answered with a page, not with a redirect: a browser sends no strict cookie behind one from elsewhere."""
        if request.headers.get("sec-purpose") or request.headers.get("purpose"):
            raise _Refused(
                "Not before somebody really opens it."
            )  # a browser that looks ahead uses no token up
        session = self._keys.exchange(request.query_params["token"])
        if session is None:
            raise _Refused("This address was used before: each opens the page once.", 401)
        answer = HTMLResponse(_page('<meta http-equiv="refresh" content="0; url=/">', '<a href="/">Open</a>'))
        answer.set_cookie(self._cookie, session.cookie, max_age=LASTS_S, httponly=True, samesite="strict")
        return answer

    async def _form(self, request: Request, session: Session) -> dict[str, str]:
        if request.headers.get("origin") not in {f"http://{host}" for host in self._hosts}:
            raise _Refused("This came from another site.")
        if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
            raise _Refused("This came from another site.")
        if request.headers.get("content-type", "").partition(";")[0] != "application/x-www-form-urlencoded":
            raise _Refused("That is no form of this page.", 415)
        body = b""
        async for piece in request.stream():
            body += piece
            if len(body) > MOST_BYTES:
                raise _Refused("That is more than a form of this page holds.", 413)
        try:
            pairs = parse_qsl(
                body.decode("ascii"), keep_blank_values=True, strict_parsing=True, max_num_fields=MOST_FIELDS,
                errors="strict",
            )  # fmt: skip
        except ValueError as error:
            raise _Refused("That is no form of this page.", 400) from error
        form = dict(pairs)
        if len(form) != len(pairs) or not session.holds(form.get("csrf", ""), "csrf"):
            raise _Refused("That form is not from this session; open the page again.")
        return form


def _told(why: str, status: int) -> Response:
    again = '<p>Open it from a terminal: <code>meshclaw up</code></p><p><a href="/">Try again</a></p>'
    return HTMLResponse(_page("", f"<h1>{escape(why)}</h1>{again}"), status)


def _page(head: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>MeshClaw</title>'
        f'<meta name="viewport" content="width=device-width">'
        f'<link rel="icon" href="/static/icon.svg">{head}</head><body><main>{body}</main></body></html>'
    )
