"""The page in a real browser: steps appear while they happen, answers are given, and the daemon's end is told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from meshclaw.cli.up import OPENS
from meshclaw.daemon import alone
from meshclaw.home import keys
from meshclaw.home.pages.all import PAGES
from tests.home.stage import ASKED, Browser, drafts_and_sends, says, settle, triage, until
from tests.servers.chromium import barriers, chromium, needs_chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser as Chromium
    from playwright.sync_api import Page

pytestmark = [needs_chromium, pytest.mark.chromium]


@pytest.fixture(scope="module")
def program() -> Iterator[Chromium]:
    with chromium() as found:
        yield found


class Window:
    """One window that is signed in, as a person's; ``wrong`` is what the browser complained of or fetched elsewhere."""

    def __init__(
        self, program: Chromium, url: str, *, width: int = 1200,
        scheme: Literal["light", "dark"] = "light", scripts: bool = True,
    ) -> None:  # fmt: skip
        self.context = program.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=scripts
        )
        self.page: Page = self.context.new_page()
        self.wrong: list[str] = []
        self.home = url.partition("?")[0]
        self.page.on("console", lambda message: self.wrong.append(message.text))
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on(
            "request", lambda one: None if one.url.startswith(self.home) else self.wrong.append(one.url)
        )
        self.page.goto(url)
        self.page.wait_for_url(self.home)

    def goto(self, path: str) -> Page:
        self.page.goto(self.home + path.lstrip("/"))
        return self.page


@pytest.fixture
def window(program: Chromium, stranger: Browser) -> Iterator[Window]:
    opened = Window(program, f"http://127.0.0.1:{stranger.port}/?token={stranger.token}")
    yield opened
    opened.context.close()


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1200, "light")])
def test_no_page_has_barriers_or_hangs_over(
    program: Chromium, browser: Browser, settled: Path, monkeypatch: pytest.MonkeyPatch, *, width: int,
    scheme: Literal["light", "dark"],
) -> None:  # fmt: skip
    run = triage(settled)
    says(monkeypatch, *drafts_and_sends())
    asked = browser.post("/ask", words=ASKED).headers["location"]
    until(lambda: "Answer" in browser.get(asked).words)
    link = browser.get("/approvals").text.partition('href="/approvals/')[2].partition('"')[0]
    paths = [page.path for page in PAGES]
    paths += [f"/runs/{run}", asked, f"/approvals/{link}", "/agents/claw", "/spend/tools"]
    shown = Window(
        program, f"http://127.0.0.1:{browser.port}/?token={browser.token}", width=width, scheme=scheme
    )
    for path in paths:
        page = shown.goto(path)
        for details in page.query_selector_all("details"):
            details.evaluate("one => { one.open = true }")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert barriers(page) == [], path
    assert shown.wrong == []
    shown.context.close()


def test_a_token_leads_in_from_a_file_and_is_gone_from_the_address(
    program: Chromium, stranger: Browser, tmp_path: Path
) -> None:
    """As ``meshclaw up`` opens it: a page from elsewhere, behind which a strict cookie is not sent at once."""
    file = tmp_path / OPENS
    url = keys.url(stranger.folder, f"http://127.0.0.1:{stranger.port}/")
    file.write_text(f'<!doctype html><meta http-equiv="refresh" content="0; url={url}">')
    context = program.new_context()
    page = context.new_page()
    page.goto(file.as_uri())
    page.wait_for_url(f"http://127.0.0.1:{stranger.port}/")
    page.wait_for_selector("h1")
    assert page.inner_text("h1") == "Nothing needs you"
    assert page.evaluate("document.cookie") == ""
    context.close()


@pytest.fixture
def elsewhere(browser: Browser) -> Iterator[str]:
    """A page of another server of this machine: the same site to a browser."""
    ours = f"http://127.0.0.1:{browser.port}/"

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = f'<iframe src="{ours}"></iframe><form method="post" action="{ours}stop"><button>x</button></form>'
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_another_page_can_neither_frame_it_nor_post_to_it(
    window: Window, browser: Browser, elsewhere: str
) -> None:
    page = window.page
    page.goto(elsewhere)
    assert any("frame-ancestors" in one for one in window.wrong), window.wrong
    page.click("button")
    page.wait_for_selector("text=This came from another site.")
    page.goto(elsewhere)
    fetched = "url => fetch(url, {credentials: 'include'}).then(() => 'read', () => 'refused')"
    assert page.evaluate(fetched, window.home) == "refused"
    assert not (browser.folder / "stop").exists()


def test_what_others_do_appears_by_itself(window: Window, settled: Path) -> None:
    page = window.goto("/")
    assert page.inner_text("h1") == "Nothing needs you"
    triage(settled)
    page.wait_for_selector("h1 >> text=10 mails for you")
    assert page.inner_text("nav .badge").startswith("1")
    assert window.wrong == []


def test_a_page_that_does_not_change_keeps_its_place_in_the_menu(window: Window, settled: Path) -> None:
    page = window.goto("/health")
    triage(settled)
    page.wait_for_selector("nav .badge")
    assert page.inner_text("nav [aria-current]") == "Health"
    assert page.inner_text("h1") == "Health"


def test_what_is_typed_is_left_alone(window: Window, settled: Path) -> None:
    page = window.goto("/ask")
    page.fill("textarea", "half a sentence")
    triage(settled)
    page.wait_for_selector("nav .badge")
    assert page.input_value("textarea") == "half a sentence"


def test_steps_and_the_answer_appear_while_the_run_goes_on(
    window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    drafted, *rest = drafts_and_sends()

    def waits(_: object) -> object:
        go_on.wait(20)
        return rest[0]

    says(monkeypatch, drafted, waits, *rest[1:])
    page = window.goto("/ask")
    page.fill("textarea", ASKED)
    page.click("form.ask button")
    page.wait_for_selector(".steps >> text=I will draft it first.")
    page.wait_for_selector("[data-stream]:has-text('I will draft it first.')")
    page.wait_for_selector(".deeds >> text=mail.draft")
    assert page.query_selector(".deeds >> text=mail.send") is None
    page.click("summary >> text=mail.draft")
    go_on.set()
    page.wait_for_selector(".answer >> text=The mail is drafted.")
    assert page.is_hidden("[data-stream]")
    assert page.inner_text("details[open] summary").strip() == "mail.draft"
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    assert page.inner_text("nav .badge").startswith("1")
    assert window.wrong == []


def test_an_approval_is_read_and_answered_by_keyboard_alone(
    window: Window, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    says(monkeypatch, *drafts_and_sends())
    page = window.goto("/ask")
    page.fill("textarea", ASKED)
    page.click("form.ask button")
    page.click(".deeds >> text=Answer")
    page.wait_for_load_state()
    assert "kim@partner.test" in page.inner_text(".slip.at-desk")
    assert page.is_hidden(".slip.on-phone")
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.innerText") == "Deny":
            break
    page.keyboard.press("Enter")
    page.wait_for_selector("[role=status] >> text=Denied; it will not happen.")
    assert page.query_selector("nav .badge") is None
    assert window.wrong == []


def test_a_card_that_is_answered_elsewhere_says_so_by_itself(
    window: Window, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    says(monkeypatch, *drafts_and_sends())
    browser.post("/ask", words=ASKED)
    until(lambda: "kim@partner.test" in browser.get("/approvals").words)
    id_ = browser.get("/approvals").text.partition('href="/approvals/')[2].partition('"')[0]
    page = window.goto(f"/approvals/{id_}")
    looked = page.get_attribute("input[name=looked]", "value")
    window.context.new_page().goto(f"{window.home}stop")  # anything that leads to a look anew
    browser.post("/stop")
    page.wait_for_selector("text=Let it go on")
    assert page.get_attribute("input[name=looked]", "value") == looked
    browser.submit(f"/approvals/{id_}", f"/approvals/{id_}/deny")
    page.wait_for_selector("text=This can no longer be answered.")
    assert page.query_selector("button.yes") is None


def test_everything_works_without_scripts(
    program: Chromium, stranger: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    says(monkeypatch, *drafts_and_sends())
    window = Window(program, f"http://127.0.0.1:{stranger.port}/?token={stranger.token}", scripts=False)
    page = window.goto("/ask")
    page.fill("textarea", ASKED)
    page.click("form.ask button")
    for _ in range(50):
        page.reload()
        if page.query_selector("text=Answer >> nth=0") and page.query_selector(".deeds a"):
            break
    page.click(".deeds a")
    page.click("text=Deny")
    assert "Denied; it will not happen." in page.inner_text("main")
    page.click("text=Stop everything")
    assert "Let it go on" in page.inner_text("body")
    window.context.close()


def test_a_page_whose_daemon_was_killed_says_so_and_comes_back_with_it(program: Chromium, home: Path) -> None:
    settle(home)
    environment = {**os.environ, "MESHCLAW_HOME": str(home)}

    def is_ready(pid: int) -> bool:
        known = alone.told(home)
        return known is not None and known.pid == pid and known.services["page"].state == "ready"

    def start() -> subprocess.Popen[bytes]:
        words = [sys.executable, "-m", "meshclaw", "daemon", "run"]
        process = subprocess.Popen(words, env=environment, stderr=subprocess.DEVNULL)
        until(lambda: is_ready(process.pid), 20)
        return process

    first = start()
    try:
        known = alone.told(home)
        assert known is not None
        window = Window(program, keys.url(home, known.page))
        page = window.goto("/")
        page.wait_for_selector("h1 >> text=for you")
        assert page.is_hidden("#gone")
        first.send_signal(signal.SIGKILL)
        first.wait()
        page.wait_for_selector("#gone", state="visible")
        assert "meshclaw up" in page.inner_text("#gone")
        second = start()
        try:
            page.wait_for_selector("#gone", state="hidden", timeout=20_000)
            page.click("text=Runs")
            assert "mail.triage" in page.inner_text("main")
        finally:
            second.terminate()
            second.wait()
        window.context.close()
    finally:
        first.kill()
        first.wait()
