"""Debian's Chromium, driven by Playwright: what a person's browser makes of a page, and what axe-core finds in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PROGRAM = shutil.which("chromium")
needs_chromium = pytest.mark.skipif(
    PROGRAM is None or find_spec("playwright") is None or find_spec("axe_playwright_python") is None,
    reason="needs the Debian package chromium, and playwright and axe from requirements/dev.txt",
)


@contextmanager
def chromium() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Chromium's own sandbox wants no root; the page is ours, and is checked to load nothing.
        browser = playwright.chromium.launch(executable_path=PROGRAM, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(
    browser: Browser, file: Path, *, width: int = 1100, scheme: Literal["light", "dark"] = "light"
) -> Iterator[tuple[Page, list[str]]]:
    """The page as it looks in ``width`` pixels, without a network; and what the browser complained of or fetched."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True, java_script_enabled=True
    )
    page = context.new_page()
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text))
    page.on("request", lambda request: None if request.url == file.as_uri() else wrong.append(request.url))
    try:
        page.goto(file.as_uri())
        yield page, wrong
    finally:
        context.close()


def barriers(page: Page) -> list[str]:
    """Everything that axe-core finds against WCAG 2.2 AA and its own best practices."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page)
    return [
        f"{one['id']}: {[node['html'][:200] for node in one['nodes']]}"
        for one in found.response["violations"]
    ]
