"""What the docs claim is compared with the code."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path
from typing import get_args

import click
import msgspec
import pytest

from meshclaw.cli.main import cli
from meshclaw.flow.event.base import Event
from meshclaw.flow.event.union import AnyEvent

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "AGENTS.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]


@pytest.mark.parametrize("name", ["ledger", "hostile"])
def test_a_page_that_is_written_by_a_tool_is_up_to_date(name: str) -> None:
    spec = importlib.util.spec_from_file_location(f"{name}_page", ROOT / "tools" / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.PAGE.read_text("utf-8") == module.page(), f"run: python tools/docs/{name}.py"


@pytest.mark.parametrize("kind", get_args(AnyEvent), ids=lambda kind: kind.__struct_config__.tag)
def test_every_field_of_every_event_is_explained(kind: type[Event]) -> None:
    page = (ROOT / "docs" / "ledger.md").read_text("utf-8")
    section = page.partition(f"## `{kind.__struct_config__.tag}`")[2].partition("\n## ")[0]
    own = {field.name for field in msgspec.structs.fields(kind)} - {
        f.name for f in msgspec.structs.fields(Event)
    }
    explained = dict(re.findall(r"^\| `(\w+)` \| .*? \| (.+?) \|$", section, re.MULTILINE))
    assert set(explained) == own
    assert all(explained.values())


def commands(group: click.Group, path: str = "meshclaw") -> set[str]:
    found = {path}
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        found |= (
            commands(command, f"{path} {name}") if isinstance(command, click.Group) else {f"{path} {name}"}
        )
    return found


KNOWN = commands(cli)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text("utf-8")
    code = "\n".join(re.findall(r"`[^`]+`|^ {4}.*$|^meshclaw.*$", text, re.MULTILINE))
    named = re.findall(r"(?<![\w/.-])meshclaw((?: [a-z]+)+)", code)
    for words in named:
        path = f"meshclaw{words}"
        parents = {path.rsplit(" ", drop)[0] for drop in range(path.count(" "))} if " " in path else {path}
        assert parents & (KNOWN - {"meshclaw"}), f"{page.name} names {path!r}"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_local_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_make_target_that_the_docs_name_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for page in PAGES:
        for names in re.findall(r"\bmake ([a-z]+(?: \| [a-z]+)*)", page.read_text("utf-8")):
            for name in names.split(" | "):
                assert name in targets, f"{page.name} names make {name}"


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    names = {re.split(r"[<>=~!]", dependency)[0] for dependency in project["dependencies"]}
    page = (ROOT / "docs" / "decisions" / "dependencies.md").read_text("utf-8")
    assert set(re.findall(r"^\| ([a-z0-9-]+) \|", page, re.MULTILINE)) - {"package"} == names
    assert len(names) <= 15
    extras = {
        (re.split(r"[<>=~!\[]", dependency)[0], extra)
        for extra, dependencies in project["optional-dependencies"].items()
        for dependency in dependencies
    }
    assert set(re.findall(r"^\| `([a-z0-9-]+)`, ([a-z]+) \|", page, re.MULTILINE)) == extras


def test_no_requirement_file_names_an_index_or_misses_a_hash() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        text = path.read_text("utf-8")
        assert "://" not in text
        pins = re.findall(r"^[a-z0-9].*==\S+", text, re.MULTILINE)
        assert pins
        assert all(pin in text for pin in pins)
        assert text.count("--hash=sha256:") >= len(pins)


def test_the_map_is_short() -> None:
    assert len((ROOT / "AGENTS.md").read_text("utf-8").splitlines()) < 150
