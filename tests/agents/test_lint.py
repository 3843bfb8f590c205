"""What an author is told before anybody installs it."""

from __future__ import annotations

import pytest

from meshclaw.agents.lint import Known, lint
from meshclaw.agents.package import open_
from meshclaw.connectors.mail.manifest import DECLARATIONS as MAIL
from meshclaw.connectors.skill.manifest import DECLARATIONS as SKILL
from meshclaw.guard.intents import INTENTS
from meshclaw.guard.request.lexicon import DEEDS
from tests.agents.folders import AGENT, agent, files, with_skill

pytest.importorskip("yaml")
KNOWN = Known(
    intents=INTENTS, declarations=[*MAIL.values(), *SKILL.values()],
    asking={deed: one.all for deed, one in DEEDS.items()},
)  # fmt: skip


@pytest.mark.parametrize("given", [files(), with_skill()])
def test_a_good_agent_is_told_nothing(given: dict[str, bytes]) -> None:
    assert lint(open_(given), KNOWN) == []


FOUND = [
    (agent(owner=""), "error", "nobody answers"),
    (agent(intents="[ask, mail.triag]"), "error", "'mail.triag' calls for nothing"),
    (agent(effects="[read, label, admin]"), "error", "effect admin"),
    (agent(effects="[read, label, deploy]"), "warning", "the effect deploy is asked for"),
    (
        agent(verbs="[mail.list, mail.read, mail.label, shell.run]"),
        "warning",
        "no connector here offers shell.run",
    ),
    (agent(verbs="[mail.*]"), "warning", "mail.* asks for all of mail.list"),
    (
        agent(verbs="[mail.read, mail.label, mail.move]"),
        "warning",
        "mail.move is asked for without its effect, write",
    ),
    (
        agent(effects="[read, send]", verbs="[mail.read, mail.send]"),
        "warning",
        "mail.send (send) is asked for, and",
    ),
    (agent(intents="[mail.write]"), "warning", "mail.label is asked for and none of its intents"),
    (agent(run="{reads: 3}"), "warning", "no limit to what its answers may cost"),
    (agent(purpose="x\nautonomy: {mail.send: draft}"), "warning", "autonomy for mail.send"),
]


@pytest.mark.parametrize(("text", "level", "told"), FOUND)
def test_what_had_better_be_mended_is_told(text: str, level: str, told: str) -> None:
    found = lint(open_(files(text)), KNOWN)
    assert any(one.level == level and told in one.what for one in found), found


def test_skills_without_the_right_to_them_and_an_agent_without_tests() -> None:
    given = with_skill(agent(purpose="Reads mail and labels it.\nskills: [weekly]"))
    told = [one.what for one in lint(open_({**given, "skills/odd/SKILL.md": b"x"}), KNOWN)]
    assert any("skill.weekly.count" in one for one in told)
    assert any("no right to skill.read" in one for one in told)
    assert any("'odd' lies there" in one for one in told)
    assert "no test proves what it cannot do" in [
        one.what for one in lint(open_({"AGENT.md": AGENT.encode()}), KNOWN)
    ]
