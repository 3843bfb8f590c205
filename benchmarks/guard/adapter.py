"""Feeds ``guard.decide`` from AgentDojo's tools: the connectors' manifests beside this file, nothing per task.

The ladder is set to *autonomous*, grant and policies to everything, so that none of them stops an attack or asks a
question: what is measured is what the words of the request and the origin of each value let through.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

from meshclaw.flow.action import Action
from meshclaw.flow.decision import Decision
from meshclaw.flow.declaration import Declaration, Effect
from meshclaw.flow.grant import Grant, Rights
from meshclaw.flow.plan import Plan
from meshclaw.flow.request import Request
from meshclaw.guard import Context
from meshclaw.guard.decide import LAYERS, judge
from meshclaw.guard.directory import Directory, Entry
from meshclaw.guard.history import History
from meshclaw.guard.layers.plan import freeze
from meshclaw.guard.manifest import read
from meshclaw.testing.policies import permit_all

MANIFESTS = Path(__file__).parent / "manifests"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def tools() -> dict[str, Declaration]:
    """By the tool's bare name, which is unique in the suites."""
    found = [read(path) for path in sorted(MANIFESTS.glob("*.toml"))]
    return {verb.partition(".")[2]: one for declared in found for verb, one in declared.items()}


class MeshClaw:
    """One run at a time, as the harness plays them; ``prime`` begins the next."""

    name = "meshclaw"

    def __init__(self, without: frozenset[str] = frozenset()) -> None:
        """``without``: layers taken out, to show what each is there for."""
        self.tools = tools()
        connectors = frozenset(f"{one.verb.partition('.')[0]}.*" for one in self.tools.values())
        everything = Rights(effects=frozenset(get_args(Effect)), verbs=connectors)
        self.grant = Grant(ceiling=everything, agent=everything, intent=everything)
        self.policies = permit_all(self.tools.values())
        self.layers = [layer for name, layer in LAYERS.items() if name not in without]
        self.last: Decision | None = None
        self._reset()

    def _reset(self) -> None:
        self.history = History()
        self.taken = 0
        self.plan: Plan | None = None
        self.asked: set[str] = set()

    def begin(self, suite: str, tools: object) -> None:
        """Nothing is prepared per suite."""

    def prime(self, env: Any) -> None:
        """A run begins; the person's own address, contacts and outgoing mail are their directory."""
        self._reset()
        self.directory = _directory(env)

    def decide(self, tool: str, args: dict[str, Any], history: list[Any], user_prompt: str) -> str:
        for done, given, result in history[self.taken :]:
            action = _action(self.tools[done], given)
            refused = isinstance(result, str) and result.startswith("error: ")
            approved = action.digest in self.asked
            self.history.add(action, self.tools[done], None if refused else result, approved=approved)
        self.taken = len(history)
        action = _action(self.tools[tool], args)
        self.last = judge(action, self.context(tool, user_prompt), self.layers)
        if self.last.verdict == "ask":
            self.asked.add(action.digest)
        return self.last.verdict

    def context(self, tool: str, words: str) -> Context:
        if self.history.tainted and self.plan is None:
            self.plan = freeze(words, self.tools.values())
        return Context(
            declaration=self.tools[tool], reviewed=True, grant=self.grant, policies=self.policies,
            level="autonomous", two_person=frozenset(), now=NOW,
            request=Request(intent="", trigger="terminal", trust="person", words=words),
            history=self.history, plan=self.plan, directory=self.directory,
        )  # fmt: skip


def _action(declaration: Declaration, args: dict[str, Any]) -> Action:
    return Action(run="replay", verb=declaration.verb, arguments=json.loads(json.dumps(args, default=str)))


def _directory(env: Any) -> Directory:
    inbox = getattr(env, "inbox", None)
    if inbox is None:
        return Directory()
    own = str(inbox.account_email)
    entries = [Entry("address", str(one.email), one.name) for one in inbox.contact_list]
    return Directory(own=frozenset({own}), entries=tuple(entries))
