"""One request of OTLP/HTTP in, usages out."""

from __future__ import annotations

from collections.abc import Iterator

from meshclaw.flow.usage import Unread, Usage
from meshclaw.readers.otlp.calls import call_of, cost_of
from meshclaw.readers.otlp.sums import sums_of
from meshclaw.readers.otlp.wire import Signal, records, unpacked
from meshclaw.readers.records import Odd, told


def read(
    signal: Signal, body: bytes, *, is_json: bool = False, encoding: str = ""
) -> Iterator[Usage | Unread]:
    """Raises wire.Refused where the request as a whole cannot be taken."""
    found, name = records(signal, unpacked(body, encoding), is_json=is_json), f"otlp:{signal}"
    if signal == "metrics":
        yield from sums_of(found)
        return
    for number, record in enumerate(found, 1):
        try:
            usage = call_of(signal, record)
        except Odd as odd:
            yield Unread(path=name, line=number, why=odd.why)
            continue
        if usage is not None:
            cost, unit = cost_of(record.fields)
            yield from told(usage, name, number, cost=cost, per_unit=unit)
