"""GitHub Copilot's usage reports: one line of JSON for a person and a day. Its unit is the credit.

Only the command line reports tokens, as a day's sums without a model; they are shown and the credits are priced.
Persons are not kept: their id is only part of a digest.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from meshclaw.flow.usage import Tokens, Usage
from meshclaw.readers.base import START, Found, Place, Source
from meshclaw.readers.calls import read_calls
from meshclaw.readers.records import MOST, Fields, digest, moment, scaled, table, text, whole

DAY_MS = 86_400_000


class Copilot:
    source = Source(
        tool="copilot",
        evidence="invoice",
        grain="day",
        includes="credits of all features; tokens of the command line alone, cached ones inside input",
    )

    def read(self, path: Path, place: Place = START) -> Iterator[Found]:
        return read_calls(path, place, _day, marks=(b'"day"',))


def _day(fields: Fields) -> Usage | None:
    counts = table(fields, "totals_by_cli", "token_usage")
    tokens = Tokens(
        input_uncached=whole(counts, "prompt_tokens_sum", most=MOST),
        output=whole(counts, "output_tokens_sum", most=MOST),
    )
    credits_milli = scaled(fields.get("ai_credits_used"), 1000) or 0
    if tokens == Tokens() and not credits_milli:
        return None
    day = text(fields, "day")
    at = moment(day)
    who = (fields.get("enterprise_id"), fields.get("organization_id"), fields.get("user_id"))
    return Usage(
        tool="copilot", evidence="invoice", key=digest(day, *who), at=at, until=at + DAY_MS, model="",
        provider="github", tokens=tokens, credits_milli=credits_milli,
    )  # fmt: skip
