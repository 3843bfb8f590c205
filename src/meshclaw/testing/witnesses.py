"""The same work as its own transcripts, its telemetry, a proxy and the vendor's account saw it, and what is true of it.

Some calls are missing in one of them, of some the telemetry tells another output, and on one day the account says more
than all others together: one record a call, every disagreement shown, none averaged.
"""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import msgspec

from meshclaw.testing.otlp_tree import CLASSES, DOLLARS, Log

MODELS = ("claude-opus-4-5", "claude-haiku-4-5")
DAYS, A_DAY = 6, 20
TOLERATED = Fraction(2, 100)
Seen = Literal["both", "differs", "transcript", "telemetry"]


class Call(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    at: datetime
    model: str
    tokens: dict[str, int]
    seen: Seen
    by_proxy: bool

    @property
    def micros(self) -> Fraction:
        return sum((self.tokens[name] * Fraction(price) for name, price in _prices(self.model)), Fraction())

    @property
    def told_output(self) -> int:
        """By the telemetry."""
        return self.tokens["output"] + (7 if self.seen == "differs" else 0)


def _prices(model: str) -> list[tuple[str, str]]:
    return list(zip(CLASSES, DOLLARS[model], strict=True))


class Witnesses:
    """``today``: the last day of the work is the one before."""

    def __init__(self, today: datetime, *, seed: int = 7) -> None:
        source = random.Random(seed)  # noqa: S311 - the same work for the same seed
        start = today.astimezone(UTC).replace(hour=8, minute=0, second=0, microsecond=0)
        kinds: tuple[Seen, ...] = ("both", "differs", "transcript", "telemetry")
        self.calls: list[Call] = []
        for number in range(DAYS * A_DAY):
            seen = source.choices(kinds, (75, 8, 9, 8))[0]
            self.calls.append(
                Call(
                    number=number, model=source.choice(MODELS), seen=seen, by_proxy=seen == "both" and number % 3 == 0,
                    at=start + timedelta(days=number // A_DAY - DAYS, seconds=number % A_DAY * 900 + source.random()),
                    tokens={name: source.randrange(1, 9_000) for name in CLASSES},
                )
            )  # fmt: skip

    # -- what each of them says ----------------------------------------------------------

    def write_transcripts(self, home: Path) -> None:
        lines: defaultdict[int, list[str]] = defaultdict(list)
        for call in self.calls:
            if call.seen != "telemetry":
                lines[call.number // 10].append(json.dumps(self._line(call)))
        for session, texts in lines.items():
            path = home / ".claude" / "projects" / "-work" / f"s{session}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(f"{text}\n" for text in texts), "utf-8")

    def _line(self, call: Call) -> dict[str, Any]:
        tokens = call.tokens
        usage = {
            "input_tokens": tokens["input_uncached"], "output_tokens": tokens["output"],
            "cache_read_input_tokens": tokens["cache_read"], "cache_creation_input_tokens": tokens["cache_write_5m"],
            "cache_creation": {"ephemeral_5m_input_tokens": tokens["cache_write_5m"], "ephemeral_1h_input_tokens": 0},
        }  # fmt: skip
        message = {"id": f"msg_{call.number}", "model": f"{call.model}-20251101", "usage": usage}
        return {
            "type": "assistant", "timestamp": call.at.isoformat(), "sessionId": f"s{call.number // 10}",
            "requestId": f"req_{call.number}", "cwd": "/work", "gitBranch": "spike/x", "message": message,
        }  # fmt: skip

    def events(self) -> list[Log]:
        """Of Claude Code, some seconds after the calls."""
        return [self._event(call) for call in self.calls if call.seen != "transcript"]

    def _event(self, call: Call) -> Log:
        tokens, at = call.tokens, call.at + timedelta(seconds=5)
        fields = {
            "event.name": "api_request", "session.id": f"s{call.number // 10}", "model": call.model,
            "request_id": f"req_{call.number}", "input_tokens": str(tokens["input_uncached"]),
            "output_tokens": str(call.told_output), "cache_read_tokens": str(tokens["cache_read"]),
            "cache_creation_tokens": str(tokens["cache_write_5m"]), "event.timestamp": at.isoformat(),
        }  # fmt: skip
        at_ms = int(at.timestamp() * 1000)
        return Log(service="claude-code", at_ms=at_ms, name="claude_code.api_request", fields=fields)

    def write_spend_log(self, path: Path) -> None:
        """Of a proxy that a part of the work went through; it knows the answers by their own ids."""
        rows = [
            {
                "request_id": f"msg_{call.number}", "model": call.model, "custom_llm_provider": "anthropic",
                "startTime": (call.at - timedelta(seconds=2)).isoformat(), "spend": 0.1,
                "prompt_tokens": sum(call.tokens.values()) - call.tokens["output"],
                "completion_tokens": call.tokens["output"],
                "metadata": {"usage_object": {
                    "cache_read_input_tokens": call.tokens["cache_read"],
                    "cache_creation_input_tokens": call.tokens["cache_write_5m"],
                }},
            }
            for call in self.calls if call.by_proxy
        ]  # fmt: skip
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")

    def write_report(self, path: Path) -> None:
        """The vendor's day by day: it saw every call."""
        items = [
            {"date": day, "actor": {"type": "user_actor", "email_address": "anna@example.com"}, "model_breakdown": [
                {"model": model, "tokens": {}, "estimated_cost": {"currency": "USD", "amount": float(micros / 10_000)}},
            ]}
            for (day, model), micros in self._billed().items()
        ]  # fmt: skip
        path.write_text(json.dumps({"data": items}), "utf-8")

    def _billed(self) -> dict[tuple[str, str], Fraction]:
        """Micro-dollars; on the first day a tenth more than the calls cost."""
        billed: defaultdict[tuple[str, str], Fraction] = defaultdict(Fraction)
        for call in self.calls:
            times = Fraction(11, 10) if call.number < A_DAY else Fraction(1)
            billed[f"{call.at:%Y-%m-%d}", call.model] += call.micros * times
        return billed

    # -- what is true --------------------------------------------------------------------

    @property
    def totals(self) -> dict[str, int]:
        """Every call once; its transcript counts, then its telemetry."""
        sums: Counter[str] = Counter()
        for call in self.calls:
            sums.update(call.tokens)
        return {"calls": len(self.calls), **sums}

    @property
    def micros(self) -> int:
        return round(sum((call.micros for call in self.calls), Fraction()))

    @property
    def seen(self) -> dict[str, int]:
        """Calls by the kinds of evidence for them."""
        names = {"both": "transcript+telemetry", "differs": "transcript+telemetry"}
        return dict(Counter(names.get(call.seen, call.seen) for call in self.calls))

    @property
    def differing(self) -> set[str]:
        return {f"req_{call.number}" for call in self.calls if call.seen == "differs"}

    def days(self) -> dict[tuple[str, str], dict[str, Fraction]]:
        """Micro-dollars that each kind of evidence adds up to, by day and model."""
        found: defaultdict[tuple[str, str], dict[str, Fraction]] = defaultdict(dict)
        for call in self.calls:
            by = found[f"{call.at:%Y-%m-%d}", call.model]
            if call.seen != "telemetry":
                by["transcript"] = by.get("transcript", Fraction()) + call.micros
            if call.seen != "transcript":
                more = (call.told_output - call.tokens["output"]) * Fraction(DOLLARS[call.model][-1])
                by["telemetry"] = by.get("telemetry", Fraction()) + call.micros + more
        for key, micros in self._billed().items():
            found[key]["invoice"] = micros
        return found

    def flagged(self) -> set[tuple[str, str]]:
        """Where the kinds of evidence are more than a fiftieth apart."""
        return {
            key
            for key, by in self.days().items()
            if max(by.values()) - min(by.values()) > TOLERATED * max(by.values())
        }
