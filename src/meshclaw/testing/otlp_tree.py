"""What AI tools send by OTLP, with every known trap, and what is true of it: the receiver's exam.

Traps: counters of work whose calls are told of one by one, and of work of which nothing else is told; tools that start
again in the middle of a session, so that their counters begin anew; Gemini's two counters of the same tokens; spans
that add up the spans within them; spans of tools that send events; the cached part inside the input, or beside it;
thoughts beside the output; texts for numbers; events that are no call; a negative count; a clock in 1970.

Whoever sends it adds theirs: any order, repeated batches, both temporalities, both encodings, gzip.
"""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import msgspec

START_MS = int(datetime(2026, 4, 1, 9, tzinfo=UTC).timestamp() * 1000)
SERVICES = {"claude-code": "claude-code", "codex": "codex_cli_rs", "gemini-cli": "gemini-cli"}
CLASSES = ("input_uncached", "cache_read", "cache_write_5m", "output")
DOLLARS = {
    "claude-opus-4-5": ("5", "0.5", "6.25", "25"),
    "claude-haiku-4-5": ("1", "0.1", "1.25", "5"),
    "gpt-5": ("1.25", "0.125", "0", "10"),
    "gemini-2.5-flash": ("0.3", "0.03", "0", "2.5"),
}
"""A million tokens of each class; the same on every day since these models came."""

Fields = dict[str, Any]


class Log(msgspec.Struct, frozen=True, kw_only=True):
    service: str
    at_ms: int
    name: str
    fields: Fields


class Span(msgspec.Struct, frozen=True, kw_only=True):
    service: str
    at_ms: int
    name: str
    fields: Fields


class Added(msgspec.Struct, frozen=True, kw_only=True):
    metric: str
    amount: float
    fields: Fields


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """A tool from its start to its end: its counters begin at nothing, and are sent after every step."""

    service: str
    steps: list[list[Added]]


class Truth(msgspec.Struct, kw_only=True):
    calls: int = 0
    """Told of one by one."""
    tokens: dict[str, Counter[str]] = {}
    """By tool, then by class: each token once, however often it was told."""
    reported_micros: int = 0
    whys: set[str] = msgspec.field(default_factory=set[str])
    """Of what cannot be read."""
    _micros: Fraction = Fraction(0)

    @property
    def micros(self) -> int:
        return round(self._micros)

    def count(self, tool: str, model: str, tokens: Fields) -> None:
        self.tokens.setdefault(tool, Counter()).update(tokens)
        for name, price in zip(CLASSES, DOLLARS[model], strict=True):
            self._micros += tokens.get(name, 0) * Fraction(price)


class Sent(msgspec.Struct, kw_only=True):
    logs: list[Log] = []
    spans: list[Span] = []
    processes: list[Process] = []
    truth: Truth = msgspec.field(default_factory=Truth)


def make(*, seed: int = 7, sessions: int = 12) -> Sent:
    """Everything that is sent, in the order in which it happened."""
    source, sent = random.Random(seed), Sent()  # noqa: S311 - the same for the same seed
    makers = (_claude, _codex, _gemini, _helpdesk, _nightly)
    for number in range(sessions):
        for maker in makers:
            maker(sent, source, f"{maker.__name__.strip('_')}-{number}", START_MS + number * 3_600_000)
    bad = _claude_fields("bad", "claude-opus-4-5", dict.fromkeys(CLASSES, 1), "req_bad")
    sent.logs.append(_log("claude-code", START_MS, "claude_code.api_request", bad | {"output_tokens": -5}))
    sent.truth.whys.add("negative")
    return sent


def _tokens(source: random.Random) -> dict[str, int]:
    return {
        "input_uncached": source.randrange(1, 5_000), "cache_read": source.choice((0, source.randrange(90_000))),
        "cache_write_5m": source.choice((0, source.randrange(9_000))), "output": source.randrange(1, 4_000),
    }  # fmt: skip


def _log(tool: str, at_ms: int, name: str, fields: Fields) -> Log:
    return Log(service=SERVICES[tool], at_ms=at_ms, name=name, fields=fields)


# -- Claude Code -------------------------------------------------------------------------


def _claude(sent: Sent, source: random.Random, session: str, at: int) -> None:
    """Half of the sessions send both events and counters, the others counters alone; some run in two processes."""
    model = source.choice(("claude-opus-4-5", "claude-haiku-4-5"))
    has_events, number = source.random() < 0.5, 0
    for _ in range(source.choice((1, 1, 2))):
        steps: list[list[Added]] = []
        for _ in range(source.randrange(1, 5)):
            tokens, where = _tokens(source), source.choice(("main", "subagent"))
            number += 1
            at += source.randrange(2_000, 60_000)
            sent.truth.count("claude-code", model, tokens)
            steps.append(_claude_counters(session, model, tokens, where))
            if has_events:
                fields = _claude_fields(session, model, tokens, f"req_{session}_{number}") | {
                    "query_source": where
                }
                is_odd = source.random() < 0.05
                sent.truth.whys |= {"clock"} if is_odd else set()
                sent.truth.calls += 1
                sent.logs.append(
                    _log("claude-code", 5_000 if is_odd else at, "claude_code.api_request", fields)
                )
            sent.logs.append(
                _log("claude-code", at, "claude_code.user_prompt", {"event.name": "user_prompt"})
            )
            sent.truth.reported_micros += 250_000
        sent.processes.append(Process(service="claude-code", steps=steps))
    fields = {"gen_ai.usage.input_tokens": 10**6, "gen_ai.operation.name": "chat"}
    sent.spans.append(Span(service="claude-code", at_ms=at, name="claude_code.llm_request", fields=fields))


def _claude_fields(session: str, model: str, tokens: dict[str, int], request: str) -> Fields:
    return {
        "event.name": "api_request", "session.id": session, "model": model, "request_id": request, "cost_usd": 0.25,
        "input_tokens": str(tokens["input_uncached"]), "output_tokens": tokens["output"],
        "cache_read_tokens": tokens["cache_read"], "cache_creation_tokens": str(tokens["cache_write_5m"]),
    }  # fmt: skip


def _claude_counters(session: str, model: str, tokens: dict[str, int], where: str) -> list[Added]:
    common = {"session.id": session, "model": f"{model}[1m]", "query_source": where}
    kinds = {
        "input": "input_uncached",
        "output": "output",
        "cacheRead": "cache_read",
        "cacheCreation": "cache_write_5m",
    }
    counted = [
        Added(metric="claude_code.token.usage", amount=tokens[name], fields={**common, "type": kind})
        for kind, name in kinds.items()
    ]
    return [*counted, Added(metric="claude_code.cost.usage", amount=0.25, fields=common)]


# -- Codex -------------------------------------------------------------------------------


def _codex(sent: Sent, source: random.Random, session: str, at: int) -> None:
    """Events alone; its input holds the cached part."""
    common = {"conversation.id": session, "model": "gpt-5"}
    for _ in range(source.randrange(1, 8)):
        tokens = _tokens(source)
        tokens["input_uncached"] += tokens.pop("cache_write_5m")
        at += source.randrange(2_000, 60_000)
        sent.truth.calls += 1
        sent.truth.count("codex", "gpt-5", tokens)
        counts = {
            "input_token_count": tokens["input_uncached"] + tokens["cache_read"],
            "output_token_count": tokens["output"],
            "cached_token_count": tokens["cache_read"], "reasoning_token_count": tokens["output"] // 2,
            "tool_token_count": 7,
        }  # fmt: skip
        name = "codex.sse_event"
        fields = {"event.name": name, "event.kind": "response.completed", **common, **counts}
        sent.logs.append(_log("codex", at, name, fields))
        other = {"event.name": name, "event.kind": "response.output_item.done", **common}
        sent.logs.append(_log("codex", at, name, other))


# -- Gemini CLI --------------------------------------------------------------------------


def _gemini(sent: Sent, source: random.Random, session: str, at: int) -> None:
    """Two counters of the same tokens, and from half of the sessions events as well; thoughts are beside the output."""
    has_events, steps, model = source.random() < 0.5, list[list[Added]](), "gemini-2.5-flash"
    for number in range(source.randrange(1, 6)):
        tokens = _tokens(source)
        tokens["input_uncached"] += tokens.pop("cache_write_5m")
        at += source.randrange(2_000, 60_000)
        sent.truth.count("gemini-cli", model, tokens)
        thoughts, tool = tokens["output"] // 3, tokens["input_uncached"] // 9
        entire, output = tokens["input_uncached"] - tool + tokens["cache_read"], tokens["output"] - thoughts
        if has_events:
            sent.truth.calls += 1
            counts = {
                "input_token_count": entire, "output_token_count": output, "thoughts_token_count": thoughts,
                "cached_content_token_count": tokens["cache_read"], "tool_token_count": tool,
            }  # fmt: skip
            name = "gemini_cli.api_response"
            fields = {
                "event.name": name,
                "session.id": session,
                "model": model,
                "prompt_id": str(number),
                **counts,
            }
            sent.logs.append(_log("gemini-cli", at, name, fields))
        common = {"session.id": session, "model": model}
        kinds = {
            "input": entire,
            "output": output,
            "thought": thoughts,
            "cache": tokens["cache_read"],
            "tool": tool,
        }
        steps.append([
            *(Added(metric="gemini_cli.token.usage", amount=amount, fields={**common, "type": kind})
              for kind, amount in kinds.items()),
            *_histogram(model, tokens["input_uncached"] + tokens["cache_read"], tokens["output"]),
        ])  # fmt: skip
    sent.processes.append(Process(service="gemini-cli", steps=steps))


# -- GenAI -------------------------------------------------------------------------------


def _histogram(model: str, entire: int, output: int) -> list[Added]:
    common = {"gen_ai.operation.name": "chat", "gen_ai.request.model": model}
    return [
        Added(metric="gen_ai.client.token.usage", amount=amount, fields={**common, "gen_ai.token.type": kind})
        for kind, amount in (("input", entire), ("output", output))
    ]


def _helpdesk(sent: Sent, source: random.Random, session: str, at: int) -> None:
    """Spans for every call, one span that adds them up, and a histogram that says the same once more."""
    steps, model, service = list[list[Added]](), "claude-haiku-4-5", "helpdesk"
    total = 0
    for number in range(source.randrange(1, 6)):
        tokens = _tokens(source)
        entire = tokens["input_uncached"] + tokens["cache_read"] + tokens["cache_write_5m"]
        total += entire
        at += source.randrange(2_000, 60_000)
        sent.truth.calls += 1
        sent.truth.count(service, model, tokens)
        fields = {
            "gen_ai.operation.name": "chat", "gen_ai.provider.name": "anthropic", "gen_ai.request.model": "router",
            "gen_ai.response.model": model, "gen_ai.response.id": f"msg_{session}_{number}",
            "gen_ai.conversation.id": session, "gen_ai.usage.input_tokens": entire,
            "gen_ai.usage.output_tokens": tokens["output"],
            "gen_ai.usage.cache_read.input_tokens": tokens["cache_read"],
            "gen_ai.usage.cache_creation.input_tokens": tokens["cache_write_5m"],
        }  # fmt: skip
        sent.spans.append(Span(service=service, at_ms=at, name=f"chat {model}", fields=fields))
        steps.append(_histogram(model, entire, tokens["output"]))
    summed = {"gen_ai.operation.name": "invoke_agent", "gen_ai.usage.input_tokens": total}
    sent.spans.append(Span(service=service, at_ms=at, name="invoke_agent", fields=summed))
    sent.processes.append(Process(service=service, steps=steps))


def _nightly(sent: Sent, source: random.Random, session: str, at: int) -> None:  # noqa: ARG001 - as the others
    """A job that sends its histogram and nothing else."""
    model, steps = "claude-opus-4-5", list[list[Added]]()
    for _ in range(source.randrange(1, 4)):
        tokens = _tokens(source)
        entire, output = sum(tokens.values()) - tokens["output"], tokens["output"]
        sent.truth.count("nightly", model, {"input_uncached": entire, "output": output})
        steps.append(_histogram(model, entire, output))
    sent.processes.append(Process(service="nightly", steps=steps))
