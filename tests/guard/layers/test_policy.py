"""The case that an action makes: what the policies are told about target, money and circumstances."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from meshclaw.connectors.mail.manifest import DECLARATIONS
from meshclaw.flow.action import Action
from meshclaw.flow.agent import Agent
from meshclaw.flow.declaration import Argument, Declaration, Field
from meshclaw.flow.grant import Grant, Rights
from meshclaw.flow.person import Person
from meshclaw.flow.request import Request
from meshclaw.guard import Context, decide
from meshclaw.guard.directory import Directory
from meshclaw.guard.layers.policy import MOST, case_of, host_of
from meshclaw.guard.policy.policies import from_texts
from meshclaw.testing.policies import permit_all

RIGHTS = Rights(
    effects=frozenset({"read", "write", "send", "spend", "deploy"}), verbs=frozenset({"x.*", "mail.*"})
)
CLERK = Agent(name="clerk", version="2", purpose="", owner="us", intents=frozenset(), rights=RIGHTS)
ADA = Person(login="ada", unit="sales", company=frozenset({"example.com"}))
PAY = Declaration(
    verb="x.pay", effect="spend", reversible=False, words="Pay",
    arguments={
        "to": Argument("destination", "address"), "sum": Argument("amount", "usd.micros"),
        "tip": Argument("amount", "eur", required=False),
        "where": Argument("reference", "environment", required=False),
        "pin": Argument("secret", required=False),
    },
    results={"receipt": Field("structured", secrecy="internal")},
)  # fmt: skip


def context(**more: Any) -> Context:
    fields = {
        "declaration": PAY, "grant": Grant(ceiling=RIGHTS, agent=RIGHTS, intent=RIGHTS), "level": "autonomous",
        "now": datetime(2026, 11, 21, 23, 30, tzinfo=timezone(timedelta(hours=1))), "agent": CLERK, "person": ADA,
        "request": Request(intent="x", trigger="schedule", trust="schedule"), "policies": permit_all([PAY]),
        "tainted": False, "reviewed": True, "directory": Directory(own=frozenset({"ada@mail.example"})),
    }  # fmt: skip
    return Context(**{**fields, **more})


def case(**arguments: Any) -> Any:
    return case_of(
        Action(run="r", verb="x.pay", arguments={"to": "ada@mail.example", "sum": 1, **arguments}),
        PAY,
        context(),
    )


def test_who_what_and_when() -> None:
    told = case()
    assert (told.person, told.unit, told.agent, told.version, told.run) == ("ada", "sales", "clerk", "2", "r")
    assert (told.hour, told.weekday, told.month, told.day) == (23, 6, 11, 21)
    assert (told.intent, told.trigger, told.trust, told.level) == ("x", "schedule", "schedule", "autonomous")
    assert (told.tainted, told.reversible, told.sensitivity, told.budget_left) == (
        False,
        False,
        "internal",
        500_000_000,
    )


@pytest.mark.parametrize(
    ("to", "external", "domains"),
    [
        ("ada@mail.example", False, ("mail.example",)),
        ("ADA@mail.example", False, ("mail.example",)),
        ("bob@mail.example", True, ("mail.example",)),
        ("kim@example.com", False, ("example.com",)),
        ("kim@EXAMPLE.com.", False, ("example.com",)),
        ("kim@sub.example.com", True, ("sub.example.com",)),
        ("kim@example.com.evil.example", True, ("example.com.evil.example",)),
        ("kim@example.com@evil.example", True, ("?",)),
        ("Kim <kim@example.com>", True, ("?",)),
        ('"a@example.com"@evil.example', True, ("?",)),
        ("kim@ex\u0430mple.com", True, ("?",)),  # a Cyrillic letter
        ("kim@example.com\u200b", True, ("?",)),
        ("kim@example.com\n", True, ("?",)),
        ("#general", True, ("?",)),
        (["kim@example.com", "eve@evil.example"], True, ("evil.example", "example.com")),
        ([], False, ()),
        ("", False, ()),
        ("https://example.com/x", False, ("example.com",)),
        ("https://example.com@evil.example/x", True, ("evil.example",)),
        ("http://[bad", True, ("?",)),
        ("javascript:alert(1)", True, ("?",)),
    ],
)
def test_what_is_outside(to: Any, external: bool, domains: tuple[str, ...]) -> None:
    told = case(to=to)
    assert (told.external, told.domains) == (external, domains)


def test_a_send_that_names_nobody_goes_outside() -> None:
    post = Declaration(verb="x.post", effect="send", reversible=False, words="", arguments={})
    assert case_of(Action(run="r", verb="x.post", arguments={}), post, context()).external


@pytest.mark.parametrize(
    ("sums", "amount"),
    [
        ({"sum": 5}, 5),
        ({"sum": -5}, 5),
        ({"sum": 5, "tip": 2.5}, 2_500_005),
        ({"sum": 5, "tip": 0.0000001}, 6),
        ({"sum": [5, 6]}, 11),
        ({"sum": "5"}, MOST),
        ({"sum": True}, MOST),
        ({"sum": float("nan")}, MOST),
        ({"sum": float("inf")}, MOST),
        ({"sum": 10**30}, MOST),
    ],
)
def test_amounts_are_added_and_never_shrink(sums: dict[str, Any], amount: int) -> None:
    assert case(**sums).amount == amount


def test_several_environments_cannot_hide_one() -> None:
    assert case(where=["Staging", " production "]).environments == ("production", "staging")


def test_a_secret_argument_makes_it_secret() -> None:
    assert case(pin="1234").sensitivity == "secret"


def test_what_outsiders_set_off_is_tainted() -> None:
    outside = context(request=Request(intent="x", trigger="mail", trust="outside"))
    action = Action(run="r", verb="x.pay", arguments={"to": "ada@mail.example", "sum": 1})
    assert case_of(action, PAY, outside).tainted


def test_moving_any_mail_is_one_case() -> None:
    """So a triage asks Cedar a handful of times, whatever the mails."""
    move = DECLARATIONS["mail.move"]
    place = {"folder": "INBOX", "message": "d", "to": "Bulk"}
    cases = {
        case_of(
            Action(
                run="r", verb="mail.move", arguments={**place, "ref": str(n), "message_id": f"<{n}@evil>"}
            ),
            move,
            context(declaration=move),
        )
        for n in range(20)
    }
    assert len(cases) == 1


def test_the_decision_carries_the_ids_of_the_deciding_policies() -> None:
    action = Action(run="r", verb="x.pay", arguments={"to": "ada@mail.example", "sum": 1})
    open_ = from_texts([PAY], person='@id("pay") permit (principal, action, resource);')
    assert decide(action, context(policies=open_)).policies == ("person:pay",)
    shut = from_texts([PAY], person='@id("no") forbid (principal, action, resource);')
    decision = decide(action, context(policies=shut))
    assert (decision.verdict, decision.rule, decision.policies) == (
        "deny",
        "policy.forbidden",
        ("person:no",),
    )


def test_hosts_are_read_strictly() -> None:
    assert host_of("a@b@c") == host_of("@c") == host_of("a@") == host_of(7) == "?"
