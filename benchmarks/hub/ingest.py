"""Facts into the hub over HTTP, durable and signed, beside the same server accepting and discarding.

    python benchmarks/hub/ingest.py [--rounds N]

Batches of 100 facts from 16 devices at once, each signed and chained beforehand; the server is a process of its own,
the senders are one more. Two cores carry all of it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from measure import Row, show

from meshclaw.flow.fact import Fact
from meshclaw.flow.mesh import DEVICE, SIGNATURE, Batch
from meshclaw.hub import roster
from meshclaw.hub.hub import Hub
from meshclaw.hub.ingest import check
from meshclaw.hub.store.database import writing
from meshclaw.ledger.device import Device

DEVICES, BATCHES, FACTS = 16, 60, 100
SERVER = """
import sys
from pathlib import Path
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from meshclaw.hub.app import app
from meshclaw.hub.hub import Hub
async def discard(request: Request) -> Response:
    await request.body()
    return Response(b"{}", media_type="application/json")
with Hub(Path(sys.argv[1])) as hub:
    whole = app(hub)
    whole.router.routes.append(Route("/discard", discard, methods=["POST"]))
    uvicorn.run(whole, host="127.0.0.1", port=int(sys.argv[2]), log_level="error")
"""


def requests(folder: Path, hub: Hub) -> list[list[bytes]]:
    """By device, one HTTP request after the other."""
    day, found = datetime.now(UTC).date().isoformat(), list[list[bytes]]()
    for number in range(DEVICES):
        home = folder / f"claw{number}"
        home.mkdir()
        key, hash_, mine = Device(home), roster.GENESIS, list[bytes]()
        with writing(hub.engine) as connection:
            roster.enrol(connection, roster.new_code(connection, "kim"), key.public)
        for at in range(BATCHES):
            facts = tuple(
                Fact(id=secrets.token_hex(16), kind="decided", who="a" * 32, day=day, count=3, intent="mail.triage",
                     agent="mail-triage", effect="label", verdict="allow", rule=f"rule{one}")
                for one in range(FACTS)
            )  # fmt: skip
            batch = Batch(first=at * FACTS + 1, previous=hash_, facts=facts)
            hash_, body = check(batch), msgspec.json.encode(batch)
            mine.append(_request("/v1/facts", body, key.id, key.sign(b"POST /v1/facts\n" + body).hex()))
        found.append(mine)
    return found


def _request(path: str, body: bytes, device: str, signature: str) -> bytes:
    lines = (
        f"POST {path} HTTP/1.1", "Host: hub", f"{DEVICE}: {device}", f"{SIGNATURE}: {signature}",
        f"Content-Length: {len(body)}", "", "",
    )  # fmt: skip
    return "\r\n".join(lines).encode() + body


async def _send(port: int, mine: list[bytes], times: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for one in mine:
        started = time.perf_counter()
        writer.write(one)
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
        await reader.readexactly(int(length.partition(b":")[2]))
        if not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(head.decode())
        times.append(time.perf_counter() - started)
    writer.close()


async def _load(port: int, all_: list[list[bytes]]) -> tuple[float, float]:
    """Facts a second, and the 99th percentile of the answers' times in milliseconds (nearest rank)."""
    times: list[float] = []
    started = time.perf_counter()
    await asyncio.gather(*(_send(port, mine, times) for mine in all_))
    wall = time.perf_counter() - started
    return len(times) * FACTS / wall, sorted(times)[int(len(times) * 0.99)] * 1_000


def measure() -> tuple[float, float, float]:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        with Hub.make(folder / "hub", "Example") as hub:
            with writing(hub.engine) as connection:
                roster.put_unit(connection, "sales", "Sales")
                roster.put_person(connection, "kim", name="Kim", unit="sales")
            sent = requests(folder, hub)
        port = 18700 + secrets.randbelow(200)
        server = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(folder / "hub"), str(port)], env=os.environ
        )
        try:
            _wait(port)
            discarded = [[one.replace(b"/v1/facts", b"/discard", 1) for one in mine] for mine in sent]
            plain, _ = asyncio.run(_load(port, discarded))
            taken, p99 = asyncio.run(_load(port, sent))
        finally:
            server.terminate()
            server.wait()
        with Hub(folder / "hub") as hub:
            stored = hub.counts()["facts_to_compact"]
        if stored != DEVICES * BATCHES * FACTS:
            raise SystemExit(f"{stored} facts are stored, not {DEVICES * BATCHES * FACTS}")
    return taken, p99, taken / plain


def _wait(port: int) -> None:
    async def try_() -> None:
        for _ in range(200):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
        raise SystemExit("the hub did not start")

    asyncio.run(try_())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    found = [measure() for _ in range(parser.parse_args().rounds)]
    rates, tails, shares = zip(*found, strict=True)
    sys.exit(show([
        Row(what="facts a second, durable, signed and witnessed", values=rates, at_least=10_000),
        Row(what="answer, 99th percentile", values=tails, unit="ms", at_most=250),
        Row(what="share of the same server discarding", values=shares, at_least=0.4),
    ]))  # fmt: skip


if __name__ == "__main__":
    main()
