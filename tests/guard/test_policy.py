"""A corrupt policy means that nothing runs; an absent one means the careful default."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshclaw.errors import Damaged
from meshclaw.guard.policy import DEFAULT, load


def test_no_file_means_the_default(tmp_path: Path) -> None:
    assert load(tmp_path / "policy.toml") == DEFAULT


def test_the_file_in_the_docstring_is_understood(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(
        '[allow]\neffects = ["read", "label"]\nverbs = ["mail.*"]\n[deny]\nverbs = ["mail.unsubscribe"]\n'
    )
    rights = load(path)
    assert (rights.effects, rights.denied) == ({"read", "label"}, {"mail.unsubscribe"})


def test_an_empty_file_allows_nothing(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text("")
    assert load(path).effects == frozenset()


@pytest.mark.parametrize(
    "text",
    [
        "[allow",
        "[allow]\neffects = ['fly']",
        "[allow]\nverb = ['mail.*']",
        "[alow]\n",
        "allow = 1",
        "\x00",
        "\udcff",
    ],
)
def test_a_file_that_cannot_be_understood_stops_everything(tmp_path: Path, text: str) -> None:
    path = tmp_path / "policy.toml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(Damaged, match="nothing runs"):
        load(path)
