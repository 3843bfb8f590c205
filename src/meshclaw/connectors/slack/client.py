"""Slack's Web API as everything here uses it: typed answers, our errors, and a write that goes out once.

slack_sdk's own retries are off: with them a message whose answer was lost is posted twice. A read may be asked again;
a write that may have happened is ``Uncertain``, and whoever sent it looks for its evidence. Only a 429 is waited for
and sent again, within bounds: such a call did nothing. Tokens are known here and nowhere else.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from http.client import HTTPException
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

import msgspec

from meshclaw.connectors.slack import wrong
from meshclaw.errors import MeshClawError, NotReachable, Throttled
from meshclaw.flow.action import Value
from meshclaw.settings.slack import Kind, Workspace, checked_api, token_of

if TYPE_CHECKING:
    from slack_sdk.web import WebClient

TIMEOUT = 30
"""Seconds without an answer."""
TRIES = 3
"""Of a read."""
MOST_WAIT = 30.0
"""Seconds that one call waits in all for a rate limit to pass; longer ones are told to whoever called."""
UNNAMED_WAIT = 1.0
"""Seconds where a 429 names no time."""
PAGE = 200
"""Items of one page, as Slack recommends."""

wire = logging.getLogger("meshclaw.slack.wire")
wire.setLevel(logging.CRITICAL + 1)  # slack_sdk logs arguments and answers, which are content

NONE: Mapping[str, Value] = {}

T = TypeVar("T", bound=msgspec.Struct)


class Proved(msgspec.Struct, frozen=True, kw_only=True):
    """What ``auth.test`` says of a token."""

    url: str
    team: str
    team_id: str
    user: str
    user_id: str
    bot_id: str = ""
    enterprise_id: str | None = None
    scopes: tuple[str, ...] = ()
    """From the answer's header; empty for app tokens."""


class Next(msgspec.Struct, frozen=True):
    next_cursor: str = ""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Base of answers that come in pages."""

    response_metadata: Next = Next()


P = TypeVar("P", bound=Page)


class Client:
    """Of one workspace; threads may share it. ``token`` gives the token of a kind, ``sleep`` waits so many seconds."""

    def __init__(
        self, workspace: Workspace, *, token: Callable[[Kind], str] | None = None,
        sleep: Callable[[float], None] = time.sleep, most_wait: float = MOST_WAIT,
    ) -> None:  # fmt: skip
        self.workspace = workspace
        self._token: Callable[[Kind], str] = token or partial(token_of, workspace)
        self._sleep = sleep
        self._most_wait = most_wait
        self._api = checked_api(workspace.api)
        self._webs: dict[Kind, WebClient] = {}
        self._not_before: dict[tuple[Kind, str], float] = {}
        self._lock = threading.Lock()

    def read(
        self, method: str, type_: type[T], arguments: Mapping[str, Value] = NONE, *, by: Kind = "bot"
    ) -> T:
        """Ask for something that changes nothing; asked again where the connection or Slack breaks off."""
        for left in reversed(range(TRIES)):
            try:
                return self._convert(
                    method, self._call(method, by, arguments, writes=False), type_, writes=False
                )
            except NotReachable:
                if not left:
                    raise
                self._sleep(0.5 * (TRIES - left))
        raise AssertionError

    def write(
        self, method: str, type_: type[T], arguments: Mapping[str, Value] = NONE, *, by: Kind = "bot"
    ) -> T:
        """Change something, once. ``Uncertain`` where it may have happened, any other error where it did not."""
        return self._convert(method, self._call(method, by, arguments, writes=True), type_, writes=True)

    def pages(
        self,
        method: str,
        type_: type[P],
        arguments: Mapping[str, Value] = NONE,
        *,
        by: Kind = "bot",
        most: int = 10,
    ) -> Iterator[P]:
        """Read page after page, ``most`` of them."""
        cursor = ""
        for _ in range(most):
            more: dict[str, Value] = {"cursor": cursor} if cursor else {}
            page = self.read(method, type_, {"limit": PAGE, **arguments, **more}, by=by)
            yield page
            cursor = page.response_metadata.next_cursor
            if not cursor:
                return

    def prove(self, kind: Kind = "bot") -> Proved:
        """Whether Slack takes the token, and for whom."""
        answer = self._call("auth.test", kind, {}, writes=False)
        proved = self._convert("auth.test", answer, Proved, writes=False)
        return msgspec.structs.replace(proved, scopes=scopes_of(answer))

    def fetch(self, url: str, most: int) -> bytes:
        """The bytes of a file, with the bot's token."""
        from meshclaw.connectors.slack.transfer import fetch

        return fetch(url, token=self._token("bot"), api=self._api, most=most)

    def put(self, url: str, data: bytes) -> None:
        """Bytes to an upload address."""
        from meshclaw.connectors.slack.transfer import put

        put(url, data, api=self._api)

    # -- the wire --------------------------------------------------------------------------

    def _call(self, method: str, kind: Kind, arguments: Mapping[str, Value], *, writes: bool) -> Answer:
        """Waits for rate limits to pass, ``most_wait`` seconds in all."""
        waited = 0.0
        while True:
            pause = self._not_before.get((kind, method), 0.0) - time.monotonic()
            if pause <= 0:
                try:
                    return self._send(method, kind, arguments, writes=writes)
                except Throttled as error:
                    pause = error.retry_after or UNNAMED_WAIT
                    with self._lock:
                        self._not_before[kind, method] = time.monotonic() + pause
            if waited + pause > self._most_wait:
                raise Throttled(
                    f"Slack wants {pause:.0f} s without another {method}", retry_after=pause,
                    fix="Try again after that time.",
                )  # fmt: skip
            self._sleep(pause)
            waited += pause

    def _send(self, method: str, kind: Kind, arguments: Mapping[str, Value], *, writes: bool) -> Answer:
        from slack_sdk.errors import SlackApiError

        web = cast("_Api", self._web(kind))
        try:
            if writes:
                return web.api_call(method, json=dict(arguments))
            return web.api_call(method, params=dict(arguments))
        except SlackApiError as error:
            raise _told(method, cast("Answer", error.response), writes=writes) from error
        except (OSError, ValueError, HTTPException) as error:
            raise wrong.of_exception(method, error, writes=writes) from error

    def _web(self, kind: Kind) -> WebClient:
        with self._lock:
            if kind not in self._webs:
                from slack_sdk.web import WebClient

                self._webs[kind] = WebClient(
                    token=self._token(kind),
                    base_url=self._api,
                    timeout=TIMEOUT,
                    retry_handlers=[],
                    logger=wire,
                )
            return self._webs[kind]

    @staticmethod
    def _convert(method: str, answer: Answer, type_: type[T], *, writes: bool) -> T:
        try:
            return msgspec.convert(answer.data, type_)
        except msgspec.ValidationError as error:
            raise wrong.unreadable(method, writes=writes) from error


class Answer(Protocol):
    """What slack_sdk leaves untyped."""

    @property
    def data(self) -> object: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def status_code(self) -> int: ...


class _Api(Protocol):
    def api_call(
        self, api_method: str, *, params: dict[str, Value] | None = None, json: dict[str, Value] | None = None
    ) -> Answer: ...


def _told(method: str, answer: Answer, *, writes: bool) -> MeshClawError:
    if answer.status_code == 429:
        return Throttled(f"Slack wants fewer calls of {method}", retry_after=_seconds(answer))
    said = cast("dict[str, object]", answer.data) if isinstance(answer.data, dict) else {}
    code = said.get("error")
    if answer.status_code >= 500 or not isinstance(code, str):
        return wrong.of_status(method, answer.status_code, writes=writes)
    return wrong.of_code(method, code, needed=str(said.get("needed", "")), writes=writes)


def _seconds(answer: Answer) -> float | None:
    written = _header(answer, "retry-after")
    return float(written) if written.isascii() and written.isdigit() else None


def _header(answer: Answer, wanted: str) -> str:
    return next((value for name, value in answer.headers.items() if name.lower() == wanted), "")


def scopes_of(answer: Answer) -> tuple[str, ...]:
    return tuple(sorted(one.strip() for one in _header(answer, "x-oauth-scopes").split(",") if one.strip()))
