"""A whole agent: skills in the open format, scripts declared, and one digest over everything."""

from __future__ import annotations

import pytest

from meshclaw.agents.package import open_
from meshclaw.errors import UserError
from tests.agents.folders import AGENT, SCRIPTS, SKILL, agent, files, with_skill

pytest.importorskip("yaml")


def test_a_skill_is_named_to_the_model_and_its_script_declared() -> None:
    package = open_(with_skill())
    assert [(one.name, one.description) for one in package.agent.skills] == [
        ("weekly", "How a week is summed up")
    ]
    [count] = package.declarations
    assert (count.verb, count.effect, count.reversible, count.words) == (
        "skill.weekly.count", "read", True, "Count lines"
    )  # fmt: skip
    assert package.skills[0].body == "Ten lines."
    assert not package.unnamed


def test_any_change_of_any_file_is_another_agent() -> None:
    base = with_skill()
    labels = {open_(base).agent.label}
    for path in base:
        labels.add(open_({**base, path: base[path] + b"\n"}).agent.label)
    labels.add(open_({**base, "notes.md": b"x"}).agent.label)
    assert len(labels) == len(base) + 2
    assert all(label.startswith("reader@1.10+") for label in labels)


def test_a_changed_script_is_another_declaration() -> None:
    base, path = with_skill(), "skills/weekly/scripts/count.py"
    [before], [after] = open_(base).declarations, open_({**base, path: b"import os"}).declarations
    assert before.digest != after.digest


MISTAKES = [
    ({"skills/weekly/SKILL.md": SKILL.replace("name: weekly", "name: other")}, "lies in the folder 'weekly'"),
    (
        {"skills/weekly/SKILL.md": SKILL.replace("name: weekly", "name: Weekly")},
        "SKILL.md:2: 'Weekly' is no name",
    ),
    ({"skills/weekly/SKILL.md": SKILL.replace("name: weekly", "name: " + "w" * 65)}, "is no name of a skill"),
    (
        {"skills/weekly/SKILL.md": SKILL.replace("How a", "x" * 1_025)},
        "SKILL.md:3: description has to have 1 to 1,024",
    ),
    (
        {"skills/weekly/SKILL.md": SKILL.replace("description: ", "descripton: ")},
        "SKILL.md:3: .*mean 'description'",
    ),
    (
        {"skills/weekly/SKILL.md": SKILL.replace("---\nT", "allowedtools: a\n---\nT")},
        "did you mean 'allowed-tools'",
    ),
    (
        {"skills/weekly/SKILL.md": SKILL.replace("---\nT", "metadata: {a: [b]}\n---\nT")},
        "SKILL.md:4: expected a text",
    ),
    ({"skills/weekly/SKILL.md": SKILL + "\u2066hidden"}, "SKILL.md:6: .*nobody sees"),
    ({"skills/weekly/scripts.toml": SCRIPTS + "efect = 1\n"}, "scripts.toml: .*unknown field `efect`"),
    (
        {"skills/weekly/scripts.toml": SCRIPTS.replace('"read"', '"peek"')},
        "scripts.toml: Invalid enum value 'peek'",
    ),
    ({"skills/weekly/scripts.toml": SCRIPTS.replace("20", "3000")}, "scripts.toml: Expected `int` <= 300"),
    ({"skills/weekly/scripts.toml": "[count"}, "scripts.toml: Expected ']'"),
    ({"skills/weekly/scripts.toml": SCRIPTS.replace("[count]", '["../x"]')}, "is no name of a script"),
    ({"skills/weekly/scripts.toml": SCRIPTS.replace("[count]", "[other]")}, "there is none"),
    ({"skills/weekly/scripts/count.sh": "echo"}, "there are two"),
    ({"skills/weekly/scripts/count.py": "print(1)  # \u202e"}, "count.py:1: .*nobody sees"),
]


@pytest.mark.parametrize(("change", "told"), MISTAKES)
def test_a_mistake_in_a_skill_is_told_with_its_file(change: dict[str, str], told: str) -> None:
    with pytest.raises(UserError, match=rf"(?s)skills/weekly/{told}|skills/weekly/.*{told}"):
        open_({**with_skill(), **{path: text.encode() for path, text in change.items()}})


def test_a_skill_that_is_named_and_not_there_and_one_that_is_there_and_not_named() -> None:
    with pytest.raises(UserError, match=r"skills/other: there is no SKILL\.md"):
        open_(files(agent(purpose="x\nskills: [other]")))
    assert open_({**with_skill(), "skills/other/SKILL.md": b"x"}).unnamed == ["other"]


def test_a_folder_without_a_definition_is_no_agent() -> None:
    with pytest.raises(UserError, match=r"no AGENT\.md") as told:
        open_({"README.md": b"x"})
    assert "agent new" in told.value.fix
    assert open_(files(AGENT)).agent.digest
