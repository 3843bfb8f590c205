"""Evidence in one commit: who made it, and what its message says of who did."""

from __future__ import annotations

import re
from collections.abc import Iterator

from meshclaw.code.attribution.message import MARKS, signing
from meshclaw.code.attribution.rules import Line, Rules, Who
from meshclaw.code.commits import Commit, Identity
from meshclaw.flow.attribution import Confidence, Evidence, Source

LONGEST_KEY = 40
LONGEST_MODEL = 60
LONGEST_VALUE = 400
ADDRESS = re.compile(r"<[^<>]*@|<$")
LINK = re.compile(r"\bhttps?://\S*|<[^<>]*>")
MODEL = re.compile(
    r"""(?:\b[\w.]+/)?
    \b(?:claude|opus|sonnet|haiku|fable|gpt|o(?=\d)|codex|gemini|grok|qwen|kimi|glm|deepseek|mistral|devstral)
    (?:[ -][a-z]+){0,2}[ -]?v?\d[\w.-]*
    (?:[ ](?:opus|sonnet|haiku|pro|flash|lite|ultra|codex|mini|nano|max|high|medium|thinking|preview)\b)*
    (?:[ ]\([^()]*context\))?""",
    re.IGNORECASE | re.VERBOSE,
)
"""``Claude Opus 4.6 (1M context)``, ``openai/gpt-4o``, ``claude-opus-4-8-high``."""
NOTHING_MORE = re.compile(
    r"""[\])\s_*.,!'"`\U0001F300-\U0001FAFF]*
    (?:$|[(<\[]|https?:|[:-][\w.@/-]*\d
    |(?:via|and|using|with|on|for\ web|desktop|cli|agent|ai|code|v?\d|gpt|opus|sonnet|haiku
    |pro|flash|composer|assistant)\b.{0,150}$)""",
    re.IGNORECASE | re.VERBOSE,
)
"""What may follow a tool's name in a line that only signs; anything else is a sentence about something."""


def signs(commit: Commit, rules: Rules) -> list[Evidence]:
    """Each once."""
    found = dict.fromkeys(_made_by(commit, rules))
    for said in signing(commit.message):
        found |= dict.fromkeys(_line(said, rules))
    return list(found)


def _made_by(commit: Commit, rules: Rules) -> Iterator[Evidence]:
    if who := rules.who(commit.author):
        yield from _of(who, "author", who.author, commit.author.name)
    if commit.committer is not commit.author and (who := rules.who(commit.committer)):
        yield from _of(who, "committer", who.committer, commit.committer.name)


def _of(who: Who, source: Source, confidence: Confidence | None, name: str) -> Iterator[Evidence]:
    if confidence is not None:
        yield Evidence(
            source=source, rule=who.name, confidence=confidence, origin=who.origin, tool=who.tool,
            model=model_of(name) if who.origin == "ai" else "",
        )  # fmt: skip


def _line(said: str, rules: Rules) -> Iterator[Evidence]:
    key, colon, value = said.partition(":")
    if colon and len(key) <= LONGEST_KEY:
        key, value = key.rstrip(MARKS).lower(), value.lstrip(MARKS).rstrip(" \t*_")
        if (ways := rules.keyed.get(key)) and (found := _keyed(ways, value, rules)):
            yield found
            return
        if key in rules.sharers:
            yield from _person(value, rules)
            return
    if rules.any_footer.match(said):
        yield from _footer(said, rules)


def _keyed(ways: list[tuple[Line, re.Pattern[str]]], value: str, rules: Rules) -> Evidence | None:
    for line, pattern in ways:
        if not value or not pattern.match(value):
            continue
        named = _product(value, rules) if line.product else None
        if line.product and named is None:
            continue
        return Evidence(
            source=line.source, rule=line.name, confidence=line.confidence, origin="ai",
            tool=line.tool or (named[0] if named else ""),
            model=_group(line.model, value) or (named[1] if named else ""),
            session=_group(line.session, value),
        )  # fmt: skip
    return None


def _person(value: str, rules: Rules) -> Iterator[Evidence]:
    """``value``: ``Name <address>``, or a name alone."""
    name, bracket, rest = value[:LONGEST_VALUE].partition("<")
    if not bracket and not name.strip():
        return
    who = rules.who(Identity(name=name.strip(" \t\"'"), email=rest.partition(">")[0]))
    if who and who.origin != "unknown":
        yield from _of(who, "trailer", who.trailer, name)


def _footer(said: str, rules: Rules) -> Iterator[Evidence]:
    for footer, pattern in rules.footers:
        if not (fits := pattern.match(said)):
            continue
        groups = fits.groupdict()
        named = _product(groups["product"], rules) if footer.product else None
        if footer.product and named is None:
            continue
        yield Evidence(
            source="footer", rule=footer.name, confidence=footer.confidence, origin="ai",
            tool=footer.tool or (named[0] if named else ""), model=named[1] if named else "",
            session=groups.get("session") or "",
        )  # fmt: skip
        return


def _product(text: str, rules: Rules) -> tuple[str, str] | None:
    """Tool and model of a text that is the name of a tool and no sentence; an address makes it somebody."""
    text = text[:LONGEST_VALUE].lstrip(MARKS)
    found = None if ADDRESS.search(text) else rules.product_of(text)
    if found is None or not NOTHING_MORE.match(found[1]):
        return None
    return found[0], model_of(text)


def model_of(text: str) -> str:
    """The model that a name or a line names, as it writes it."""
    found = MODEL.search(LINK.sub("", text[:LONGEST_VALUE]))
    return found[0][:LONGEST_MODEL].rstrip(".") if found else ""


def _group(pattern: str | None, value: str) -> str:
    found = re.search(pattern, value, re.IGNORECASE) if pattern else None
    return found[1] or "" if found else ""
