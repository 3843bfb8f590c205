"""A request of OTLP/HTTP, protobuf or JSON, as flat records. Format: opentelemetry-proto 1.x with its JSON mapping.

Only attributes that are understood leave this file: no prompt, no address of a person.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

from meshclaw.errors import UserError
from meshclaw.readers.records import Fields, decoded, rows, table, text

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import KeyValue

Signal = Literal["traces", "logs", "metrics"]

MOST_BYTES = 32 << 20
"""Of an unpacked body. Exporters send some 1,000 spans at once: about half a megabyte."""
MOST_RECORDS = 100_000
CUMULATIVE = 2
"""AggregationTemporality; 1 is delta, 0 says nothing."""
WANTED = frozenset(
    "service.name session.id gen_ai.operation.name gen_ai.provider.name gen_ai.system gen_ai.request.model "
    "gen_ai.response.model gen_ai.response.id gen_ai.conversation.id gen_ai.agent.name gen_ai.token.type "
    "gen_ai.usage.input_tokens gen_ai.usage.output_tokens gen_ai.usage.prompt_tokens gen_ai.usage.completion_tokens "
    "gen_ai.usage.cache_read.input_tokens gen_ai.usage.cache_creation.input_tokens "
    "gen_ai.usage.reasoning.output_tokens meshclaw.intent vcs.ref.head.name vcs.repository.name "
    "event.name event.kind event.timestamp model type query_source speed request_id cost_usd_micros cost_usd "
    "input_tokens output_tokens cache_read_tokens cache_creation_tokens agent.name conversation.id prompt_id "
    "input_token_count output_token_count cached_token_count reasoning_token_count cached_content_token_count "
    "thoughts_token_count tool_token_count".split()
)


class Refused(Exception):
    """The request as a whole cannot be taken: an answer for whoever sent it."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        """Of HTTP."""
        self.why = why


class Record(NamedTuple):
    """One span, one log record or one point of a metric."""

    name: str
    """Of the span, the event or the metric."""
    fields: Fields
    """Its attributes, over those of what sent it."""
    start_ns: int
    end_ns: int
    id: str = ""
    """Trace and span."""
    value: float = 0
    """Of a point; of a histogram the sum."""
    is_cumulative: bool = False


def unpacked(body: bytes, encoding: str) -> bytes:
    """``encoding`` is the header Content-Encoding. Refused where it would be more than MOST_BYTES."""
    if encoding in {"", "identity"}:
        return body
    if encoding != "gzip":
        raise Refused(415, f"the encoding {encoding!r} is not understood; use gzip or none")
    unzip = zlib.decompressobj(wbits=31)
    try:
        data = unzip.decompress(body, MOST_BYTES)
    except zlib.error as error:
        raise Refused(400, "the body is no gzip") from error
    if unzip.unconsumed_tail or not unzip.eof:
        if len(data) >= MOST_BYTES:
            raise Refused(413, f"unpacked it is more than {MOST_BYTES >> 20} MiB")
        raise Refused(400, "the gzip ends too early")
    return data


def records(signal: Signal, body: bytes, *, is_json: bool) -> list[Record]:
    """All that an unpacked body holds. Refused where it is not of the format or holds too much."""
    found: list[Record] = []
    for record in (_of_json if is_json else _of_protobuf)(signal, body):
        found.append(record)
        if len(found) > MOST_RECORDS:
            raise Refused(413, f"more than {MOST_RECORDS:,} records at once")
    return found


# -- protobuf ----------------------------------------------------------------------------


def _of_protobuf(signal: Signal, body: bytes) -> Iterator[Record]:
    try:
        from google.protobuf.message import DecodeError
    except ImportError as error:
        raise UserError(
            "what tools send by OTLP cannot be unpacked on this machine",
            fix="Install what is missing: pip install 'openmeshclaw[usage]'",
        ) from error
    try:
        if signal == "traces":
            yield from _spans(body)
        elif signal == "logs":
            yield from _logs(body)
        else:
            yield from _points(body)
    except (DecodeError, UnicodeDecodeError) as error:
        raise Refused(400, "the body is no protobuf of this signal") from error


def _spans(body: bytes) -> Iterator[Record]:
    from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

    for resource in TracesData.FromString(body).resource_spans:
        common = _attributes(resource.resource.attributes)
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield Record(
                    span.name, common | _attributes(span.attributes), span.start_time_unix_nano,
                    span.end_time_unix_nano, f"{span.trace_id.hex()}:{span.span_id.hex()}",
                )  # fmt: skip


def _logs(body: bytes) -> Iterator[Record]:
    from opentelemetry.proto.logs.v1.logs_pb2 import LogsData

    for resource in LogsData.FromString(body).resource_logs:
        common = _attributes(resource.resource.attributes)
        for scope in resource.scope_logs:
            for log in scope.log_records:
                at = log.time_unix_nano or log.observed_time_unix_nano
                yield Record(
                    log.event_name or log.body.string_value, common | _attributes(log.attributes), at, at,
                    f"{log.trace_id.hex()}:{log.span_id.hex()}" if log.span_id else "",
                )  # fmt: skip


def _points(body: bytes) -> Iterator[Record]:
    from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData

    for resource in MetricsData.FromString(body).resource_metrics:
        common = _attributes(resource.resource.attributes)
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                if metric.HasField("sum"):
                    total = metric.sum
                    is_cumulative = total.aggregation_temporality == CUMULATIVE
                    values = [(point, point.as_int or point.as_double) for point in total.data_points]
                elif metric.HasField("histogram"):
                    spread = metric.histogram
                    is_cumulative = spread.aggregation_temporality == CUMULATIVE
                    values = [(point, point.sum) for point in spread.data_points]
                else:
                    continue  # a gauge adds up to nothing
                for point, value in values:
                    yield Record(
                        metric.name, common | _attributes(point.attributes), point.start_time_unix_nano,
                        point.time_unix_nano, "", value, is_cumulative,
                    )  # fmt: skip


def _attributes(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    """A value that is neither text nor number comes as 0."""
    found: dict[str, Any] = {}
    for pair in pairs:
        if (key := pair.key) in WANTED:
            value = pair.value
            found[key] = value.string_value or value.int_value or value.double_value
    return found


# -- JSON --------------------------------------------------------------------------------


def _of_json(signal: Signal, body: bytes) -> Iterator[Record]:
    request = decoded(body)
    if request is None:
        raise Refused(400, "the body is no JSON object")
    outer, inner, leaf = {
        "traces": ("resourceSpans", "scopeSpans", "spans"),
        "logs": ("resourceLogs", "scopeLogs", "logRecords"),
        "metrics": ("resourceMetrics", "scopeMetrics", "metrics"),
    }[signal]
    for resource in rows(request, outer):
        common = _pairs(rows(table(resource, "resource"), "attributes"))
        for scope in rows(resource, inner):
            for item in rows(scope, leaf):
                yield from _items(signal, item, common)


def _items(signal: Signal, item: Fields, common: Fields) -> Iterator[Record]:
    own = {**common, **_pairs(rows(item, "attributes"))}
    id_ = ":".join(filter(None, (text(item, "traceId"), text(item, "spanId")))).lower()
    if signal == "traces":
        yield Record(
            text(item, "name"), own, _ns(item, "startTimeUnixNano"), _ns(item, "endTimeUnixNano"), id_
        )
    elif signal == "logs":
        at = _ns(item, "timeUnixNano") or _ns(item, "observedTimeUnixNano")
        yield Record(text(item, "eventName") or text(table(item, "body"), "stringValue"), own, at, at, id_)
    else:
        data = table(item, "sum") or table(item, "histogram")
        is_cumulative = data.get("aggregationTemporality") in {
            CUMULATIVE,
            "AGGREGATION_TEMPORALITY_CUMULATIVE",
        }
        for point in rows(data, "dataPoints"):
            fields = {**common, **_pairs(rows(point, "attributes"))}
            value = _number(point.get("asInt", point.get("asDouble", point.get("sum"))))
            start, end = _ns(point, "startTimeUnixNano"), _ns(point, "timeUnixNano")
            yield Record(text(item, "name"), fields, start, end, "", value, is_cumulative)


def _pairs(items: Iterable[Fields]) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    for item in items:
        key, value = item.get("key"), table(item, "value")
        if isinstance(key, str) and key in WANTED:
            found[key] = (
                value.get("stringValue") or _int(value.get("intValue")) or value.get("doubleValue") or 0
            )
    return found


def _int(value: object) -> object:
    """64-bit numbers come as text."""
    return (
        int(value) if isinstance(value, str) and value.lstrip("-").isdecimal() and len(value) < 20 else value
    )


def _ns(item: Fields, name: str) -> int:
    """0 for what is no time: 1970, which is told of like any clock that cannot be right."""
    value = _int(item.get(name, 0))
    is_time = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**64
    return cast("int", value) if is_time else 0


def _number(value: object) -> float:
    """NaN for what is none."""
    value = _int(value)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
