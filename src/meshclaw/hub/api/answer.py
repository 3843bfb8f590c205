"""Bodies in and out: JSON of our types, bounded, and every error with its code and what to do next."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from meshclaw.errors import (
    MeshClawError,
    NotFound,
    NotReachable,
    Refused,
    SignInNeeded,
    Throttled,
    TooLong,
    UserError,
)
from meshclaw.hub.ingest import Gap

MOST_BYTES = 1 << 20
T = TypeVar("T")


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of every answer that is none of the good ones."""

    error: str
    """Stable code."""
    message: str
    fix: str = ""
    position: object = None
    """Of ``gap``: what to send from."""


async def body_of(request: Request) -> bytes:
    """Raises TooLong over a megabyte, before all of it was read."""
    found = bytearray()
    async for piece in request.stream():
        found += piece
        if len(found) > MOST_BYTES:
            raise TooLong(f"a body has at most {MOST_BYTES:,} bytes")
    return bytes(found)


def decoded(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as error:
        raise UserError(f"the body is no {kind.__name__}: {error}") from error


def json(value: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")


_STATUS: tuple[tuple[type[MeshClawError], int], ...] = (
    (Gap, 409), (SignInNeeded, 401), (NotFound, 404), (UserError, 400), (TooLong, 413), (Refused, 403),
    (Throttled, 503), (NotReachable, 503),
)  # fmt: skip


async def problem(_: Request, error: Exception) -> Response:
    """For Starlette: any of our errors as an answer."""
    assert isinstance(error, MeshClawError)  # noqa: S101 - it is registered for those alone
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    position = error.position if isinstance(error, Gap) else None
    answer = json(Problem(error=error.code, message=error.message, fix=error.fix, position=position), status)
    if status == 503:
        answer.headers["Retry-After"] = "1"
    return answer
