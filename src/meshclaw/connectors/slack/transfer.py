"""Bytes of files, in and out: bounded, and a token goes to Slack's own file servers alone, through no redirect."""

from __future__ import annotations

from http.client import HTTPException, HTTPMessage
from typing import Protocol, cast
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
)

from meshclaw.connectors.slack import wrong
from meshclaw.errors import Refused, TooLong

TIMEOUT = 60


class _Response(Protocol):
    headers: HTTPMessage

    def read(self, amount: int, /) -> bytes: ...
    def close(self) -> None: ...


def fetch(url: str, *, token: str, api: str, most: int) -> bytes:
    """The file behind a ``url_private``. Refused where it is not Slack's, TooLong beyond ``most`` bytes."""
    _check(url, api)
    request = Request(url, headers={"Authorization": f"Bearer {token}"})  # noqa: S310  checked above
    response = _open(request, "the download", writes=False)
    try:
        # Slack answers whoever may not see a file with a page to sign in.
        if response.headers.get_content_type() == "text/html" and not url.endswith((".html", ".htm")):
            raise Refused("the claw may not fetch that file", fix="The app needs the scope files:read.")
        data = response.read(most + 1)
    except (OSError, HTTPException) as error:
        raise wrong.of_exception("the download", error, writes=False) from error
    finally:
        response.close()
    if len(data) > most:
        raise TooLong(f"the file has more than {most} bytes")
    return data


def put(url: str, data: bytes, *, api: str) -> None:
    """Send the bytes to an upload address of Slack's. Nobody sees them before the upload is completed."""
    _check(url, api)
    request = Request(url, data=data, headers={"Content-Type": "application/octet-stream"}, method="POST")  # noqa: S310
    _open(request, "the upload", writes=False).close()


def _check(url: str, api: str) -> None:
    """https to Slack's own servers, or to wherever this workspace's Web API is."""
    parts, own = urlsplit(url), urlsplit(api)
    host = parts.hostname or ""
    same = (parts.scheme, host, parts.port) == (own.scheme, own.hostname, own.port)
    files = parts.scheme == "https" and host == f"files.{own.hostname}" and parts.port in (None, 443)
    if not (same or files):
        raise Refused(f"Slack names a file at {host!r}, which is not its own file server")


def _open(request: Request, what: str, *, writes: bool) -> _Response:
    try:
        return cast("_Response", _opener().open(request, timeout=TIMEOUT))
    except HTTPError as error:
        with error:
            raise wrong.of_status(what, error.code, writes=writes) from error
    except (OSError, HTTPException) as error:
        raise wrong.of_exception(what, error, writes=writes) from error


def _opener() -> OpenerDirector:
    """The proxy of the environment, and no redirects: another address would get the token, or the file."""
    opener = OpenerDirector()
    for handler in (
        ProxyHandler(),
        HTTPHandler(),
        HTTPSHandler(),
        HTTPDefaultErrorHandler(),
        HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener
