from __future__ import annotations

from pathlib import Path

from meshclaw.changes.finding import under


def test_repositories_of_every_sort_are_found_and_none_inside_another(tmp_path: Path) -> None:
    for folder in (
        "a/.git",
        "a/inner/.git",
        "deep/er/b/.git",
        "bare.git/objects",
        "bare.git/refs",
        "no/objects",
    ):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "bare.git" / "HEAD").touch()
    (tmp_path / "no" / "HEAD").touch()
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / ".git").write_text("gitdir: elsewhere")
    (tmp_path / "loop").symlink_to(tmp_path)
    found = [str(path.relative_to(tmp_path)) for path in under(tmp_path)]
    assert found == ["a", "bare.git", "deep/er/b", "tree"]
    assert under(tmp_path / "a" / "nothing") == []
