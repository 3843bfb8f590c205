"""The pages as one Starlette application: opens the claw, lets a page look or do, puts the answer in a frame."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from meshclaw.errors import MeshClawError, NotFound
from meshclaw.guard.layers import stop
from meshclaw.home.house import House, Told
from meshclaw.home.live import Live
from meshclaw.home.page import Page, Shown, Visit, Went
from meshclaw.home.pages.all import PAGES
from meshclaw.pages.page import HERE as PLAIN
from meshclaw.pages.page import printable, tied
from meshclaw.wiring import Claw, open_claw

if TYPE_CHECKING:
    from jinja2 import Environment

HERE = Path(__file__).parent
STYLES = (PLAIN / "style.css", PLAIN / "plot.css", HERE / "static" / "home.css")


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the menu."""

    name: str
    path: str
    waits: int
    is_here: bool


class Wrong(msgspec.Struct, frozen=True, kw_only=True):
    """Instead of a page that could not be made."""

    words: str
    fix: str


def app(house: House) -> Starlette:
    live = Live(house)
    routes = [
        Route("/static/home.css", _style), Route("/static/live.js", _script), Route("/static/icon.svg", _icon),
        Route("/live", live.changes), Route("/frame", _framing(house)), Route("/runs/{run}/answer", live.answer),
    ]  # fmt: skip
    for page in PAGES:
        routes += [
            Route(path, _showing(house, page, show), methods=["GET"]) for path, show in page.shows.items()
        ]
        routes += [
            Route(path, _doing(house, _back(page, path), do), methods=["POST"])
            for path, do in page.does.items()
        ]
    return Starlette(routes=routes, exception_handlers={404: lambda request, _: _nothing(house, request)})


def _framing(house: House) -> Callable[[Request], Response]:
    """What is around every page, for those that do not change while somebody looks."""

    def answer(request: Request) -> Response:
        with open_claw(limited=False) as claw:
            shown = Shown(title="", template="frame.html", context=None)
            here = next((one for one in PAGES if one.path == request.query_params.get("page")), None)
            return _framed(house, request, claw, shown, here=here)

    return answer


def _showing(house: House, page: Page, show: Callable[[Visit], Shown]) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        with open_claw(limited=False) as claw:
            try:
                request.state.seen = claw.ledger.newest()
                return _framed(house, request, claw, show(_visit(house, request, claw)), here=page)
            except MeshClawError as error:
                return _wrong(house, request, claw, error, page)

    return answer


def _back(page: Page, path: str) -> Callable[[Request], str]:
    """Where the person is again after what they did failed: what it was done to, or else the page."""
    over = path.rpartition("/")[0]
    return lambda request: request.url.path.rpartition("/")[0] if over in page.shows else page.path


def _doing(
    house: House, back: Callable[[Request], str], do: Callable[[Visit], Went]
) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        try:
            with house.changing(), open_claw() as claw:
                went = do(_visit(house, request, claw))
        except MeshClawError as error:
            went = Went(
                to=back(request), words=f"{_sentence(error.message)} {error.fix}".strip(), failed=True
            )
        if went.words:
            house.say(request.state.session, Told(words=went.words, failed=went.failed))
        return RedirectResponse(went.to, status_code=303)

    return answer


def _visit(house: House, request: Request, claw: Claw) -> Visit:
    return Visit(
        house=house, claw=claw, session=request.state.session, path=request.path_params,
        query=request.query_params, form=request.state.form,
    )  # fmt: skip


def _framed(
    house: House, request: Request, claw: Claw, shown: Shown, *, here: Page | None, status: int = 200
) -> Response:
    menu = [Item(name=one.name, path=one.path, waits=_waits(claw, one), is_here=one is here) for one in PAGES]
    # A page that only fetches itself anew leaves what is to be said to the person for when they look.
    told = None if "meshclaw-live" in request.headers else house.said(request.state.session)
    html = _environment().get_template(shown.template).render(
        title=shown.title, page=shown.context, menu=menu, stopped=stop.read(house.folder), told=told,
        csrf=request.state.session.csrf, seen=getattr(request.state, "seen", 0),
    )  # fmt: skip
    return HTMLResponse(html, status)


def _waits(claw: Claw, page: Page) -> int:
    """Where that cannot be told, the page itself says why."""
    try:
        return page.waits(claw) if page.waits else 0
    except MeshClawError:
        return 0


def _wrong(house: House, request: Request, claw: Claw, error: MeshClawError, page: Page | None) -> Response:
    shown = Shown(
        title="That did not work", template="wrong.html",
        context=Wrong(words=_sentence(error.message), fix=error.fix),
    )  # fmt: skip
    status = 404 if isinstance(error, NotFound) else 503
    return _framed(house, request, claw, shown, here=page, status=status)


def _nothing(house: House, request: Request) -> Response:
    with open_claw(limited=False) as claw:
        return _wrong(house, request, claw, NotFound("there is no such page"), None)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def _style(_: Request) -> Response:
    return Response("".join(one.read_text("utf-8") for one in STYLES), media_type="text/css")


def _script(_: Request) -> Response:
    return Response((HERE / "static" / "live.js").read_text("utf-8"), media_type="text/javascript")


def _icon(_: Request) -> Response:
    return Response((HERE / "static" / "icon.svg").read_text("utf-8"), media_type="image/svg+xml")


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader([HERE / "templates", PLAIN]), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, finalize=printable,
    )  # fmt: skip
    made.filters |= {"tied": tied, "when": _when, "at": _at}
    return made


def _at(ms: int) -> str:
    return _when(datetime.fromtimestamp(ms / 1000, UTC).isoformat())


def _when(ts: str) -> str:
    """A stored time in the person's own zone: the hour alone where it is of today."""
    at, now = datetime.fromisoformat(ts).astimezone(), datetime.now().astimezone()
    if at.date() == now.date():
        return f"today, {at:%H:%M}"
    return f"{at.day} {at:%B}, {at:%H:%M}" if at.year == now.year else f"{at:%Y-%m-%d, %H:%M}"
