"""The receiver, driven by the real exporters of OpenTelemetry and by whoever means harm."""

from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from threading import Thread

import pytest
from opentelemetry import trace
from opentelemetry._logs import LogRecord
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from meshclaw.cli import receiving
from meshclaw.cli.receiving import Receiver
from meshclaw.errors import Busy
from meshclaw.flow.usage import Tokens, Unread, Usage
from tests.readers.reading import fullest, total

DELTA, CUMULATIVE = AggregationTemporality.DELTA, AggregationTemporality.CUMULATIVE


class Kept(list[Usage | Unread]):
    def keep(self, found: Iterable[Usage | Unread]) -> None:
        self.extend(found)

    @property
    def usages(self) -> list[Usage]:
        return fullest(item for item in self if isinstance(item, Usage))


@contextmanager
def receiving_into(kept: Kept, **changes: object) -> Iterator[Receiver]:
    receiver = Receiver(kept.keep, port=0, **changes)  # type: ignore[arg-type]
    thread = Thread(target=receiver.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.shutdown()
        thread.join()
        receiver.server_close()


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def receiver(kept: Kept) -> Iterator[Receiver]:
    with receiving_into(kept) as receiver:
        yield receiver


def url(receiver: Receiver, signal: str) -> str:
    return f"http://127.0.0.1:{receiver.server_port}/v1/{signal}"


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])
def test_spans_of_the_real_sdk_become_calls(receiver: Receiver, kept: Kept, compression: Compression) -> None:
    provider = TracerProvider(
        resource=Resource({"service.name": "helpdesk", "meshclaw.intent": "mail.triage"})
    )
    exporter = OTLPSpanExporter(endpoint=url(receiver, "traces"), compression=compression)
    provider.add_span_processor(
        BatchSpanProcessor(exporter, max_queue_size=4_000, max_export_batch_size=1_000)
    )
    tracer = provider.get_tracer("t")
    for number in range(2_500):
        with tracer.start_as_current_span("agent") as agent:
            agent.set_attribute("gen_ai.operation.name", "invoke_agent")
            agent.set_attribute("gen_ai.usage.input_tokens", 1_000_000)
            with tracer.start_as_current_span("chat m") as span:
                span.set_attributes({
                    "gen_ai.operation.name": "chat", "gen_ai.provider.name": "anthropic",
                    "gen_ai.request.model": "claude-opus-4-5", "gen_ai.response.id": f"msg_{number}",
                    "gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 7,
                    "gen_ai.usage.cache_read.input_tokens": 60, "gen_ai.usage.cache_creation.input_tokens": 10,
                    "gen_ai.conversation.id": "c1", "gen_ai.prompt": "secret words", "user.email": "a@example.com",
                })  # fmt: skip
        if number % 500 == 499:
            provider.force_flush()
    provider.shutdown()
    one = kept.usages[0]
    assert one.tokens == Tokens(input_uncached=30, cache_read=60, cache_write_5m=10, output=7)
    assert (one.tool, one.message, one.declared, one.session) == (
        "helpdesk",
        "msg_0",
        "env:mail.triage",
        "c1",
    )
    assert total(kept.usages)["calls"] == 2_500
    assert total(kept.usages)["cache_read"] == 150_000
    assert "secret" not in repr(one)
    assert "example.com" not in repr(one)


CLAUDE = {
    "event.name": "api_request", "session.id": "s1", "model": "claude-opus-4-5", "input_tokens": "12",
    "output_tokens": 5, "cache_read_tokens": 100, "cache_creation_tokens": 20, "cost_usd": 0.01,
    "request_id": "req_1", "query_source": "agent:builtin:explore", "speed": "fast",
    "event.timestamp": "2026-06-01T10:00:00.000Z",
}  # fmt: skip
CODEX = {
    "event.name": "codex.sse_event", "event.kind": "response.completed", "input_token_count": 100,
    "cached_token_count": 40, "output_token_count": 9, "reasoning_token_count": 3, "tool_token_count": 109,
    "conversation.id": "c1", "model": "gpt-5",
}  # fmt: skip
GEMINI = {
    "event.name": "gemini_cli.api_response", "input_token_count": 100, "output_token_count": 5,
    "cached_content_token_count": 30, "thoughts_token_count": 7, "tool_token_count": 2, "session.id": "g1",
    "model": "gemini-2.5-pro", "prompt_id": "p1",
}  # fmt: skip


@pytest.mark.parametrize(
    ("body", "attributes", "tool", "tokens"),
    [
        (
            "claude_code.api_request", CLAUDE, "claude-code",
            Tokens(input_uncached=12, cache_read=100, cache_write_5m=20, output=5),
        ),
        ("codex", CODEX, "codex", Tokens(input_uncached=60, cache_read=40, output=9, reasoning=3)),
        ("answer", GEMINI, "gemini-cli", Tokens(input_uncached=72, cache_read=30, output=12, reasoning=7)),
    ],
)  # fmt: skip
def test_events_of_each_tool_become_calls(
    receiver: Receiver, kept: Kept, *, body: str, attributes: dict[str, object], tool: str, tokens: Tokens
) -> None:
    provider = LoggerProvider(resource=Resource({"service.name": "x"}))
    provider.add_log_record_processor(
        BatchLogRecordProcessor(OTLPLogExporter(endpoint=url(receiver, "logs")))
    )
    logger = provider.get_logger("t")
    for name in (body, "claude_code.user_prompt"):
        other = attributes if name == body else {"event.name": "user_prompt", "prompt_length": 5}
        logger.emit(LogRecord(timestamp=1_780_308_000_000_000_000, body=name, attributes=other))  # type: ignore[arg-type]
    provider.shutdown()
    (usage,) = kept.usages
    assert (usage.tool, usage.tokens, usage.at) == (tool, tokens, 1_780_308_000_000)


def test_a_call_of_claude_code_has_the_key_of_its_transcript(receiver: Receiver, kept: Kept) -> None:
    test_events_of_each_tool_become_calls(
        receiver, kept, body="claude_code.api_request", attributes=CLAUDE, tool="claude-code",
        tokens=Tokens(input_uncached=12, cache_read=100, cache_write_5m=20, output=5),
    )  # fmt: skip
    (usage,) = kept.usages
    assert (usage.key, usage.reported_micros, usage.speed, usage.by_machine) == (
        "req_1",
        10_000,
        "fast",
        True,
    )


@pytest.mark.parametrize("temporality", [DELTA, CUMULATIVE])
def test_counters_add_up_to_the_same_whichever_way_they_are_sent(
    receiver: Receiver, kept: Kept, temporality: AggregationTemporality
) -> None:
    exporter = OTLPMetricExporter(
        endpoint=url(receiver, "metrics"),
        preferred_temporality={Counter: temporality, Histogram: temporality},
    )
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=60_000)
    provider = MeterProvider(metric_readers=[reader], resource=Resource({"service.name": "claude-code"}))
    meter = provider.get_meter("com.anthropic.claude_code")
    tokens, cost = (
        meter.create_counter("claude_code.token.usage"),
        meter.create_counter("claude_code.cost.usage"),
    )
    gen_ai = meter.create_histogram("gen_ai.client.token.usage")
    for step in range(1, 6):
        for session in ("s1", "s2"):
            common = {"session.id": session, "model": "claude-opus-4-5[1m]", "query_source": "main"}
            for kind, count in (("input", 3), ("output", 5), ("cacheRead", 100), ("cacheCreation", 20)):
                tokens.add(count * step, {**common, "type": kind})
            cost.add(0.25, common)
        gen_ai.record(step, {"gen_ai.token.type": "input", "gen_ai.request.model": "m"})
        gen_ai.record(step * 2, {"gen_ai.token.type": "output", "gen_ai.request.model": "m"})
        provider.force_flush()
    provider.shutdown()
    claude = [usage for usage in kept.usages if usage.model.startswith("claude")]
    sums = total(claude)
    assert {name: sums[name] for name in ("input_uncached", "output", "cache_read", "cache_write_5m")} == {
        "input_uncached": 2 * 3 * 15, "output": 2 * 5 * 15, "cache_read": 2 * 100 * 15, "cache_write_5m": 2 * 20 * 15,
    }  # fmt: skip
    assert sum(usage.reported_micros or 0 for usage in claude) == 2 * 5 * 250_000
    assert all(usage.until > usage.at for usage in claude)
    assert len(claude) == (2 if temporality is CUMULATIVE else 10)
    other = total(usage for usage in kept.usages if usage.model == "m")
    assert (other["input_uncached"], other["output"]) == (15, 30)


def post(receiver: Receiver, body: bytes, *, path: str = "/v1/traces", **headers: str) -> tuple[int, str]:
    sent = {"Content-Type": "application/json"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    connection = HTTPConnection("127.0.0.1", receiver.server_port, timeout=10)
    try:
        connection.request("POST", path, body, sent)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def span(**changes: object) -> dict[str, object]:
    counts = {
        "gen_ai.usage.input_tokens": {"intValue": "10"},
        "gen_ai.usage.output_tokens": {"doubleValue": 2},
    }
    return {
        "traceId": "AB" * 16, "spanId": "cd" * 8, "name": "chat", "startTimeUnixNano": "1780308000000000000",
        "attributes": [{"key": key, "value": value} for key, value in counts.items()],
    } | changes  # fmt: skip


def request(*spans: object) -> bytes:
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).encode()


@pytest.mark.parametrize("is_zipped", [False, True])
def test_json_is_received_too(receiver: Receiver, kept: Kept, is_zipped: bool) -> None:
    body = request(span())
    headers = {"Content_Encoding": "gzip"} if is_zipped else {}
    assert post(receiver, gzip.compress(body) if is_zipped else body, **headers) == (200, "{}")
    (usage,) = kept.usages
    assert usage.tokens == Tokens(input_uncached=10, output=2)
    assert usage.key == f"{'ab' * 16}:{'cd' * 8}"


@pytest.mark.parametrize(
    ("kind", "temporality"),
    [("delta", 1), ("cumulative", 2), ("cumulative", "AGGREGATION_TEMPORALITY_CUMULATIVE")],
)
def test_counters_come_by_json_too(receiver: Receiver, kept: Kept, kind: str, temporality: object) -> None:
    for step in (1, 2, 3):
        common = {"startTimeUnixNano": "1780308000000000000", "timeUnixNano": str(1780308000000000000 + step)}
        points = [
            common | {"attributes": [{"key": "type", "value": {"stringValue": kind}}]} | value
            for kind, value in (("input", {"asInt": str(step)}), ("output", {"asDouble": -1.0}))
        ]
        metric = {
            "name": "claude_code.token.usage",
            "sum": {"aggregationTemporality": temporality, "dataPoints": points},
        }
        body = json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}).encode()
        for _ in range(2):  # a sender that heard no answer sends again
            assert post(receiver, body, path="/v1/metrics")[0] == 200
    assert total(kept.usages)["input_uncached"] == (6 if kind == "delta" else 3)
    assert {item.why for item in kept if isinstance(item, Unread)} == {"negative"}


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{", {}, 400),
        (b"[]", {}, 400),
        (b"\xff\xff\xff", {"Content_Type": "application/x-protobuf"}, 400),
        (b"{}", {"Content_Type": "text/plain"}, 415),
        (b"{}", {"Content_Type": ""}, 415),
        (b"{}", {"Content_Encoding": "br"}, 415),
        (b"{}", {"Content_Encoding": "gzip"}, 400),
        (gzip.compress(b"{}")[:-4], {"Content_Encoding": "gzip"}, 400),
        (gzip.compress(b" " * (200 << 20), 9), {"Content_Encoding": "gzip"}, 413),
        (b"{}", {"Origin": "https://evil.example"}, 403),
        (b"{}", {"Host": "evil.example:4318"}, 403),
        (b"{}", {"path": "/v1/secrets"}, 404),
        (request(*[{}] * 100_001), {}, 413),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_what_cannot_be_taken_is_refused_and_nothing_of_it_is_kept(
    receiver: Receiver, kept: Kept, body: bytes, headers: dict[str, str], status: int
) -> None:
    found, why = post(receiver, body, **headers)
    assert found == status
    assert why
    assert not kept
    assert post(receiver, request(span()))[0] == 200  # and the next one is served


def test_a_bad_record_is_named_and_the_rest_is_kept(receiver: Receiver, kept: Kept) -> None:
    bad = [{"key": "gen_ai.usage.input_tokens", "value": {"intValue": "-5"}}]
    sent = (
        span(),
        span(attributes=bad),
        span(startTimeUnixNano="5"),
        span(startTimeUnixNano="-1", spanId="ef"),
    )
    assert post(receiver, request(*sent))[0] == 200
    assert [(item.path, item.line, item.why) for item in kept if isinstance(item, Unread)] == [
        ("otlp:traces", 2, "negative"), ("otlp:traces", 3, "clock"), ("otlp:traces", 4, "clock"),
    ]  # fmt: skip


def raw(receiver: Receiver, text: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", receiver.server_port), timeout=10) as connection:
        connection.sendall(text)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while part := connection.recv(65_536):
            answer += part
        return answer


HEAD = b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\r\n{}", 411),
        (b"Content-Length: -1\r\n\r\n{}", 411),
        (b"Content-Length: 99999999999999\r\n\r\n{}", 413),
        (b"Content-Length: 8388609\r\n\r\n{}", 413),
        (b"Content-Length: 50\r\n\r\n{}", 400),
        (b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 200),
        (b"Transfer-Encoding: chunked\r\n\r\n1;x=y\r\n{\r\n1\r\n}\r\n0\r\nTrailer: x\r\n\r\n", 200),
        (b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n", 400),
        (b"Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n", 400),
        (b"Transfer-Encoding: chunked\r\n\r\nfffffffff\r\n{}", 413),
    ],
)
def test_bodies_of_every_length_are_bounded(receiver: Receiver, sent: bytes, status: int) -> None:
    assert raw(receiver, HEAD + b"Connection: close\r\n" + sent).startswith(f"HTTP/1.1 {status} ".encode())


def test_a_busy_store_makes_the_sender_try_again() -> None:
    class Held(Kept):
        def keep(self, found: Iterable[Usage | Unread]) -> None:
            raise Busy("another process writes")

    with receiving_into(Held()) as receiver:
        assert post(receiver, request(span()))[0] == 503


def test_a_sender_that_says_nothing_holds_nobody_up(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving._Handler, "timeout", 0.5)
    with socket.create_connection(("127.0.0.1", receiver.server_port)) as silent:
        assert post(receiver, request(span()))[0] == 200
        assert silent.recv(1) == b""  # and is hung up on


def test_it_listens_on_loopback_unless_told(receiver: Receiver) -> None:
    assert receiver.server_address[0] == "127.0.0.1"


def test_the_global_tracer_is_not_touched() -> None:
    assert not isinstance(trace.get_tracer_provider(), TracerProvider)
