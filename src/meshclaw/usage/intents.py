"""What a call was for: what somebody declared, and what its tools and files tell. Both are kept, neither is bent.

Nothing here reads a prompt. Declared is, the surest first: what the source carries (an environment variable, a tag, a
command, a trailer), then the branch, by its first word or its ticket. Inferred is by a fixed table; the first line
that fits wins, and says what it went by.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

import msgspec

from meshclaw.flow.usage import Usage

UNDECLARED = "undeclared"
EXPLORATION = "exploration"
TALK = "talk"
"""No tool was used at all."""
OTHER = "other"

TICKET = re.compile(r"(?<![A-Za-z0-9])([A-Z][A-Z0-9]{1,9}-[1-9]\d{0,6})(?![A-Za-z0-9])")
NUMBER = re.compile(r"(?:^|/)(?:issue|issues|gh|bug|ticket)?[-_#]?([1-9]\d{0,6})(?=[-_/]|$)", re.IGNORECASE)
TRAILER = re.compile(
    r"^(?:meshclaw-)?intent:[ \t]*([a-z][a-z0-9._-]{0,79})[ \t]*$", re.IGNORECASE | re.MULTILINE
)
FIRST_WORD = re.compile(r"(?:^|/)([a-z]+)(?=[/_-])")

BRANCH_WORDS = {
    "feat": "code.change", "feature": "code.change", "refactor": "code.change", "perf": "code.change",
    "fix": "code.change", "bugfix": "code.change", "hotfix": "code.change", "test": "code.change",
    "tests": "code.change", "doc": "docs.write", "docs": "docs.write", "ci": "config.change",
    "build": "config.change", "chore": "config.change", "config": "config.change", "infra": "infra.change",
    "deploy": "infra.change", "release": "infra.change", "data": "data.work", "style": "design.work",
    "ui": "design.work",
    "spike": EXPLORATION, "explore": EXPLORATION, "exploration": EXPLORATION, "experiment": EXPLORATION,
    "poc": EXPLORATION, "prototype": EXPLORATION, "play": EXPLORATION,
}  # fmt: skip


class Declared(NamedTuple):
    name: str
    """``mail.triage``, ``PAY-311``, ``exploration``; ``undeclared`` where nobody said."""
    kind: str
    """The same in the words of what is inferred, where it can be said in them; else empty."""
    evidence: str
    """``branch``, ``env``, ``tag``, ``command``, ``trailer``; empty where nobody said."""


class Inferred(NamedTuple):
    kind: str
    evidence: str
    """What it went by: names of tools, endings of files."""


# -- declared ----------------------------------------------------------------------------


def declared(usage: Usage) -> Declared:
    return declared_by(usage.declared, usage.branch)


def declared_by(said: str, branch: str) -> Declared:
    """``said``: as ``Usage.declared``."""
    evidence, colon, name = said.partition(":")
    if colon and name:
        return Declared(name, _kind(name), evidence)
    return _of_branch(branch)


def of_trailer(message: str) -> str:
    """``trailer:NAME`` for a last line ``Intent: NAME`` or ``Meshclaw-Intent: NAME``; empty where there is none."""
    names = TRAILER.findall(message.rstrip().rpartition("\n\n")[2])
    return f"trailer:{names[-1].lower()}" if names else ""


def _of_branch(branch: str) -> Declared:
    """A ticket names the work, the branch's first word its kind: ``fix/PAY-311-rounding`` says both."""
    words = [word for word in FIRST_WORD.findall(branch) if word in BRANCH_WORDS]
    kind = BRANCH_WORDS[words[0]] if words else ""
    ticket = TICKET.search(branch)
    number = None if ticket else NUMBER.search(branch)
    name = ticket[1] if ticket else f"#{number[1]}" if number else kind
    return Declared(name, _kind(kind), "branch") if name else Declared(UNDECLARED, "", "")


def _kind(name: str) -> str:
    """``mail.triage`` is inferred as ``mail.work``; an exploration may use any tool, so no kind is compared with it."""
    word = name.lower()
    if word in KINDS:
        return word
    near = [kind for kind in KINDS if kind.partition(".")[0] == word.partition(".")[0]]
    return near[0] if len(near) == 1 else ""


# -- inferred ----------------------------------------------------------------------------

EDITS = frozenset(
    "edit multiedit write notebookedit apply_patch patch replace write_file edit_file create_file str_replace "
    "str_replace_editor str_replace_based_edit_tool search_replace".split()
)
READS = frozenset(
    "read grep glob ls list_directory read_file read_many_files search_file_content cat view rg find".split()
)
RUNS = frozenset(
    "bash shell local_shell_call run_shell_command exec exec_command process terminal bashoutput killshell".split()
)
SEARCHES = frozenset("websearch webfetch web_search web_fetch web_search_call google_web_search".split())
PLANS = frozenset(
    "todowrite todoread exitplanmode enterplanmode update_plan write_todos taskcreate taskupdate".split()
)
SPAWNS = frozenset("task agent spawn_agent sessions_spawn subagent delegate".split())

ENDINGS = {
    "docs.write": "md mdx rst txt adoc tex docx odt pdf pptx",
    "infra.change": "tf tfvars hcl bicep dockerfile containerfile nix service",
    "data.work": "ipynb csv tsv sql parquet xlsx xls jsonl",
    "design.work": "css scss sass less svg png jpg fig",
    "config.change": "yaml yml toml ini cfg conf env json lock xml properties",
}
KIND_OF = {ending: kind for kind, endings in ENDINGS.items() for ending in endings.split()}

WORDS = {
    "mail.work": ("mail", "gmail", "outlook", "imap"),
    "chat.work": ("slack", "teams", "discord", "chat", "message"),
    "ticket.work": ("jira", "linear", "ticket", "issue", "asana", "trello"),
    "web.operate": ("browser", "playwright", "puppeteer", "computer", "chrome"),
}
"""Words within the names of connected tools: ``mcp__slack__post``."""


def _words(name: str) -> set[str]:
    return set(re.split(r"[^a-z0-9]+", name.lower()))


def _edited(did: set[str], files: tuple[str, ...]) -> Inferred | None:
    """The kind of what was changed; code where anything of it is code or nobody says what it was."""
    used = did & EDITS
    if not used:
        return None
    kinds = {KIND_OF.get(ending, "code.change") for ending in files} or {"code.change"}
    kind = next(iter(kinds)) if len(kinds) == 1 else "code.change"
    if len(kinds) > 1 and "code.change" not in kinds:
        kind = "config.change"
    return Inferred(kind, " ".join(sorted(used) + [f".{ending}" for ending in files]))


def _connected(did: set[str], files: tuple[str, ...]) -> Inferred | None:  # noqa: ARG001 - one form for all lines
    for kind, marks in WORDS.items():
        used = sorted(name for name in did if name not in SEARCHES and _words(name) & set(marks))
        if used:
            return Inferred(kind, " ".join(used))
    return None


def _by(kind: str, names: frozenset[str]) -> Callable[[set[str], tuple[str, ...]], Inferred | None]:
    def fits(did: set[str], files: tuple[str, ...]) -> Inferred | None:  # noqa: ARG001 - one form for all lines
        used = did & names
        return Inferred(kind, " ".join(sorted(used))) if used else None

    return fits


LINES = (
    _edited, _connected, _by("delegate", SPAWNS), _by("web.research", SEARCHES), _by("command.run", RUNS),
    _by("code.read", READS), _by("plan", PLANS),
)  # fmt: skip
"""Changes say more than what was read for them, and a plan is part of everything."""
KINDS = (
    "code.change", *ENDINGS, *WORDS, "delegate", "web.research", "command.run", "code.read", "plan", TALK, OTHER,
)  # fmt: skip


def inferred(did: Iterable[str], files: Iterable[str]) -> Inferred:
    """Of one call, or of all calls of a piece of work together: the same names in any order give the same kind."""
    names = {name.lower() for name in did}
    endings = tuple(sorted(set(files)))
    if not names:
        return Inferred(TALK, "no tool")
    found = next((line for fits in LINES if (line := fits(names, endings))), None)
    return found or Inferred(OTHER, " ".join(sorted(names)))


# -- both --------------------------------------------------------------------------------


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """Of what was declared with what was inferred, where both are said in the same words."""

    compared: int
    agreeing: int
    kappa: float | None
    """Cohen's: 1 all, 0 as much as chance; None where nothing was compared or chance alone explains all."""


def agreement(pairs: Iterable[tuple[str, str, int]]) -> Agreement:
    """``pairs``: declared kind, inferred kind and how often.

    κ = (p_o - p_e) / (1 - p_e) with p_e from the marginals (Cohen 1960), over whole numbers until the last division.
    """
    ones: Counter[str] = Counter()
    others: Counter[str] = Counter()
    total = same = 0
    for one, other, count in pairs:
        ones[one] += count
        others[other] += count
        total += count
        same += count if one == other else 0
    by_chance = sum(count * others[kind] for kind, count in ones.items())
    left = total * total - by_chance
    kappa = (same * total - by_chance) / left if left else None
    return Agreement(compared=total, agreeing=same, kappa=kappa)
