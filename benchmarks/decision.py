"""How long one decision of the guard takes, beside Cedar's answer to the same request alone.

50 policies (40 permit, 10 forbid), everything warm. Each request is a new one, so that no remembered answer is met;
the yardstick has its policies, entities and schema parsed and its request built as text. How long a remembered
answer takes stands apart. Run: python benchmarks/decision.py
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime

import cedarpy
from measure import Row, show

from meshclaw.connectors.mail.manifest import DECLARATIONS
from meshclaw.flow.action import Action
from meshclaw.flow.agent import Agent
from meshclaw.flow.declaration import Argument, Declaration, Field
from meshclaw.flow.grant import Grant, Rights
from meshclaw.flow.person import Person
from meshclaw.flow.request import Request
from meshclaw.guard import Context, decide
from meshclaw.guard.history import History
from meshclaw.guard.layers.policy import case_of
from meshclaw.guard.policy.policies import from_texts
from meshclaw.guard.policy.schema import schema_text

ROUNDS, EACH = 9, 300
TIMES, QUICK_MS = 2, 5
PAY = Declaration(
    verb="bank.pay", effect="spend", reversible=False, words="Pay a bill", deed="pay", objects=("bill",),
    arguments={"to": Argument("destination", "address"), "sum": Argument("amount", "usd.micros")},
)  # fmt: skip
DECLARED = [PAY, *DECLARATIONS.values()]
RIGHTS = Rights(effects=frozenset({"spend"}), verbs=frozenset({"bank.*"}))
CLERK = Agent(name="clerk", version="1", purpose="", owner="us", intents=frozenset({"pay"}), rights=RIGHTS)
WORDS = "Pay the bill 'invoice-42' to its sender"
BILLS = Declaration(
    verb="bank.bills", effect="read", reversible=True, words="Look at bills", deed="read", arguments={},
    results={
        "id": Field("structured", "bill.id", "system"), "title": Field("free_text", "name"),
        "sender": Field("structured", "address", words=("sender",)), "text": Field("free_text"),
    },
)  # fmt: skip


def policies() -> str:
    """40 permits and 10 forbids over scopes, targets and circumstances; most look at this very verb."""
    permits = [
        f'@id("p{n}") permit (principal in Agent::"clerk", action in Action::"bank", resource) when {{ '
        f'context has amount && context.amount < {10**12 + n} && resource.domains.contains("example.com") }};'
        for n in range(20)
    ] + [
        f'@id("q{n}") permit (principal, action == Action::"mail.move", resource) when {{ context.hour > {n} }};'
        for n in range(20)
    ]
    forbids = [
        f'@id("f{n}") forbid (principal, action, resource) when {{ context.trust == "outside" && '
        f'context.weekday == {n} || resource.environments.contains("production{n}") }};'
        for n in range(10)
    ]
    return "\n".join((*permits, *forbids))


PARSED = from_texts(DECLARED, company=policies())


def context(history: History) -> Context:
    return Context(
        declaration=PAY, reviewed=True, grant=Grant(ceiling=RIGHTS, agent=RIGHTS, intent=RIGHTS), policies=PARSED,
        level="autonomous", now=datetime(2026, 11, 21, 12, tzinfo=UTC), agent=CLERK, history=history,
        person=Person(login="ada", company=frozenset({"example.com"})),
        request=Request(intent="pay", trigger="terminal", trust="person", words=WORDS),
    )  # fmt: skip


def action(amount: int) -> Action:
    return Action(run="r", verb="bank.pay", arguments={"to": "kim.42@example.com", "sum": amount})


def ours(history: History) -> Callable[[int], None]:
    known = context(history)

    def one(number: int) -> None:
        decide(action(number), known)

    return one


def cedar_alone() -> Callable[[int], None]:
    """The package as its documentation says it is fast."""
    case = case_of(action(1), PAY, context(History()))
    schema = cedarpy.Schema.from_str(schema_text(DECLARED))
    set_ = cedarpy.PolicySet.from_str(policies())
    text = __import__("json").dumps([*case.principals(), case.target()])
    entities = cedarpy.Entities.from_json_str(text, schema)
    request = case.request()

    def one(number: int) -> None:
        circumstances = str(request["context"]).replace('"amount":1,', f'"amount":{number},')
        answer = cedarpy.is_authorized({**request, "context": circumstances}, set_, entities, schema)
        assert answer.allowed

    return one


def facts() -> History:
    """100 bills that the run has read before, one of which the person speaks of; the rest is strangers' text."""
    history = History()
    bills = [
        {
            "id": str(number), "title": f"invoice-{number}", "sender": f"kim.{number}@example.com",
            "text": f"For the work of week {number} we charge what was agreed. Please pay within two weeks.",
        }
        for number in range(100)
    ]  # fmt: skip
    history.add(Action(run="r", verb="bank.bills", arguments={}), BILLS, bills)
    return history


def timed(one: Callable[[int], None], numbers: range) -> list[float]:
    """Microseconds of each call."""
    gc.collect()
    gc.disable()
    try:
        found = []
        for number in numbers:
            before = time.perf_counter()
            one(number)
            found.append((time.perf_counter() - before) * 1e6)
    finally:
        gc.enable()
    return found


def p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[98]


def measure() -> list[Row]:
    guard, alone = ours(facts()), cedar_alone()
    timed(guard, range(1, EACH)), timed(alone, range(1, EACH))
    first = 10_000
    mine, theirs, known = [], [], []
    for number in range(ROUNDS):
        span = range(first + number * EACH, first + (number + 1) * EACH)
        mine.append(timed(guard, span))
        theirs.append(timed(alone, span))
        known.append(timed(guard, range(first, first + 1)) + timed(lambda _: guard(first), range(EACH)))
    half = statistics.median
    return [
        Row(what="decision, p50", values=[half(one) for one in mine], unit="us"),
        Row(what="Cedar alone, p50", values=[half(one) for one in theirs], unit="us"),
        Row(
            what="decision / Cedar alone, p50", unit="times", at_most=TIMES,
            values=[half(one) / half(other) for one, other in zip(mine, theirs, strict=True)],
        ),
        Row(
            what="decision / Cedar alone, p99", unit="times", at_most=TIMES,
            values=[p99(one) / p99(other) for one, other in zip(mine, theirs, strict=True)],
        ),
        Row(what="decision, p99", values=[p99(one) / 1000 for one in mine], unit="ms", at_most=QUICK_MS),
        Row(what="the same question again, p50", values=[half(one[2:]) for one in known], unit="us"),
    ]  # fmt: skip


if __name__ == "__main__":
    word = decide(action(77_777), context(facts()))
    # Whom to pay is denoted; the sum is the agent's own, which takes the longest way through every layer.
    assert (word.rule, word.labels["to"], len(word.policies)) == ("denotation.nowhere", "record", 20), word
    raise SystemExit(show(measure()))
