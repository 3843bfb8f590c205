"""Server-sent events: that something changed, and what a run says while it says it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from meshclaw.daemon.following import LOOK_S
from meshclaw.home.house import Answer, House
from meshclaw.ledger.ledger import Ledger

MOST = 20
"""Streams at once, one per window."""
PIECE_S = 0.05
STILL_S = 15.0
"""After so long without news something is sent, so that who went away is noticed."""


class Live:
    def __init__(self, house: House) -> None:
        self._house = house
        self._open = 0

    async def changes(self, request: Request) -> Response:
        """``fact`` whenever the ledger has grown beyond number ``after``; the page then fetches itself anew."""
        after = request.query_params.get("after", "")
        return self._stream(self._changes(int(after) if after.isdecimal() and len(after) < 16 else 0))

    async def answer(self, request: Request) -> Response:
        """``piece`` by piece, then ``end``."""
        answer = self._house.answer(request.path_params["run"])
        return Response(status_code=404) if answer is None else self._stream(self._pieces(answer))

    def _stream(self, events: AsyncIterator[str]) -> Response:
        if self._open >= MOST:
            return Response("too many windows", 503)
        return StreamingResponse(self._counted(events), media_type="text/event-stream")

    async def _counted(self, events: AsyncIterator[str]) -> AsyncIterator[str]:
        self._open += 1
        try:
            async for one in events:
                yield one
        finally:
            self._open -= 1

    async def _changes(self, seen: int) -> AsyncIterator[str]:
        ledger, quiet = Ledger(self._house.folder), STILL_S
        try:
            while not self._house.stop.is_set():
                newest = ledger.newest()
                if newest != seen or quiet >= STILL_S:
                    yield _event("fact" if newest != seen else "still")
                    seen, quiet = newest, 0.0
                await asyncio.sleep(LOOK_S)
                quiet += LOOK_S
        finally:
            ledger.close()

    async def _pieces(self, answer: Answer) -> AsyncIterator[str]:
        sent = 0
        while not self._house.stop.is_set():
            ended = answer.done is not None
            if pieces := answer.pieces[sent:]:
                sent += len(pieces)
                yield _event("piece", "".join(pieces))
            if ended:
                yield _event("end")
                return
            await asyncio.sleep(PIECE_S)


def _event(name: str, data: object = "") -> str:
    return f"event: {name}\ndata: {msgspec.json.encode(data).decode()}\n\n"
