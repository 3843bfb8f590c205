"""A way to a server elsewhere: streamable HTTP, its own origin alone, and no answer larger than a bound."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from mcp.client.streamable_http import streamable_http_client

from meshclaw.connectors.pipes import MOST_OF_ONE

CONNECT_S = 10.0


class _Bounded(httpx2.AsyncHTTPTransport):
    """Stops reading where an answer grows beyond what anybody needs."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().handle_async_request(request)
        is_stream = response.headers.get("content-type", "").startswith("text/event-stream")
        if not is_stream:  # of those the protocol's own reader bounds each event
            response.stream = _Part(response.stream)  # pyright: ignore[reportArgumentType]
        return response


class _Part(httpx2.AsyncByteStream):
    def __init__(self, inner: Any) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for part in self._inner:
            size += len(part)
            if size > MOST_OF_ONE:
                raise httpx2.ReadError("the answer is larger than anybody needs")
            yield part

    async def aclose(self) -> None:
        await self._inner.aclose()


@asynccontextmanager
async def remote(url: str, key: str, seconds: float) -> AsyncGenerator[Any]:
    """``key``: a bearer token, or empty. It goes to the origin of ``url`` and nowhere else."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    timeout = httpx2.Timeout(seconds, connect=CONNECT_S)
    transport = _Bounded(verify=ssl.create_default_context())
    async with (
        httpx2.AsyncClient(headers=headers, timeout=timeout, transport=transport) as client,
        streamable_http_client(url, http_client=client, max_sse_event_size=MOST_OF_ONE) as streams,
    ):
        yield streams
