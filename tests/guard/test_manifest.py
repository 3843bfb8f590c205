"""Manifests: the documented example loads; a broken one does nothing and says why."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from meshclaw.errors import Damaged, NotFound
from meshclaw.flow.declaration import Argument, Field
from meshclaw.guard import manifest

PAGE = Path(__file__).parents[2] / "docs" / "manifests.md"
EXAMPLE = re.findall(r"```toml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)[0]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "files.toml"
    path.write_text(EXAMPLE, "utf-8")
    return path


def test_the_documented_example_loads(path: Path) -> None:
    found = manifest.read(path)
    assert set(found) == {"files.search", "files.share"}
    assert found["files.share"].arguments["email"] == Argument("destination", "address")
    assert found["files.search"].results["size"] == Field("structured", "size", "system")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('effect = "send"', 'effect = "harmless"'),
        ('role = "reference"', 'role = "whatever"'),
        ("reversible = false", ""),
        ('returns = "file"', 'returns = "nothing"'),
        ("[verbs.share]", "[verbs.share]\nadmin = true"),
        ('connector = "files"', "connector = "),
        ('writer = "system"', 'writer = "nobody"'),
    ],
)
def test_a_manifest_that_cannot_be_understood_does_nothing(path: Path, old: str, new: str) -> None:
    path.write_text(EXAMPLE.replace(old, new), "utf-8")
    with pytest.raises(Damaged, match=r"files\.toml"):
        manifest.read(path)


def test_a_manifest_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="crm"):
        manifest.read(tmp_path / "crm.toml")
