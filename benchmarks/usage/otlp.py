"""The receiver of OTLP: batches of 1,000 spans over loopback, unpacked, priced and stored, each batch one commit.

Run: PYTHONPATH=benchmarks python benchmarks/usage/otlp.py

The bodies are made before the clock starts; only the receiver's own CPU time counts, by its operating system.
"""

from __future__ import annotations

import gzip
import os
import resource
import sys
import tempfile
from http.client import HTTPConnection
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread

from measure import Row, show
from opentelemetry.proto.trace.v1.trace_pb2 import Span, TracesData

SPANS, BATCHES, ROUNDS = 1_000, 30, 5
PROTOBUF = "application/x-protobuf"


def batch(number: int) -> bytes:
    """Typical chat spans: eleven attributes, four of them counts."""
    data = TracesData()
    sender = data.resource_spans.add()
    service = sender.resource.attributes.add(key="service.name")
    service.value.string_value = "helpdesk"
    spans = sender.scope_spans.add().spans
    for step in range(SPANS):
        fill(spans.add(), number * SPANS + step)
    return data.SerializeToString()


def fill(span: Span, number: int) -> None:
    span.name = "chat claude-opus-4-5"
    span.trace_id, span.span_id = os.urandom(16), os.urandom(8)
    span.start_time_unix_nano = 1_780_308_000_000_000_000 + number * 10**9
    span.end_time_unix_nano = span.start_time_unix_nano + 10**9
    texts = {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "anthropic", "gen_ai.request.model": "claude-opus-4-5",
        "gen_ai.response.model": "claude-opus-4-5-20251101", "gen_ai.response.id": f"msg_{number}",
        "gen_ai.conversation.id": f"conversation-{number // 50}", "server.address": "api.anthropic.com",
    }  # fmt: skip
    for key, text in texts.items():
        span.attributes.add(key=key).value.string_value = text
    counts = {"gen_ai.usage.input_tokens": 1_000 + number % 500, "gen_ai.usage.output_tokens": number % 700 + 1,
              "gen_ai.usage.cache_read.input_tokens": 800, "server.port": 443}  # fmt: skip
    for key, count in counts.items():
        span.attributes.add(key=key).value.int_value = count


def serve(pipe: Connection, folder: Path) -> None:
    """In a process of its own: the port, then at the end its CPU seconds and how many calls it stored."""
    from meshclaw.cli.receiving import Receiver
    from meshclaw.ledger.usage.store import UsageStore
    from meshclaw.readers.all import READERS
    from meshclaw.usage.importing import Importer
    from meshclaw.usage.labels import judge_of
    from meshclaw.usage.received import receive

    store = UsageStore(folder / "usage.db")
    importer = Importer(store, READERS, judge_of(READERS, None))
    receiver = Receiver(lambda found: receive(importer, list(found)), port=0)
    thread = Thread(target=receiver.serve_forever)
    thread.start()
    pipe.send(receiver.server_port)
    pipe.recv()  # the first batch has been sent: everything is loaded
    before = cpu_s()
    pipe.send(None)
    pipe.recv()
    took = cpu_s() - before
    receiver.shutdown()
    thread.join()
    receiver.server_close()
    pipe.send((took, store.total().calls))
    store.close()


def cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def one_round(folder: Path, bodies: list[bytes], encoding: str) -> float:
    """Spans a CPU-second."""
    folder.mkdir()
    pipe, theirs = get_context("spawn").Pipe()
    process = get_context("spawn").Process(target=serve, args=(theirs, folder))
    process.start()
    connection = HTTPConnection("127.0.0.1", pipe.recv(), timeout=60)
    post(connection, bodies[0], encoding)
    pipe.send(None)
    pipe.recv()
    for body in bodies[1:]:
        post(connection, body, encoding)
    connection.close()
    pipe.send(None)
    took, stored = pipe.recv()
    process.join()
    if stored != SPANS * len(bodies):
        raise SystemExit(f"{stored} calls were stored, {SPANS * len(bodies)} were sent")
    return SPANS * (len(bodies) - 1) / took


def post(connection: HTTPConnection, body: bytes, encoding: str) -> None:
    headers = {"Content-Type": PROTOBUF} | ({"Content-Encoding": encoding} if encoding else {})
    connection.request("POST", "/v1/traces", body, headers)
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        raise SystemExit(f"the receiver answered {answer.status}")


def main() -> int:
    plain = [batch(number) for number in range(BATCHES + 1)]
    zipped = [gzip.compress(body, 6) for body in plain]
    with tempfile.TemporaryDirectory() as name:
        os.environ["MESHCLAW_HOME"] = name
        rounds = range(ROUNDS + 1)  # the first one makes the file of prices
        as_is = [one_round(Path(name) / f"p{at}", plain, "") for at in rounds][1:]
        by_gzip = [one_round(Path(name) / f"z{at}", zipped, "gzip") for at in rounds][1:]
    note = f"{BATCHES} batches of {SPANS:,} spans, {len(plain[0]) // 1024} KiB each, {len(zipped[0]) // 1024} zipped."
    return show([
        Row(what="spans a CPU-second, protobuf", values=as_is, at_least=20_000, note=note),
        Row(what="spans a CPU-second, gzip", values=by_gzip, at_least=20_000),
    ])  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
