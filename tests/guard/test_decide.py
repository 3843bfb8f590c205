"""grant = ceiling ∩ agent ∩ intent; default deny; ask → approval bound to the action's digest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshclaw.flow.action import Action
from meshclaw.flow.approval import Approval
from meshclaw.flow.autonomy import LADDER
from meshclaw.flow.decision import Decision, ask, deny
from meshclaw.flow.declaration import Argument, Declaration, Effect
from meshclaw.flow.grant import Grant, Rights
from meshclaw.flow.slip import Slip
from meshclaw.guard import Context, decide
from meshclaw.guard.decide import Layer, judge
from meshclaw.guard.slip import draw
from meshclaw.testing.policies import permit_all

NOW = datetime(2026, 11, 21, 7, tzinfo=UTC)
EFFECTS: tuple[Effect, ...] = get_args(Effect)
ALL = Rights(effects=frozenset(EFFECTS), verbs=frozenset({"mail.*"}))
OPEN = Grant(ceiling=ALL, agent=ALL, intent=ALL)
MOVE = Declaration(
    verb="mail.move",
    effect="write",
    reversible=True,
    arguments={"ref": Argument("reference"), "to": Argument("reference")},
    words="Move",
)
SEND = Declaration(
    verb="mail.send",
    effect="send",
    reversible=False,
    arguments={"ref": Argument("reference"), "to": Argument("destination")},
    words="Send",
)

PERMIT = permit_all([MOVE, SEND])


def action(declaration: Declaration = MOVE, **more: Any) -> Action:
    return Action(run="r", verb=declaration.verb, arguments={"ref": "1", "to": "Bulk", **more})


def context(declaration: Declaration | None = MOVE, **more: Any) -> Context:
    return Context(
        **{
            "declaration": declaration,
            "reviewed": True,
            "grant": OPEN,
            "policies": PERMIT,
            "level": "act_with_undo",
            "now": NOW,
            **more,
        }
    )


def slip(of: Action, declaration: Declaration = SEND) -> Slip:
    return draw(of, declaration, None, enclosed={}, agent="a@1", salt="00")


def approval(of: Action, **more: Any) -> Approval:
    fields = {
        "id": "a1", "digest": of.digest, "run": of.run, "external_id": of.external_id, "verb": of.verb,
        "rule": "autonomy.draft", "asked": NOW - timedelta(hours=1), "expires": NOW + timedelta(hours=1),
        "state": "allowed", "shown": slip(of).digest, "seen": slip(of).digest,
    }  # fmt: skip
    return Approval(**{**fields, **more})


def test_an_undeclared_verb_is_denied() -> None:
    decision = decide(action(), context(None))
    assert (decision.verdict, decision.rule) == ("deny", "declaration")


def test_a_declaration_of_another_verb_does_not_count() -> None:
    assert decide(action(), context(SEND)).rule == "declaration"


def test_half_a_character_is_denied_and_can_be_written_down() -> None:
    odd = Action(run="r", verb="mail.move", arguments={"ref": "1", "to": "\ud83d"})
    assert decide(odd, context()).rule == "arguments"
    assert len(odd.external_id) == 32


@pytest.mark.parametrize("arguments", [{"ref": "1"}, {"ref": "1", "to": "x", "bcc": "evil"}, {}])
def test_arguments_that_do_not_fit_the_declaration_are_denied(arguments: dict[str, Any]) -> None:
    decision = decide(Action(run="r", verb="mail.move", arguments=arguments), context())
    assert (decision.verdict, decision.rule) == ("deny", "arguments")


TO = Declaration(
    verb="mail.send", effect="send", reversible=False, words="Send",
    arguments={"ref": Argument("reference"), "to": Argument("destination", "address")},
)  # fmt: skip


@pytest.mark.parametrize(
    ("to", "verdict", "rule"),
    [
        ("kim@example.com", "allow", "autonomy.autonomous"),
        ("Kim <kim@example.com>", "allow", "autonomy.autonomous"),
        ("eve@evil.test, <kim@example.com>", "deny", "arguments"),
        ("<eve@evil.test> <kim@example.com>", "deny", "arguments"),
        ("kim@example.com\r\nBcc: x", "deny", "arguments"),
        ("kim@example.com\u2028", "deny", "arguments"),
        ("kim@exam\u200bple.com", "ask", "arguments.hidden"),
        (["kim@example.com", "k\u202eim@example.com"], "ask", "arguments.hidden"),
    ],
)
def test_a_destination_is_one_and_hides_nothing(to: Any, verdict: str, rule: str) -> None:
    decision = decide(action(TO, to=to), context(TO, level="autonomous"))
    assert (decision.verdict, decision.rule) == (verdict, rule)


@pytest.mark.parametrize("nested", ["list.address", "list.nothing"])
def test_a_destination_within_a_nested_argument_is_one_too(nested: str) -> None:
    key = nested.partition(".")[2]
    several = {"list": Argument("text"), "list.address": Argument("destination", "address")}
    if key == "nothing":  # what nobody declared goes where its parent goes
        several = {"list": Argument("destination", "address")}
    declared = msgspec.structs.replace(TO, arguments=several)
    decided = {
        value: decide(
            Action(run="r", verb=TO.verb, arguments={"list": [{key: value}]}),
            context(declared, level="autonomous"),
        ).verdict
        for value in ("kim@example.com", "kim@example.com\r\nBcc: x")
    }
    assert list(decided.values()) == ["allow", "deny"]


@pytest.mark.parametrize("layer", ["ceiling", "agent", "intent"])
@pytest.mark.parametrize(
    "rights",
    [
        Rights(),
        Rights(effects=frozenset({"read"}), verbs=frozenset({"mail.*"})),
        Rights(effects=frozenset(EFFECTS), verbs=frozenset({"mail.read"})),
        Rights(effects=frozenset(EFFECTS), verbs=frozenset({"mail.*"}), denied=frozenset({"mail.move"})),
        Rights(effects=frozenset(EFFECTS), verbs=frozenset({"mail.*"}), denied=frozenset({"mail.*"})),
    ],
)
def test_one_layer_that_says_no_is_enough(layer: str, rights: Rights) -> None:
    grant = msgspec.structs.replace(OPEN, **{layer: rights})
    decision = decide(action(), context(grant=grant, level="autonomous", by_person=True))
    assert (decision.verdict, decision.rule) == ("deny", f"grant.{layer}")


def test_an_approval_does_not_widen_the_grant() -> None:
    wanted = action(SEND)
    grant = msgspec.structs.replace(OPEN, intent=Rights())
    assert decide(wanted, context(SEND, grant=grant, approval=approval(wanted))).rule == "grant.intent"


def test_moves_act_with_undo_from_the_start_and_sending_asks() -> None:
    assert decide(action(), context()).verdict == "allow"
    assert decide(action(SEND), context(SEND, level="draft")).verdict == "ask"


def test_what_cannot_be_taken_back_asks_even_at_act_with_undo() -> None:
    assert decide(action(SEND), context(SEND, level="act_with_undo")).verdict == "ask"


def test_a_person_s_own_word_does_not_send_without_the_approval_of_exactly_that() -> None:
    assert decide(action(SEND), context(SEND, level="draft", by_person=True)).verdict == "ask"


def test_a_live_approval_of_exactly_this_allows_it() -> None:
    wanted = action(SEND)
    decision = decide(wanted, context(SEND, level="draft", approval=approval(wanted), slip=slip(wanted)))
    assert (decision.verdict, decision.rule) == ("allow", "approval")


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"digest": "0" * 64}, "approval.other"),
        ({"run": "another"}, "approval.other"),
        ({"state": "denied"}, "approval.denied"),
        ({"state": "expired"}, "approval.expired"),
        ({"state": "open"}, "approval.expired"),
        ({"expires": NOW}, "approval.expired"),
        ({"state": "withdrawn"}, "approval.withdrawn"),
        ({"canary": True}, "approval.canary"),
        ({"shown": "0" * 64}, "approval.drift"),
        ({"seen": "0" * 64}, "approval.drift"),
        ({"shown": "", "seen": ""}, "approval.drift"),
        ({"channel": "chat", "answered_by": "chat"}, "approval.channel"),
    ],
)
def test_any_other_approval_denies(change: dict[str, Any], rule: str) -> None:
    wanted = action(SEND)
    answer = approval(wanted, **change)
    decision = decide(wanted, context(SEND, level="autonomous", approval=answer, slip=slip(wanted)))
    assert (decision.verdict, decision.rule) == ("deny", rule)


def test_an_approval_of_one_recipient_does_not_cover_another() -> None:
    allowed = approval(action(SEND, to="bob@example.com"))
    assert decide(action(SEND, to="eve@example.com"), context(SEND, approval=allowed)).verdict == "deny"


effects = st.frozensets(st.sampled_from(EFFECTS))
verbs = st.frozensets(st.sampled_from(["mail.move", "mail.send", "mail.*", "slack.*"]))
rights = st.builds(Rights, effects=effects, verbs=verbs, denied=verbs)
grants = st.builds(Grant, ceiling=rights, agent=rights, intent=rights)
STRENGTH = {"deny": 0, "ask": 1, "allow": 2}


@given(grants, st.sampled_from([MOVE, SEND]), st.sampled_from(LADDER), st.data())
def test_taking_rights_away_never_allows_more(
    grant: Grant, declaration: Declaration, level: str, data: Any
) -> None:
    layer = data.draw(st.sampled_from(["ceiling", "agent", "intent"]))
    had: Rights = getattr(grant, layer)
    fewer = Rights(
        effects=had.effects & data.draw(effects), verbs=had.verbs, denied=had.denied | data.draw(verbs)
    )
    narrowed = msgspec.structs.replace(grant, **{layer: fewer})
    wanted = action(declaration)
    before = decide(wanted, context(declaration, grant=grant, level=level))
    after = decide(wanted, context(declaration, grant=narrowed, level=level))
    assert STRENGTH[after.verdict] <= STRENGTH[before.verdict]


@given(grants, st.sampled_from([MOVE, SEND]))
def test_a_step_up_the_ladder_never_allows_less(grant: Grant, declaration: Declaration) -> None:
    verdicts = [
        decide(action(declaration), context(declaration, grant=grant, level=level)).verdict
        for level in LADDER
    ]
    assert [STRENGTH[v] for v in verdicts] == sorted(STRENGTH[v] for v in verdicts)


def broken(_: Action, __: Context) -> Decision | None:
    raise RuntimeError


words = st.sampled_from([None, ask("layer.ask", "sure?"), deny("layer.deny", "no")])
layers = st.lists(words.map(lambda word: lambda _action, _context: word), max_size=5)


@given(layers, words, st.booleans())
def test_a_layer_more_never_allows_more(some: list[Layer], word: Decision | None, approved: bool) -> None:
    wanted = action(SEND)
    known = context(SEND, approval=approval(wanted) if approved else None, slip=slip(wanted))
    more = [*some, lambda _action, _context: word]
    assert STRENGTH[judge(wanted, known, more).verdict] <= STRENGTH[judge(wanted, known, some).verdict]


@given(layers, st.data())
def test_the_order_of_the_layers_does_not_change_the_verdict(some: list[Layer], data: Any) -> None:
    wanted, known = action(SEND), context(SEND)
    shuffled = data.draw(st.permutations(some))
    assert judge(wanted, known, shuffled).verdict == judge(wanted, known, some).verdict


@given(layers)
def test_a_layer_that_breaks_is_a_denial(some: list[Layer]) -> None:
    decision = judge(action(), context(), [*some, broken])
    assert (decision.verdict, decision.rule) == ("deny", "guard.error")
