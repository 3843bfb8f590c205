"""Pages in a real browser: nothing is fetched, nothing hangs over on a phone, axe-core finds nothing, keys suffice."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from meshclaw.flow.usage import Tokens, Unread
from meshclaw.pages import code, digest, usage
from tests.agents.triage.test_digest import sample
from tests.pages.test_code import made, of
from tests.pages.test_usage import DAY, HOME, call, seen
from tests.servers.chromium import barriers, chromium, needs_chromium, opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [needs_chromium, pytest.mark.chromium]
TOOLS = ("claude-code", "codex", "gemini-cli", "opencode", "openclaw", "copilot", "kiro")


def many() -> str:
    source = random.Random(7)
    calls = [
        call(
            f"k{at}", at=1_767_225_600_000 + source.randrange(90) * DAY, tool=source.choice(TOOLS),
            model=f"model-{source.randrange(30)}-with-a-name-that-is-far-too-long-for-any-bar",
            branch=source.choice(("", "feat/x", "spike/y", "PAY-311")), did=source.choice(((), ("Edit",), ("Read",))),
            tokens=Tokens(input_uncached=source.randrange(10**6), cache_read=5, output=source.randrange(10**5)),
        )
        for at in range(400)
    ]  # fmt: skip
    unread = [
        Unread(path=f"/home/kim/.x/{'deep/' * at}s.jsonl", line=at, why="malformed") for at in range(30)
    ]
    return usage.page(seen(calls, unread), HOME)


PAGES = {
    "usage": many,
    "nothing used": lambda: usage.page(seen([]), HOME),
    "one call": lambda: usage.page(seen([call("a")]), HOME),
    "code": lambda: code.page(of(made(3), made(4))),
    "digest": lambda: digest.page(sample(approvals=("Send the draft to Kim",))),
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(params=PAGES)
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "page.html"
    path.write_text(PAGES[request.param](), "utf-8")
    return path


@pytest.mark.parametrize(("width", "scheme"), [(400, "dark"), (1100, "light")])
def test_a_page_has_no_barriers_fetches_nothing_and_fits(
    browser: Browser, file: Path, width: int, scheme
) -> None:
    with opened(browser, file, width=width, scheme=scheme) as (page, wrong):
        for details in page.query_selector_all("details"):
            details.evaluate("one => { one.open = true }")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert barriers(page) == []
        assert wrong == []


def test_the_browser_notices_what_is_fetched_and_axe_what_is_in_the_way(
    browser: Browser, tmp_path: Path
) -> None:
    file = tmp_path / "page.html"
    file.write_text(many().replace("<h1>", '<img src="x.png"><h1 style="color: #eee">'), "utf-8")
    with opened(browser, file) as (page, wrong):
        assert any("image-alt" in one for one in barriers(page))
        assert any("Content Security Policy" in one for one in wrong)


def test_everything_opens_by_keyboard_alone(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(many(), "utf-8")
    with opened(browser, file) as (page, _):
        count = len(page.query_selector_all("details"))
        opened_ = 0
        for _ in range(6 * count):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.tagName") == "SUMMARY":
                page.keyboard.press("Enter")
                opened_ += 1
            if opened_ == count:
                break
        assert page.evaluate("document.querySelectorAll('details:not([open])').length") == 0


def test_patterns_and_labels_are_drawn_where_the_numbers_say(browser: Browser, tmp_path: Path) -> None:
    """The plot as it is laid out: columns inside of it, on its base line, as high as the page says."""
    file = tmp_path / "page.html"
    file.write_text(usage.page(seen([call("a"), call("b", at=1_775_044_800_000 + 5 * DAY)]), HOME), "utf-8")
    with opened(browser, file) as (page, _):
        boxes = page.evaluate(
            "[...document.querySelectorAll('.column .tone1')].slice(0, 2).map(one => one.getBoundingClientRect())"
        )
        plot = page.evaluate("document.querySelector('.plot .base').getBoundingClientRect()")
        assert boxes[0]["height"] == boxes[1]["height"] > 100
        assert all(box["bottom"] == pytest.approx(plot["y"], abs=1) for box in boxes)
        assert all(plot["left"] <= box["left"] < box["right"] <= plot["right"] for box in boxes)
        fill = page.evaluate("getComputedStyle(document.querySelector('.tone1')).fill")
        assert fill == "rgb(47, 116, 208)"
