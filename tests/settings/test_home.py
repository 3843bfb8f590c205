"""Where state lies when nobody says otherwise."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from meshclaw.settings.home import home


@pytest.mark.skipif(sys.platform == "darwin", reason="a Mac has its Library")
@pytest.mark.parametrize("shared", ["", "relative/data"])
def test_the_xdg_folder_is_honoured_where_it_is_a_real_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared: str
) -> None:
    monkeypatch.delenv("MESHCLAW_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", shared)
    assert home() == tmp_path / ".local" / "share" / "meshclaw"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    assert home() == tmp_path / "xdg" / "meshclaw"
    assert home().stat().st_mode & 0o077 == 0
