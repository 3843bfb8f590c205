"""Policies: default deny, forbid wins, company ∩ person, ask by annotation; corrupt means that nothing runs."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshclaw.connectors.mail.manifest import DECLARATIONS
from meshclaw.errors import Damaged
from meshclaw.guard import owned
from meshclaw.guard.policy.case import Case
from meshclaw.guard.policy.engine import cedar
from meshclaw.guard.policy.policies import Policies, from_texts, load
from meshclaw.guard.policy.schema import terms_of
from meshclaw.guard.policy.source import DEFAULT, problems

MAIL = list(DECLARATIONS.values())
PERMIT = "permit (principal, action, resource);"


def case(verb: str = "mail.move", **more: Any) -> Case:
    return Case(verb=verb, agent="mail-triage", intent="mail.triage", **more)


def word(text: str, of: Case) -> tuple[str, str, tuple[str, ...]]:
    decision = from_texts(MAIL, person=text).evaluate(of)
    return decision.verdict, decision.rule, decision.policies


def test_what_nothing_permits_is_denied() -> None:
    assert word("", case()) == ("deny", "policy.unpermitted", ())
    assert word('permit (principal, action == Action::"mail.read", resource);', case())[0] == "deny"


def test_no_policy_at_all_permits_nothing() -> None:
    assert Policies((), terms_of(MAIL)).decide(case()).verdict == "deny"


def test_a_forbid_wins_and_names_itself() -> None:
    text = f'@id("all") {PERMIT}\n@id("freeze") @reason("the week is frozen") forbid (principal, action, resource);'
    decision = from_texts(MAIL, company=text).decide(case())
    assert (decision.verdict, decision.rule, decision.policies) == (
        "deny",
        "policy.forbidden",
        ("company:freeze",),
    )
    assert decision.reason == "the week is frozen"


def test_a_policy_without_an_id_is_named_by_its_line() -> None:
    assert word(f"// first\n\n{PERMIT}", case())[2] == ("person:line-3",)


@pytest.mark.parametrize(
    ("scope", "matches"),
    [
        ('principal, action in Action::"effect.write", resource', True),
        ('principal, action in Action::"effect.send", resource', False),
        ('principal, action in Action::"mail", resource', True),
        ('principal in Agent::"mail-triage", action, resource', True),
        ('principal in Agent::"mail-clerk", action, resource', False),
        ('principal in Person::"ada", action, resource', True),
        ('principal in Person::"bob", action, resource', False),
        ('principal == Run::"r1", action, resource', True),
        ('principal, action, resource == Target::"mail"', True),
    ],
)
def test_scopes_speak_of_person_agent_run_verb_and_effect(scope: str, matches: bool) -> None:
    assert (word(f"permit ({scope});", case(person="ada", run="r1"))[0] == "allow") is matches


@pytest.mark.parametrize(
    ("condition", "fields"),
    [
        ("context.hour < 6 || context.weekday > 5", {"hour": 3}),
        ("context.hour < 6 || context.weekday > 5", {"weekday": 7}),
        ("context.month == 12 && context.day >= 20", {"month": 12, "day": 24}),
        ("context.tainted", {"tainted": True}),
        ("context has amount && context.amount > 5000000", {"amount": 5_000_001}),
        ("context has budget_left && context.budget_left < 1000000", {"budget_left": 0}),
        ('["act_with_undo", "autonomous"].contains(context.level)', {"level": "autonomous"}),
        ('context.trust == "outside" || context.trigger == "webhook"', {"trust": "outside"}),
        ("!context.reversible", {"reversible": False}),
        ("resource.external", {"external": True}),
        ('!["example.com"].containsAll(resource.domains)', {"domains": ("example.com", "evil.example")}),
        ('resource.sensitivity == "secret"', {"sensitivity": "secret"}),
        ('resource.environments.contains("production")', {"environments": ("production", "staging")}),
        ('resource.units.contains("hr")', {"units": ("hr",)}),
        ('context.intent == "mail.write"', {"intent": "mail.write"}),
    ],
)
def test_conditions_speak_of_target_and_circumstances(condition: str, fields: dict[str, Any]) -> None:
    text = f"{PERMIT} forbid (principal, action, resource) when {{ {condition} }};"
    plain = {"verb": "mail.move", "agent": "mail-triage", "intent": "mail.triage"}
    assert word(text, Case(**plain))[0] == "allow"
    assert word(text, Case(**{**plain, **fields}))[0] == "deny"


def test_a_policy_may_compare_the_units_of_person_and_target() -> None:
    text = (
        'permit (principal, action, resource) when { principal in Person::"ada" };'
        'forbid (principal, action, resource) unless { resource.units.isEmpty() || resource.units == ["sales"] };'
    )
    assert word(text, case(person="ada", units=("sales",)))[0] == "allow"
    assert word(text, case(person="ada", units=("sales", "hr")))[0] == "deny"


def test_company_and_person_must_both_permit() -> None:
    both = from_texts(MAIL, company=f'@id("c") {PERMIT}', person=f'@id("p") {PERMIT}').decide(case())
    assert (both.verdict, both.policies) == ("allow", ("company:c", "person:p"))
    for company, person in (("", PERMIT), (PERMIT, ""), ("", "")):
        assert from_texts(MAIL, company=company, person=person).decide(case()).verdict == "deny"


def test_an_ask_turns_a_permit_into_a_question_whatever_else_permits() -> None:
    asking = f'{PERMIT} @id("mine") @ask @reason("you wanted to see these") {PERMIT}'
    decision = from_texts(MAIL, person=asking).decide(case())
    assert (decision.verdict, decision.rule, decision.needs) == ("ask", "policy.ask", ("approval",))
    assert decision.reason == "you wanted to see these"
    two = from_texts(MAIL, person=f'@ask {PERMIT} @ask("two") {PERMIT}').decide(case())
    assert two.needs == ("two_person",)
    assert from_texts(MAIL, company=PERMIT, person=asking).decide(case()).verdict == "ask"
    assert word(f"{asking} forbid (principal, action, resource);", case())[0] == "deny"


def test_a_policy_that_breaks_while_it_is_judged_denies() -> None:
    text = f"{PERMIT} forbid (principal, action, resource) when {{ context.hour * 9223372036854775807 > 1 }};"
    decision = from_texts(MAIL, person=text).decide(case(hour=3))
    assert (decision.verdict, decision.rule) == ("deny", "policy.error")
    assert decision.reason == f"the person policy fails on this (line-1-{len(PERMIT) + 2})"


def test_a_verb_beyond_the_schema_is_denied() -> None:
    assert word(PERMIT, Case(verb="mail.fly"))[:2] == ("deny", "policy.unpermitted")


def test_the_default_permits_one_s_own_mail_and_nothing_final_to_strangers(tmp_path: Path) -> None:
    policies = load(MAIL, tmp_path / "policy.cedar", tmp_path / "company.cedar")
    assert [source.name for source in policies.sources] == ["default"]
    for verb, declaration in DECLARATIONS.items():
        assert policies.decide(case(verb, reversible=declaration.reversible)).verdict == "allow"
    send = case("mail.send", reversible=False, trust="outside")
    assert policies.decide(send).policies == ("default:nothing-final-for-strangers",)
    assert next(problems(DEFAULT.read_text("utf-8"), terms_of(MAIL).schema), None) is None


def test_a_file_of_one_s_own_stands_in_for_the_default(tmp_path: Path) -> None:
    (tmp_path / "policy.cedar").write_text("// nothing")
    assert load(MAIL, tmp_path / "policy.cedar", tmp_path / "none").decide(case()).verdict == "deny"


BROKEN = [
    (b"permit(principal, action, resource)", "1:35"),
    (b"permit(principal, action, resource);\n\nforbid(prinipal, action, resource);", "3:8"),
    (b'// ok; "\npermit(principal, action == Action::"mail.fly", resource);', "2:29"),
    (b'permit(principal, action, resource) when { resource.sensitivty == "x" };', "1:53"),
    (b"permit(principal, action, resource) when { context.amount > 3 };", "1:52"),
    (b"permit(principal is Agent, action, resource);", "1:1"),
    (b"permit(principal == ?principal, action, resource);", "1:1"),
    (b'@id("a") permit(principal,action,resource);\n@id("a") permit(principal,action,resource);', "2:1"),
    (b'permit(principal, action, resource) when {\n "abc };', "2:2"),
    (b'@ask("bob") permit(principal, action, resource);', "1:1"),
    (b"@ask forbid(principal, action, resource);", "1:1"),
    (b"\x00", "1:1"),
    (b"[allow]\nverbs = ['mail.*']", "1:1"),
]


@pytest.mark.parametrize(("text", "where"), BROKEN)
def test_a_file_that_does_not_hold_stops_everything_and_says_where(
    tmp_path: Path, text: bytes, where: str
) -> None:
    path = tmp_path / "policy.cedar"
    path.write_bytes(text)
    with pytest.raises(Damaged, match=f"policy.cedar:{where}: .*nothing runs") as told:
        load(MAIL, path, tmp_path / "none")
    assert str(path) in told.value.fix


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"/" * 1_000_001])
def test_a_file_that_cannot_be_read_stops_everything(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "policy.cedar").write_bytes(raw)
    with pytest.raises(Damaged, match="nothing runs"):
        load(MAIL, tmp_path / "policy.cedar", tmp_path / "none")
    (tmp_path / "policy.cedar").unlink()
    (tmp_path / "policy.cedar").mkdir()
    with pytest.raises(Damaged, match="nothing runs"):
        load(MAIL, tmp_path / "policy.cedar", tmp_path / "none")


def test_the_old_form_of_a_policy_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text("[deny]\nverbs = ['mail.send']\n")
    with pytest.raises(Damaged, match="limits nothing any more"):
        load(MAIL, tmp_path / "policy.cedar", tmp_path / "none")


def test_a_company_policy_that_others_than_root_can_write_binds_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owned, "ROOT", os.getuid())
    company = tmp_path / "etc" / "policy.cedar"
    company.parent.mkdir(mode=0o755)
    company.write_text(PERMIT)
    company.chmod(0o644)
    assert len(load(MAIL, tmp_path / "p.cedar", company).sources) == 2
    for place, mode in ((company, 0o664), (company, 0o646), (company.parent, 0o777)):
        was = place.stat().st_mode
        place.chmod(mode)
        with pytest.raises(Damaged, match="others than root"):
            load(MAIL, tmp_path / "p.cedar", company)
        place.chmod(was)
    monkeypatch.setattr(owned, "ROOT", os.getuid() + 1)
    with pytest.raises(Damaged, match="others than root"):
        load(MAIL, tmp_path / "p.cedar", company)


def test_an_answer_is_worked_out_once_for_equal_cases(monkeypatch: pytest.MonkeyPatch) -> None:
    policies = from_texts(MAIL, person=PERMIT)
    asked: list[Case] = []
    evaluate = policies.evaluate
    monkeypatch.setattr(policies, "evaluate", lambda case: asked.append(case) or evaluate(case))
    for _ in range(500):
        policies.decide(case(hour=7))
    policies.decide(case(hour=8))
    assert len(asked) == 2


SCOPES = [
    'principal, action in [Action::"mail.move", Action::"effect.send"], resource',
    'principal, action in Action::"effect.write", resource', 'principal, action in Action::"mail", resource',
    "principal, action, resource", 'principal, action in Action::"effect.send", resource',
    'principal, action == Action::"mail.move", resource', 'principal in Agent::"mail-clerk", action, resource',
]  # fmt: skip
CONDITIONS = [
    "", "when { resource.external }", "unless { context.tainted }", "when { context.hour < 8 }",
    "when { context has amount && context.amount > 10 }",
]  # fmt: skip
permits = st.builds(
    "{}permit ({}) {};".format, st.sampled_from(["", "@ask ", '@ask("two") ']), st.sampled_from(SCOPES),
    st.sampled_from(CONDITIONS),
)  # fmt: skip
forbids = st.builds("forbid ({}) {};".format, st.sampled_from(SCOPES), st.sampled_from(CONDITIONS))
files = st.lists(permits | forbids, max_size=5)
cases = st.builds(
    Case, verb=st.sampled_from(["mail.move", "mail.send"]), agent=st.sampled_from(["mail-clerk", "mail-triage"]),
    external=st.booleans(), tainted=st.booleans(), hour=st.integers(0, 23),
    amount=st.none() | st.integers(0, 20),
)  # fmt: skip
STRENGTH = {"deny": 0, "ask": 1, "allow": 2}


def strength(policies: Policies, of: Case) -> int:
    return STRENGTH[policies.evaluate(of).verdict]


@settings(max_examples=60, deadline=None)
@given(files, forbids, cases)
def test_a_forbid_more_never_allows_more(texts: list[str], forbid: str, of: Case) -> None:
    before = strength(from_texts(MAIL, person="\n".join(texts)), of)
    assert strength(from_texts(MAIL, person="\n".join([*texts, forbid])), of) <= before


@settings(max_examples=60, deadline=None)
@given(files, files, cases)
def test_a_second_source_never_allows_more(texts: list[str], company: list[str], of: Case) -> None:
    alone = strength(from_texts(MAIL, person="\n".join(texts)), of)
    assert strength(from_texts(MAIL, person="\n".join(texts), company="\n".join(company)), of) <= alone


@settings(max_examples=60, deadline=None)
@given(files, cases, st.randoms())
def test_the_order_of_policies_does_not_matter(texts: list[str], of: Case, shuffler: Any) -> None:
    shuffled = list(texts)
    shuffler.shuffle(shuffled)
    one, other = (from_texts(MAIL, person="\n".join(each)).evaluate(of) for each in (texts, shuffled))
    assert (one.verdict, one.rule, one.needs) == (other.verdict, other.rule, other.needs)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60))
def test_no_bytes_whatever_make_a_policy_that_permits_by_accident(raw: bytes) -> None:
    try:
        policies = from_texts(
            MAIL, person=raw.decode("utf-8", "surrogateescape").encode("utf-8", "ignore").decode()
        )
    except Damaged:
        return
    assert policies.evaluate(case()).verdict == "deny"


@pytest.mark.parametrize("odd", ["\x1c", "\u00a0", "\x0c", "\u2028", ";", "\ufeff", '"', "//\r;"])
def test_odd_characters_shift_no_policy_onto_another_s_name(odd: str) -> None:
    text = (
        f'@id("a") permit (principal, action, resource);{odd}\n@id("b") forbid (principal, action, resource);'
    )
    try:
        policies = from_texts(MAIL, person=text)
    except Damaged:
        return
    assert policies.evaluate(case()).policies == ("person:b",)


@settings(max_examples=100, deadline=None)
@given(files, cases)
def test_leaving_out_policies_of_other_verbs_changes_no_answer(texts: list[str], of: Case) -> None:
    """Against the whole file, with the request held against the schema as Cedar itself does it."""
    text, terms = "\n".join(texts), terms_of(MAIL)
    policies = from_texts(MAIL, person=text)
    whole = cedar().PolicySet.from_str(text)
    said = json.loads(cedar().is_authorized(of.request(), whole, policies._entities_of(of), terms.schema))
    assert said["diagnostics"]["errors"] == []
    allowed = said["decision"] == "Allow"
    assert (policies.evaluate(of).verdict != "deny") is allowed
    assert len(policies.evaluate(of).policies) == len(said["diagnostics"]["reason"])


everything = st.builds(
    Case, verb=st.sampled_from([one.verb for one in MAIL]), person=st.text(max_size=5), unit=st.text(max_size=5),
    agent=st.text(max_size=5), run=st.text(max_size=5), external=st.booleans(), tainted=st.booleans(),
    domains=st.tuples(st.text(max_size=5)), environments=st.tuples(st.text(max_size=5)), units=st.just(()),
    sensitivity=st.sampled_from(["open", "internal", "secret"]), intent=st.text(max_size=5),
    trigger=st.sampled_from(["terminal", "webhook"]), trust=st.sampled_from(["person", "outside"]),
    level=st.sampled_from(["draft", "autonomous"]), reversible=st.booleans(),
    amount=st.none() | st.integers(0, 2**63 - 1), budget_left=st.none() | st.integers(0, 2**63 - 1),
    hour=st.integers(0, 23), weekday=st.integers(1, 7), month=st.integers(1, 12), day=st.integers(1, 31),
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(everything)
def test_every_case_is_of_the_schema(of: Case) -> None:
    """So a decision may do without holding each request against it."""
    policies, terms = from_texts(MAIL, person=PERMIT), terms_of(MAIL)
    whole = cedar().PolicySet.from_str(PERMIT)
    said = json.loads(cedar().is_authorized(of.request(), whole, policies._entities_of(of), terms.schema))
    assert (said["decision"], said["diagnostics"]["errors"]) == ("Allow", [])
    assert policies.evaluate(of).verdict == "allow"
