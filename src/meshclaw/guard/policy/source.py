"""One policy file: read, parsed, held against the schema, and asked."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from meshclaw.errors import Damaged
from meshclaw.flow.decision import Decision, ask, deny
from meshclaw.guard import second
from meshclaw.guard.policy import text as places
from meshclaw.guard.policy.engine import Entities, PolicySet, Schema, cedar
from meshclaw.guard.policy.schema import Terms

DEFAULT = Path(__file__).with_name("default.cedar")
MAX_BYTES = 1_000_000
_OWN_ID = re.compile(r"`(policy\d+)`")
NEEDS = {"person": "approval", "two": second.NEED}
"""What ``@ask`` may say, and what the decision then needs."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    line: int
    column: int
    message: str


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One policy of a file, as people speak of it."""

    id: str
    """Its ``@id``; without one, ``line-7``, or ``line-7-40`` for a second one there."""
    effect: Literal["permit", "forbid"]
    reason: str = ""
    """Its ``@reason``: told to the person."""
    ask: str = ""
    """Its ``@ask``: a permit that still needs somebody's word."""
    text: str
    line: int


class _Parsed(msgspec.Struct):
    """What Cedar tells of a policy in JSON, as far as it is used."""

    effect: Literal["permit", "forbid"]
    annotations: dict[str, str | None] = {}


class _File(msgspec.Struct):
    staticPolicies: dict[str, _Parsed]  # noqa: N815 - Cedar's name
    templates: dict[str, object]


class _Action(msgspec.Struct):
    id: str


class _ActionScope(msgspec.Struct):
    """``All``, ``==`` one action, or ``in`` one or several."""

    entity: _Action | None = None
    entities: tuple[_Action, ...] = ()


class _Scopes(msgspec.Struct):
    """A file in Cedar's JSON, its policies untouched."""

    staticPolicies: dict[str, dict[str, object]]  # noqa: N815 - Cedar's name
    templates: dict[str, object] = {}
    templateLinks: tuple[object, ...] = ()  # noqa: N815


class _Diagnostics(msgspec.Struct):
    reason: list[str] = []
    errors: list[str] = []


class _Answer(msgspec.Struct):
    decision: Literal["Allow", "Deny", "NoDecision"]
    diagnostics: _Diagnostics


class _Errors(msgspec.Struct):
    errors: list[dict[str, str]] = []


_answer = msgspec.json.Decoder(_Answer)


class Source:
    """``name`` is whose it is: company, person or default. Raises Damaged where any of it is wrong."""

    def __init__(self, name: str, path: Path, text: str, terms: Terms) -> None:
        if found := next(problems(text, terms.schema), None):
            raise Damaged(
                f"{path}:{found.line}:{found.column}: {found.message}; so nothing runs",
                fix=f"Mend it and look again: meshclaw policy check {path}",
            )
        self.name, self.path, self.text = name, path, text
        self._terms = terms
        self._sets: dict[str, PolicySet] = {}
        """By verb: the policies whose scope can hold it; the others cost as much as they decide nothing."""
        self.rules: dict[str, Rule] = dict(rules(text))
        self._words: dict[tuple[str, frozenset[str]], Decision] = {}
        """By Cedar's decision and the policies behind it: few, however many cases there are."""

    def decide(self, verb: str, request: dict[str, object], entities: Entities) -> Decision:
        """Forbid, then ask, then permit; nothing permitted means deny, and so does an error in any policy.

        ``request`` is a case's, and so of the schema's types: Cedar need not look at them again.
        """
        set_ = self._sets.get(verb)
        if set_ is None:
            set_ = self._sets[verb] = self._about(self._terms.groups[verb])
        answer = _answer.decode(cedar().is_authorized(request, set_, entities))
        if answer.diagnostics.errors:
            broken = {self.rules[id_].id for one in answer.diagnostics.errors for id_ in _OWN_ID.findall(one)}
            # Without Cedar's own words, which may quote a value: a reason stands in the ledger.
            told = f" ({', '.join(sorted(broken))})" if broken else ""
            return deny("policy.error", f"the {self.name} policy fails on this{told}")
        key = (answer.decision, frozenset(answer.diagnostics.reason))  # Cedar tells them in any order
        word = self._words.get(key)
        if word is None:
            decided = [self.rules[id_] for id_ in answer.diagnostics.reason]
            ids = tuple(sorted(f"{self.name}:{rule.id}" for rule in decided))
            word = self._words[key] = msgspec.structs.replace(self._word(answer, decided), policies=ids)
        return word

    def _about(self, names: frozenset[str]) -> PolicySet:
        file = msgspec.json.decode(cedar().policies_to_json_str(self.text), type=_Scopes)
        kept = {id_: one for id_, one in file.staticPolicies.items() if _may_hold(one, names)}
        text = msgspec.json.encode(_Scopes(staticPolicies=kept)).decode()
        return cedar().PolicySet.from_json_str(text)

    def _word(self, answer: _Answer, decided: list[Rule]) -> Decision:
        if not decided:
            return deny("policy.unpermitted", f"nothing in the {self.name} policy permits it")
        reason = next((rule.reason for rule in decided if rule.reason), "")
        if answer.decision != "Allow":
            named = " and ".join(sorted(rule.id for rule in decided))
            return deny("policy.forbidden", reason or f"the {self.name} policy forbids it ({named})")
        asking = sorted((rule for rule in decided if rule.ask), key=lambda rule: (rule.ask != "two", rule.id))
        if asking:
            first = asking[0]
            words = first.reason or f"the {self.name} policy wants it asked ({first.id})"
            return ask("policy.ask", words, NEEDS[first.ask])
        return Decision(verdict="allow", rule="policy.permitted", reason=reason or "the policy permits it")


def _may_hold(policy: dict[str, object], names: frozenset[str]) -> bool:
    """False only where the action that the scope names is none of ``names``."""
    scope = msgspec.convert(policy["action"], _ActionScope)
    named = scope.entities or ((scope.entity,) if scope.entity else ())
    return not named or any(one.id in names for one in named)


def read(path: Path) -> str | None:
    """The text of a policy file; None where there is none; Damaged where it cannot be read."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise Damaged(
                f"{str(path)!r} is larger than {MAX_BYTES:,} bytes, so nothing runs", fix="Make it shorter."
            )
        return raw.decode("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise Damaged(
            f"{str(path)!r} cannot be read ({error}), so nothing runs", fix="Mend the file or its rights."
        ) from error


def rules(text: str) -> Iterator[tuple[str, Rule]]:
    """By Cedar's own id, which is the place in the file."""
    file = msgspec.json.decode(cedar().policies_to_json_str(text), type=_File)
    for index, statement in enumerate(places.statements(text)):
        own = f"policy{index}"
        if (parsed := file.staticPolicies.get(own)) is None:
            continue
        place = places.place(text, statement.tokens[0][0])
        unnamed = f"line-{place.line}" + (f"-{place.column}" if place.column > 1 else "")
        yield own, Rule(
            id=parsed.annotations.get("id") or unnamed, effect=parsed.effect,
            reason=parsed.annotations.get("reason") or "", text=statement.text, line=place.line,
            ask=(parsed.annotations["ask"] or "person") if "ask" in parsed.annotations else "",
        )  # fmt: skip


def problems(text: str, schema: Schema) -> Iterator[Problem]:
    """Everything that is wrong with a policy text; the first parse error alone where it has one."""
    if parse_error := places.parse_error_at(text, _parse_problem):
        place, message = parse_error
        yield Problem(line=place.line, column=place.column, message=message)
        return
    yield from dict.fromkeys(_validation_problems(text, schema))  # Cedar tells each one once for every action
    yield from _our_own_problems(text)


def _validation_problems(text: str, schema: Schema) -> Iterator[Problem]:
    said = msgspec.json.decode(cedar().validate_policies(text, schema), type=_Errors)
    for error in said.errors:
        index = int(error["policy_id"].removeprefix("policy"))
        place = places.validation_error_at(text, index, error["error"])
        message = (error["error"].partition(", ")[2] or error["error"]).partition(" for Action::")[0]
        yield Problem(line=place.line, column=place.column, message=message)


def _our_own_problems(text: str) -> Iterator[Problem]:
    """What Cedar allows and nobody can mean here."""
    known = dict(rules(text))
    seen: set[str] = set()
    found = list(places.statements(text))
    file = msgspec.json.decode(cedar().policies_to_json_str(text), type=_File)
    if len(found) != len(file.staticPolicies) + len(file.templates):  # then no decision could name its policy
        yield Problem(line=1, column=1, message="it cannot be told where one policy ends and the next begins")
        return
    for index, statement in enumerate(found):
        place = places.place(text, statement.tokens[0][0])
        message = _our_own_problem(known.get(f"policy{index}"), seen)
        if message:
            yield Problem(line=place.line, column=place.column, message=message)


def _our_own_problem(rule: Rule | None, seen: set[str]) -> str:
    if rule is None:
        return "a template with a slot is never linked here, so it decides nothing"
    if rule.id in seen:
        return f"the id {rule.id!r} stands here twice, so no decision could name its policy"
    seen.add(rule.id)
    if rule.ask and rule.effect == "forbid":
        return "a forbid cannot ask; put @ask on a permit"
    if rule.ask and rule.ask not in NEEDS:
        return f'@ask may say "person" or "two", not {json.dumps(rule.ask)}'
    return ""


def _parse_problem(text: str) -> str | None:
    try:
        cedar().PolicySet.from_str(text)
    except ValueError as error:
        return str(error)
    return None
