"""The policies in force: the company's and the person's; both must permit."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import msgspec

from meshclaw.errors import Damaged
from meshclaw.flow.decision import Decision, deny
from meshclaw.flow.declaration import Declaration
from meshclaw.guard.owned import refuse_unless_owned_by_root
from meshclaw.guard.policy.case import Case
from meshclaw.guard.policy.engine import Entities, cedar
from meshclaw.guard.policy.schema import Terms, terms_of
from meshclaw.guard.policy.source import DEFAULT, Source, read

COMPANY = Path("/etc/meshclaw/policy.cedar")
"""Owned by root: the person and the claw can read it, and neither can change it."""
KEPT = 4096
"""Answers and entity sets kept in memory; both are forgotten together when there are more."""

_STRENGTH = {"deny": 0, "ask": 1, "allow": 2}


class Policies:
    """Parsed once; an answer is worked out once for each distinct case."""

    def __init__(self, sources: Iterable[Source], terms: Terms) -> None:
        self.sources = tuple(sources)
        self._terms = terms
        self._answers: dict[Case, Decision] = {}
        self._principals: dict[tuple[object, ...], Entities] = {}
        self._entities: dict[tuple[object, ...], Entities] = {}

    def decide(self, case: Case) -> Decision:
        """The strictest word of all sources, with the ids of the policies behind it."""
        known = self._answers.get(case)
        if known is None:
            if len(self._answers) >= KEPT:
                self._answers.clear()
            known = self._answers[case] = self.evaluate(case)
        return known

    def evaluate(self, case: Case) -> Decision:
        """As ``decide``, worked out anew."""
        if not self.sources:
            return deny("policy.unpermitted", "there is no policy, so nothing permits it")
        if case.verb not in self._terms.groups:
            return deny(
                "policy.unpermitted", f"no policy can speak of {case.verb!r}, which no connector declares"
            )
        request, entities = case.request(), self._entities_of(case)
        words = [source.decide(case.verb, request, entities) for source in self.sources]
        strictest = min(words, key=lambda word: _STRENGTH[word.verdict])
        deciding = [word for word in words if word.verdict == strictest.verdict]
        if len(deciding) == 1:
            return strictest
        return msgspec.structs.replace(
            strictest, policies=tuple(id_ for one in deciding for id_ in one.policies)
        )

    def holds(self, policy: str, case: Case) -> bool:
        """Whether this one policy, permit or forbid, matches the case."""
        source = Source("", Path(), policy, self._terms)
        return bool(source.decide(case.verb, case.request(), self._entities_of(case)).policies)

    def _entities_of(self, case: Case) -> Entities:
        key = (case.who, case.what)
        found = self._entities.get(key)
        if found is None:
            if len(self._entities) >= KEPT:
                self._entities.clear()
                self._principals.clear()
            base = self._principals.get(case.who)
            if base is None:
                text = json.dumps(case.principals())
                base = self._principals[case.who] = cedar().Entities.from_json_str(text, self._terms.schema)
            found = base.with_added_json_str(json.dumps([case.target()]), self._terms.schema)
            self._entities[key] = found
        return found


def from_texts(declarations: Iterable[Declaration], **texts: str) -> Policies:
    """Policies from texts by the name of their source; Damaged where one does not hold."""
    terms = terms_of(declarations)
    return Policies((Source(name, Path(name), text, terms) for name, text in texts.items()), terms)


def alone(declarations: Iterable[Declaration], path: Path) -> Policies:
    """What one file says by itself, as if it were the person's."""
    terms = terms_of(declarations)
    return Policies([Source("person", path, read(path) or "", terms)], terms)


def load(
    declarations: Iterable[Declaration], person: Path, company: Path | None = None, *,
    trying: bool = False, mesh: tuple[Path, str] | None = None,
) -> Policies:  # fmt: skip
    """The policies of this machine. Absent: no company policy, the careful default for the person.

    ``mesh``: the text that the company's hub laid down, and the file that it lies in; its signature was checked.

    ``trying``: nothing will be done by them, so the company's may be anybody's file.

    Raises Damaged where a file is there and cannot be understood: a broken limit must not become no limit.
    """
    terms = terms_of(declarations)
    company = company or COMPANY
    if not trying:
        refuse_unless_owned_by_root(company)
    if (old := person.with_suffix(".toml")).exists():
        raise Damaged(
            f"{str(old)!r} is the old form of a policy and limits nothing any more, so nothing runs",
            fix="Say the same in policy.cedar beside it (docs/policy.md), and remove it.",
        )
    found: list[tuple[str, Path, str | None]] = [
        ("company", company, read(company)),
        ("person", person, read(person)),
    ]
    if found[1][2] is None:
        found[1] = ("default", DEFAULT, read(DEFAULT))
    if mesh is not None:
        found.insert(0, ("mesh", *mesh))
    sources = [Source(name, path, text, terms) for name, path, text in found if text is not None]
    return Policies(sources, terms)
