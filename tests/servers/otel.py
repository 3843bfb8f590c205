"""Telemetry as the real SDK of OpenTelemetry makes and sends it, by exporters that lose answers and their order."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from http.client import HTTPConnection
from typing import Any, Literal

from google.protobuf.json_format import MessageToDict
from opentelemetry._logs import LogRecord
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from meshclaw.testing.otlp_tree import Log, Process, Sent, Span

Way = Literal["protobuf", "gzip", "json", "json gzip"]
Send = Callable[[Any], None]
HISTOGRAMS = {"gen_ai.client.token.usage"}
MS = 1_000_000
REPEATED = 5
"""One batch in so many: whoever hears no answer sends again."""
IDS = {"traceId", "spanId", "parentSpanId"}


def send(sent: Sent, url: str, *, way: Way, is_delta: bool, seed: int) -> None:
    """All of it, in another order than it happened in, some of it twice."""
    source = random.Random(seed)
    batches: list[tuple[Send, Any]] = []
    points = [data for process in sent.processes for data in _points(process, is_delta=is_delta)]
    made = (_cut(_logs(sent.logs), source), _cut(_spans(sent.spans), source), points)
    for export, once in zip(_exporters(url, way), made, strict=True):
        again = source.sample(once, -(-len(once) // REPEATED))
        batches += [(export, batch) for batch in (*once, *again)]
    source.shuffle(batches)
    for export, batch in batches:
        export(batch)


def _cut(records: list[Any], source: random.Random) -> list[Any]:
    source.shuffle(records)
    size = source.randrange(1, 60)
    return [records[at : at + size] for at in range(0, len(records), size)]


def _logs(logs: Iterable[Log]) -> list[Any]:
    memory = InMemoryLogRecordExporter()
    providers: dict[str, LoggerProvider] = {}
    for log in logs:
        if log.service not in providers:
            providers[log.service] = LoggerProvider(resource=Resource({"service.name": log.service}))
            providers[log.service].add_log_record_processor(SimpleLogRecordProcessor(memory))
        record = LogRecord(timestamp=log.at_ms * MS, body=log.name, attributes=log.fields)
        providers[log.service].get_logger("t").emit(record)
    made = list(memory.get_finished_logs())
    for provider in providers.values():
        provider.shutdown()
    return made


def _spans(spans: Iterable[Span]) -> list[Any]:
    memory = InMemorySpanExporter()
    providers: dict[str, TracerProvider] = {}
    for span in spans:
        if span.service not in providers:
            providers[span.service] = TracerProvider(resource=Resource({"service.name": span.service}))
            providers[span.service].add_span_processor(SimpleSpanProcessor(memory))
        tracer = providers[span.service].get_tracer("t")
        started = tracer.start_span(span.name, start_time=span.at_ms * MS, attributes=span.fields)
        started.end(end_time=(span.at_ms + 900) * MS)
    made = list(memory.get_finished_spans())
    for provider in providers.values():
        provider.shutdown()
    return made


def _points(process: Process, *, is_delta: bool) -> Iterator[Any]:
    temporality = AggregationTemporality.DELTA if is_delta else AggregationTemporality.CUMULATIVE
    reader = InMemoryMetricReader(preferred_temporality={Counter: temporality, Histogram: temporality})
    provider = MeterProvider(metric_readers=[reader], resource=Resource({"service.name": process.service}))
    meter, instruments = provider.get_meter("t"), dict[str, Callable[..., None]]()
    for step in process.steps:
        for added in step:
            if added.metric not in instruments:
                instruments[added.metric] = (
                    meter.create_histogram(added.metric).record
                    if added.metric in HISTOGRAMS
                    else meter.create_counter(added.metric).add
                )
            instruments[added.metric](added.amount, added.fields)
        yield reader.get_metrics_data()
    provider.shutdown()


def _exporters(url: str, way: Way) -> Sequence[Send]:
    """For logs, spans and metrics. The SDK has no exporter of JSON for its stable releases: that one is ours."""
    if way.startswith("json"):
        encoders = (("logs", encode_logs), ("traces", encode_spans), ("metrics", encode_metrics))
        return [_json(url, signal, encode, is_zipped="gzip" in way) for signal, encode in encoders]
    how: dict[str, Any] = {"compression": Compression.Gzip if way == "gzip" else Compression.NoCompression}
    exporters = (
        OTLPLogExporter(endpoint=f"{url}/v1/logs", **how),
        OTLPSpanExporter(endpoint=f"{url}/v1/traces", **how),
        OTLPMetricExporter(endpoint=f"{url}/v1/metrics", **how),
    )

    def checked(export: Callable[[Any], Any]) -> Send:
        def call(batch: Any) -> None:
            assert export(batch).name == "SUCCESS"

        return call

    return [checked(exporter.export) for exporter in exporters]


def _json(url: str, signal: str, encode: Callable[[Any], Any], *, is_zipped: bool) -> Send:
    """OTLP's own mapping: enums are numbers, ids are hexadecimal, 64-bit numbers are texts."""

    def call(batch: Any) -> None:
        message = MessageToDict(encode(batch), use_integers_for_enums=True)
        body = json.dumps(_hexadecimal(message)).encode()
        headers = {"Content-Type": "application/json"} | ({"Content-Encoding": "gzip"} if is_zipped else {})
        connection = HTTPConnection(url.removeprefix("http://"), timeout=30)
        connection.request("POST", f"/v1/{signal}", gzip.compress(body) if is_zipped else body, headers)
        assert connection.getresponse().status == 200
        connection.close()

    return call


def _hexadecimal(value: Any) -> Any:
    from base64 import b64decode

    if isinstance(value, dict):
        return {
            name: b64decode(part).hex() if name in IDS else _hexadecimal(part) for name, part in value.items()
        }
    return [_hexadecimal(part) for part in value] if isinstance(value, list) else value
