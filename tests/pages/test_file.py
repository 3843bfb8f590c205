from __future__ import annotations

from pathlib import Path

import pytest

from meshclaw.errors import Operational, UserError
from meshclaw.pages.file import MARK, keep

OURS = f"<html>{MARK.decode()} new"


def test_a_page_is_its_owners_alone_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    keep(OURS, page)
    assert page.read_text("utf-8") == OURS
    assert page.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [page]


def test_a_page_of_ours_is_replaced_and_nothing_else_without_force(tmp_path: Path) -> None:
    page, thesis = tmp_path / "page.html", tmp_path / "thesis.html"
    keep(OURS, page)
    keep(OURS + "er", page)
    assert page.read_text("utf-8").endswith("newer")
    thesis.write_text("four years of work")
    with pytest.raises(UserError, match="no page of ours"):
        keep(OURS, thesis)
    assert thesis.read_text("utf-8") == "four years of work"
    keep(OURS, thesis, force=True)
    assert thesis.read_text("utf-8") == OURS


def test_what_is_no_file_is_never_replaced(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is no file"):
        keep(OURS, tmp_path, force=True)
    with pytest.raises(UserError, match="is no file"):
        keep(OURS, Path("/dev/null"), force=True)
    with pytest.raises(Operational, match="cannot be written"):
        keep(OURS, tmp_path / "nowhere" / "page.html")


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "link.html").symlink_to(tmp_path / "page.html")
    keep(OURS, tmp_path / "link.html")
    assert (tmp_path / "link.html").is_symlink()
    assert (tmp_path / "page.html").read_text("utf-8") == OURS
