"""Whatever is sent, the answer is usages or a refusal."""

from __future__ import annotations

import gzip
import json
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from meshclaw.flow.usage import Unread
from meshclaw.readers.otlp import Refused, Signal, read

SIGNALS = get_args(Signal)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["key", "value", "intValue", "stringValue", "asInt", "timeUnixNano"]), inner
        )
    ),
    max_leaves=8,
)
PAIR = st.fixed_dictionaries({
    "key": st.sampled_from(["gen_ai.usage.input_tokens", "type", "event.name", "event.timestamp", "service.name"]),
    "value": VALUES,
})  # fmt: skip
ITEM = st.fixed_dictionaries(
    {}, optional={"attributes": st.lists(PAIR | VALUES, max_size=3), "startTimeUnixNano": VALUES,
                  "timeUnixNano": VALUES,
                  "name": st.sampled_from(["claude_code.token.usage", "claude_code.cost.usage", "x"]),
                  "body": VALUES, "sum": st.fixed_dictionaries({"dataPoints": st.lists(VALUES, max_size=2)})},
)  # fmt: skip


def answered(signal: Signal, body: bytes, **how: object) -> bool:
    """Whether it was taken."""
    try:
        list(read(signal, body, **how))  # type: ignore[arg-type]
    except Refused as refused:
        return refused.status not in {400, 413, 415}
    return True


@settings(max_examples=300, deadline=None)
@given(signal=st.sampled_from(SIGNALS), body=st.binary(max_size=200), is_json=st.booleans())
def test_random_bytes_are_taken_or_refused(signal: Signal, body: bytes, is_json: bool) -> None:
    answered(signal, body, is_json=is_json)


@settings(max_examples=300, deadline=None)
@given(items=st.lists(ITEM | VALUES, max_size=4))
def test_json_of_the_right_form_with_wrong_values_is_taken_or_refused(items: list[object]) -> None:
    forms = {"traces": ("Spans", "spans"), "logs": ("Logs", "logRecords"), "metrics": ("Metrics", "metrics")}
    for signal, (outer, leaf) in forms.items():
        body = {f"resource{outer}": [{f"scope{outer}": [{leaf: items}]}]}
        answered(signal, json.dumps(body).encode(), is_json=True)  # type: ignore[arg-type]


@pytest.mark.parametrize("signal", SIGNALS)
def test_an_empty_request_is_taken(signal: Signal) -> None:
    assert answered(signal, b"")
    assert answered(signal, b"{}", is_json=True)


@pytest.mark.parametrize("signal", SIGNALS)
def test_values_nested_without_end_are_refused(signal: Signal) -> None:
    value = b"\x0a\x01x"
    for _ in range(5_000):
        value = b"\x2a" + _length(value) + value
    field = b"\x0a" + _length(value) + value
    assert not answered(signal, b"\x0a" + _length(field) + field + b"\xff")
    assert not answered(signal, b"[" * 100_000, is_json=True)


def _length(data: bytes) -> bytes:
    number, found = len(data), b""
    while number > 0x7F:
        found, number = found + bytes([number & 0x7F | 0x80]), number >> 7
    return found + bytes([number])


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = gzip.compress(b"\0" * (256 << 20), 9)
    with pytest.raises(Refused) as refused:
        list(read("traces", bomb, encoding="gzip"))
    assert refused.value.status == 413


def test_too_many_records_are_refused() -> None:
    data = TracesData()
    spans = data.resource_spans.add().scope_spans.add().spans
    for _ in range(100_001):
        spans.add()
    with pytest.raises(Refused, match="100,000"):
        list(read("traces", data.SerializeToString()))


def test_a_gauge_and_a_counter_of_something_else_are_nothing_to_us() -> None:
    data = MetricsData()
    metrics = data.resource_metrics.add().scope_metrics.add().metrics
    metrics.add(name="claude_code.token.usage").gauge.data_points.add(as_int=5)
    metrics.add(name="claude_code.commit.count").sum.data_points.add(as_int=5)
    assert list(read("metrics", data.SerializeToString())) == []


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0, 1e300])
def test_a_counter_that_cannot_be_is_named(value: float) -> None:
    data = MetricsData()
    metric = data.resource_metrics.add().scope_metrics.add().metrics.add(name="claude_code.token.usage")
    point = metric.sum.data_points.add(as_double=value)
    point.attributes.add(key="type").value.string_value = "input"
    (found,) = read("metrics", data.SerializeToString())
    assert isinstance(found, Unread)
    assert found.why in {"malformed", "negative"}


def test_logs_that_are_no_calls_are_nothing_to_us() -> None:
    data = LogsData()
    log = data.resource_logs.add().scope_logs.add().log_records.add()
    log.body.string_value = "claude_code.user_prompt"
    log.attributes.add(key="input_tokens").value.int_value = 5
    assert list(read("logs", data.SerializeToString())) == []
