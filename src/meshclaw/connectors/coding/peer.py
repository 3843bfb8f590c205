"""One task given to a coding agent over the Agent Client Protocol (version 1), and what it asked for on the way.

It is offered nothing: no files, no terminal, no servers of ours. It has its own tools, inside the box that it runs in;
what it asks permission for is answered by what the box bounds anyway.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import PurePosixPath
from typing import Any, Literal, cast

import acp
import msgspec
from acp import schema
from acp.client.connection import ClientSideConnection

from meshclaw.connectors.pipes import Fate, Pipes
from meshclaw.connectors.program import Program
from meshclaw.errors import Cut, Garbled, MeshClawError, NotReachable, Refused, SignInNeeded

START_S = 60.0
MOST_SAID = 20_000
"""Characters kept of what it says."""
MOST_NONSENSE = 20
_BOXED = frozenset(("read", "edit", "delete", "move", "search", "execute", "think"))
"""Kinds of tools that the box bounds. What fetches, changes its mode or is of no kind is refused."""
_AUTH_REQUIRED = -32000

End = Literal["end_turn", "max_tokens", "max_turn_requests", "refusal", "cancelled", "time", "money"]


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """How a task went, as the agent tells it; none of it is believed of the code."""

    ended: End
    said: str = ""
    tokens: int = 0
    cost_micros: int = 0
    allowed: int = 0
    refused: int = 0
    """Permissions it asked for."""


class Task(msgspec.Struct, frozen=True, kw_only=True):
    words: str
    folder: str
    seconds: float
    most_micros: int
    """Micro-dollars that it may say it cost before it is stopped."""


class _Lines:
    """The protocol's messages over a program's lines."""

    def __init__(self, pipes: Pipes) -> None:
        self._pipes = pipes
        self._nonsense = 0

    async def send(self, message: dict[str, Any]) -> None:
        await self._pipes.send(json.dumps(message, separators=(",", ":")).encode())

    async def receive(self) -> dict[str, Any] | None:
        while (line := await self._pipes.receive()) is not None:
            try:
                message = json.loads(line)
            except (ValueError, RecursionError):
                message = None
            if isinstance(message, dict):
                return cast("dict[str, Any]", message)
            self._nonsense += 1
            if self._nonsense > MOST_NONSENSE:
                self._pipes.break_off("what it says is no ACP")
        return None

    async def close(self) -> None:
        """The program is ended by whoever started it."""


class _Client:
    """Our side: listens, and answers what it is asked for."""

    def __init__(self, task: Task) -> None:
        self._folder = PurePosixPath(task.folder)
        self._most = task.most_micros
        self.said: list[str] = []
        self.cost_micros = 0
        self.allowed = self.refused = 0
        self.too_dear = asyncio.Event()

    async def request_permission(
        self, tool_call: schema.ToolCallUpdate, options: list[schema.PermissionOption], **_: Any
    ) -> schema.RequestPermissionResponse:
        allow = self._is_inside(tool_call)
        wanted = ("allow_once",) if allow else ("reject_once", "reject_always")
        chosen = next((one for kind in wanted for one in options if one.kind == kind), None)
        self.allowed += allow and chosen is not None
        self.refused += not allow or chosen is None
        outcome: schema.AllowedOutcome | schema.DeniedOutcome = (
            schema.AllowedOutcome(outcome="selected", option_id=chosen.option_id)
            if chosen
            else schema.DeniedOutcome(outcome="cancelled")
        )
        return schema.RequestPermissionResponse(outcome=outcome)

    async def session_update(self, update: object, **_: Any) -> None:
        match update:
            case schema.AgentMessageChunk(content=schema.TextContentBlock(text=text)):
                if sum(map(len, self.said)) < MOST_SAID:
                    self.said.append(text)
            case schema.UsageUpdate(cost=schema.Cost(amount=amount, currency="USD")):
                self.cost_micros = max(self.cost_micros, round(amount * 1_000_000))
                if self.cost_micros > self._most:
                    self.too_dear.set()
            case _:
                pass

    def _is_inside(self, call: schema.ToolCallUpdate) -> bool:
        places = [PurePosixPath(one.path) for one in call.locations or ()]
        plain = all(place.is_relative_to(self._folder) and ".." not in place.parts for place in places)
        return call.kind in _BOXED and plain


def work(program: Program, task: Task) -> Told:
    """Start it, give it ``task``, wait for its end. Raises MeshClawError where there was none."""
    fate = Fate()
    try:
        return asyncio.run(_work(program, task, fate))
    except MeshClawError:
        raise
    except Exception as error:
        raise _told(error, fate) from error


async def _work(program: Program, task: Task, fate: Fate) -> Told:
    client = _Client(task)
    async with Pipes(program, fate) as pipes:
        connection = ClientSideConnection(cast("Any", client), _Lines(pipes))
        try:
            async with asyncio.timeout(START_S):
                session = await _begin(connection, task)
            ended, usage = await _prompt(connection, session, task, client)
        finally:
            await connection.close()
    return Told(
        ended=ended, said="".join(client.said)[:MOST_SAID], tokens=usage, cost_micros=client.cost_micros,
        allowed=client.allowed, refused=client.refused,
    )  # fmt: skip


async def _begin(connection: ClientSideConnection, task: Task) -> str:
    from meshclaw import __version__

    met = await connection.initialize(
        protocol_version=acp.PROTOCOL_VERSION,
        client_capabilities=schema.ClientCapabilities(fs=schema.FileSystemCapabilities(), terminal=False),
        client_info=schema.Implementation(name="meshclaw", version=__version__),
    )
    if met.protocol_version != acp.PROTOCOL_VERSION:
        raise Refused(
            f"the coding agent speaks version {met.protocol_version} of the protocol, and we speak 1"
        )
    return (await connection.new_session(cwd=task.folder, mcp_servers=[])).session_id


async def _prompt(
    connection: ClientSideConnection, session: str, task: Task, client: _Client
) -> tuple[End, int]:
    """Until it ends by itself, or its time or its money does."""
    asked = asyncio.ensure_future(connection.prompt(session_id=session, prompt=[acp.text_block(task.words)]))
    dear = asyncio.ensure_future(client.too_dear.wait())
    try:
        done, _ = await asyncio.wait((asked, dear), timeout=task.seconds, return_when=asyncio.FIRST_COMPLETED)
        if asked in done:
            answer = await asked
            return answer.stop_reason, answer.usage.total_tokens if answer.usage else 0
        await connection.cancel(session_id=session)
        return ("money" if dear in done else "time"), 0
    finally:
        for one in (asked, dear):
            one.cancel()
        await asyncio.gather(asked, dear, return_exceptions=True)


def _told(error: Exception, fate: Fate) -> Exception:
    """In our words: what an agent says of its errors is a stranger's text."""
    if fate.error is not None:
        return fate.error
    if isinstance(error, acp.RequestError):
        return _refusal(error.code)
    if fate.broke or fate.ended is not None:
        why = fate.broke or f"it ended with code {fate.ended.code if fate.ended else 0}"
        return Cut(f"the coding agent was cut off before it was done: {why}")
    if isinstance(error, TimeoutError):
        return NotReachable("the coding agent did not start in time")
    return Garbled(f"what the coding agent said cannot be understood ({type(error).__name__})")


def _refusal(code: int) -> MeshClawError:
    if code == _AUTH_REQUIRED:
        return SignInNeeded(
            "the coding agent wants to be signed in",
            fix="Give it a key: meshclaw coding add NAME --secret VARIABLE=HOST",
        )
    return Refused(f"the coding agent would not do it (error {code} of the protocol)")
