"""Nobody gets in but the claw's own person, in the page itself: one test for each way that somebody else might try."""

from __future__ import annotations

import os
import re
import socket
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlencode

import pytest

from meshclaw.home import keys as keys_
from meshclaw.home.keys import FILE, Keys, Session
from meshclaw.home.page import looked_at, looked_ms
from meshclaw.home.pages.all import PAGES
from meshclaw.home.peer import is_own, owner
from tests.home.stage import Browser, served

PATHS = [path for page in PAGES for path in page.shows if "{" not in path]
CHANGES = [path.replace("{id}", "x").replace("{run}", "x") for page in PAGES for path in page.does]
EXTRA = [
    "/live",
    "/frame",
    "/runs/x/answer",
    "/static/home.css",
    "/static/live.js",
    "/static/icon.svg",
    "/nothing",
]


# -- the token and the session -------------------------------------------------------------


@pytest.mark.parametrize("path", [*PATHS, *EXTRA])
def test_without_a_session_nothing_is_shown(stranger: Browser, path: str) -> None:
    answer = stranger.get(path)
    assert answer.status == 401
    assert "meshclaw up" in answer.words
    assert "Approvals" not in answer.words


@pytest.mark.parametrize("path", CHANGES)
def test_without_a_session_nothing_is_done(stranger: Browser, path: str) -> None:
    origin = {"origin": f"http://127.0.0.1:{stranger.port}"}
    assert stranger.send("POST", path, "csrf=x", origin).status == 401


def test_a_token_opens_the_page_once(stranger: Browser) -> None:
    token = stranger.token
    answer = stranger.sign_in()
    assert answer.status == 200
    assert stranger.get("/").status == 200
    assert stranger.get(f"/?token={token}").status == 401
    assert stranger.token != token


@pytest.mark.parametrize("token", ["", "x", "%00", "é" * 40])
def test_a_wrong_token_opens_nothing_and_uses_none_up(stranger: Browser, token: str) -> None:
    before = stranger.token
    answer = stranger.get("/?" + urlencode({"token": token}))
    assert (answer.status, "set-cookie" in answer.headers) == (401, False)
    assert stranger.token == before


def test_a_browser_that_looks_ahead_uses_no_token_up(stranger: Browser) -> None:
    before = stranger.token
    assert stranger.get(f"/?token={before}", **{"sec-purpose": "prefetch;prerender"}).status == 403
    assert stranger.send("HEAD", f"/?token={before}", None, {}).status == 401
    assert stranger.token == before


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(stranger: Browser) -> None:
    cookie = stranger.sign_in().headers["set-cookie"].lower()
    assert {"httponly", "samesite=strict", "path=/"} <= {part.strip() for part in cookie.split(";")}


def test_who_signed_out_is_out(browser: Browser) -> None:
    assert browser.post("/leave").status == 303
    assert browser.get("/").status == 401


def test_a_session_ends_by_itself(settled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = Keys(settled, stays=True)
    keys.begin(1)
    session = keys.exchange(_token(settled))
    assert session is not None
    assert keys.session(session.cookie) is not None
    now = time.time()
    monkeypatch.setattr(keys_.time, "time", lambda: now + keys_.LASTS_S + 1)
    assert keys.session(session.cookie) is None


def test_sessions_outlive_the_daemon_only_where_connections_have_owners(settled: Path) -> None:
    keys = Keys(settled, stays=True)
    keys.begin(1)
    session = keys.exchange(_token(settled))
    assert session is not None
    assert Keys(settled, stays=True).session(session.cookie) is not None
    assert Keys(settled, stays=False).session(session.cookie) is None


def test_no_more_browsers_than_there_may_be(settled: Path) -> None:
    keys = Keys(settled, stays=True)
    keys.begin(1)
    sessions = [keys.exchange(_token(settled)) for _ in range(keys_.MOST + 3)]
    open_ = [one for one in sessions if one and keys.session(one.cookie)]
    assert open_ == sessions[-keys_.MOST :]


def _token(folder: Path) -> str:
    return Browser(folder, 1).token


def test_secrets_are_in_a_private_file_and_nowhere_else(
    settled: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with served(settled) as browser:
        token = browser.token
        browser.sign_in()
        browser.get(f"/?token={token}")
        browser.submit("/agents", "/stop")
        cookie = browser.cookie.partition("=")[2]
        file = settled / FILE
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert cookie not in file.read_text()  # its digest alone
        secret = (token, cookie, browser.token)
    kept = b"".join(path.read_bytes() for path in settled.rglob("*") if path.is_file() and path != file)
    said = "".join(capfd.readouterr()) + caplog.text
    assert not [one for one in secret if one.encode() in kept or one in said]


def test_a_file_that_others_could_read_counts_for_nothing(settled: Path) -> None:
    keys = Keys(settled, stays=True)
    keys.begin(1)
    session = keys.exchange(_token(settled))
    (settled / FILE).chmod(0o644)
    assert session is not None
    assert Keys(settled, stays=True).session(session.cookie) is None


# -- other users, other names, other sites ---------------------------------------------------


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="only Linux tells whose a connection is")
class TestOtherUsers:
    """A token or a cookie that somebody else got hold of does not help them."""

    SCRIPT = """
import sys, urllib.request, urllib.error
request = urllib.request.Request(sys.argv[1], headers={"cookie": sys.stdin.read()})
try:
    print(urllib.request.urlopen(request, timeout=10).status)
except urllib.error.HTTPError as error:
    print(error.code, error.read().decode())
"""

    def as_user(self, browser: Browser, user: int) -> str:
        words = ["setpriv", f"--reuid={user}", "--clear-groups", sys.executable, "-I", "-c", self.SCRIPT]
        address = f"http://127.0.0.1:{browser.port}/"
        done = subprocess.run(
            [*words, address], check=False, input=browser.cookie, capture_output=True, text=True, cwd="/"
        )
        return done.stdout or done.stderr

    @pytest.mark.skipif(os.getuid() != 0, reason="only root can act as another user")
    def test_another_user_with_the_cookie_is_refused(self, browser: Browser) -> None:
        if "Permission denied" in self.as_user(browser, 65534):
            pytest.skip("other users cannot run this Python")
        assert self.as_user(browser, 0).startswith("200")
        refused = self.as_user(browser, 65534)
        assert refused.startswith("403"), refused
        assert "whoever runs this claw" in refused

    def test_the_kernel_tells_whose_a_connection_is(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            own = server.getsockname()
            with socket.create_connection(own) as client:
                accepted, peer = server.accept()
                with accepted:
                    assert owner(peer, own) == os.getuid()
                    assert is_own(peer, own)
                    assert owner(peer, ("127.0.0.1", 1)) is None
                    assert client.getsockname() == peer
        assert not is_own(("127.0.0.1", 1), own)

    def test_a_connection_by_way_of_an_ipv6_socket_is_found_too(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_INET6) as client:
            own = server.getsockname()
            try:
                client.connect((f"::ffff:{own[0]}", own[1]))
            except OSError:
                pytest.skip("no IPv6 here")
            accepted, peer = server.accept()
            with accepted:
                assert owner(peer, own) == os.getuid()


def test_it_listens_on_loopback_alone(stranger: Browser) -> None:
    others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    for address in others - {"127.0.0.1", "127.0.1.1"}:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((address, stranger.port), timeout=2).close()


@pytest.mark.parametrize(
    "host", ["evil.test", "evil.test:{port}", "127.0.0.1:1", "localhost.evil.test:{port}", "[::1]:{port}", ""]
)  # fmt: skip
def test_a_name_that_only_resolves_to_this_machine_is_refused(browser: Browser, host: str) -> None:
    named = {"host": host.format(port=browser.port)}
    assert browser.get("/", **named).status in (400, 421)
    assert browser.get(f"/?token={browser.token}", **named).status in (400, 421)


def test_it_answers_to_localhost(browser: Browser) -> None:
    assert browser.get("/", host=f"localhost:{browser.port}").status == 200


@pytest.mark.parametrize(
    "origin", [None, "null", "http://evil.test", "https://127.0.0.1:{port}", "http://127.0.0.1:1"]
)
def test_a_form_from_another_site_is_refused(browser: Browser, origin: str | None) -> None:
    headers = {"origin": origin.format(port=browser.port)} if origin else {}
    answer = browser.send("POST", "/stop", urlencode({"csrf": browser.csrf()}), headers)
    assert answer.status == 403
    assert not (browser.folder / "stop").exists()


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none"])
def test_what_a_browser_says_of_its_site_counts(browser: Browser, site: str) -> None:
    headers = {"origin": f"http://127.0.0.1:{browser.port}", "sec-fetch-site": site}
    assert browser.send("POST", "/stop", urlencode({"csrf": browser.csrf()}), headers).status == 403


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("", 403), ("csrf=", 403), ("csrf=x", 403), ("csrf=%C3%A9", 403), ("csrf={good}&csrf={good}", 403),
        ("reason=x", 403), ("{good}", 400), ("csrf={good}&reason=%ff", 400), ("csrf={good}&x=" + "x" * 70_000, 413),
        ("csrf={good}" + "".join(f"&x{at}=1" for at in range(60)), 400), ("csrf={good}", 303),
    ],
)  # fmt: skip
def test_only_a_form_of_this_session_counts(browser: Browser, body: str, status: int) -> None:
    origin = {"origin": f"http://127.0.0.1:{browser.port}"}
    filled = body.replace("{good}", browser.csrf())
    assert browser.send("POST", "/stop", filled, origin).status == status
    assert (browser.folder / "stop").exists() == (status == 303)


def test_a_form_of_another_session_is_refused(browser: Browser) -> None:
    other = Browser(browser.folder, browser.port)
    other.sign_in()
    origin = {"origin": f"http://127.0.0.1:{browser.port}"}
    assert browser.send("POST", "/stop", urlencode({"csrf": other.csrf()}), origin).status == 403


@pytest.mark.parametrize("kind", ["text/plain", "application/json", "multipart/form-data; boundary=x", ""])
def test_only_forms_are_taken(browser: Browser, kind: str) -> None:
    headers = {"origin": f"http://127.0.0.1:{browser.port}", "content-type": kind}
    assert browser.send("POST", "/stop", urlencode({"csrf": browser.csrf()}), headers).status == 415


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
def test_there_is_nothing_but_looking_and_forms(browser: Browser, method: str) -> None:
    assert browser.send(method, "/stop", None, {}).status == 405


@pytest.mark.parametrize("path", CHANGES)
def test_looking_changes_nothing(browser: Browser, path: str) -> None:
    assert browser.get(path).status in (200, 404, 405)
    assert not (browser.folder / "stop").exists()


# -- what a browser is told ------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/nothing", "/static/live.js", "/?token=x"])
def test_every_answer_shuts_the_doors(browser: Browser, path: str) -> None:
    headers = browser.get(path).headers
    csp = dict(part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";"))
    assert csp["default-src"] == csp["base-uri"] == csp["frame-ancestors"] == "'none'"
    assert csp["script-src"] == csp["style-src"] == csp["form-action"] == "'self'"
    assert "unsafe" not in headers["content-security-policy"]
    assert (headers["x-frame-options"], headers["x-content-type-options"]) == ("DENY", "nosniff")
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"
    assert not [name for name in headers if name.startswith("access-control")]
    assert "server" not in headers


@pytest.mark.parametrize("path", PATHS)
def test_a_page_loads_nothing_from_elsewhere_and_holds_no_script_of_its_own(
    browser: Browser, path: str
) -> None:
    text = browser.get(path).text
    led = re.findall(r'\s(?:src|href|action)="([^"]*)"', text)
    assert led
    assert all(one.startswith(("/", "#")) and not one.startswith("//") for one in led)
    assert not re.findall(r"<script(?![^>]*src=)", text)
    assert not re.findall(r"\son\w+=|\sstyle=|javascript:", text)


def test_a_forwarded_address_is_not_believed(browser: Browser) -> None:
    forwarded = {
        "x-forwarded-for": "203.0.113.9",
        "x-forwarded-host": "evil.test",
        "forwarded": "for=203.0.113.9",
    }
    assert browser.get("/", **forwarded).status == 200


# -- what was put before whom ----------------------------------------------------------------


def test_nobody_answers_what_they_were_not_shown() -> None:
    session, other = Session(cookie="a"), Session(cookie="b")
    sealed = looked_at(session, "id", "digest")
    assert looked_ms(session, sealed, "id", "digest") is not None
    assert looked_ms(other, sealed, "id", "digest") is None
    assert looked_ms(session, sealed, "id", "another") is None
    at, _, seal = sealed.partition(".")
    assert looked_ms(session, f"{int(at) - 60_000}.{seal}", "id", "digest") is None
    for forged in ("", ".", "x.y", f"-1.{seal}", f"{'9' * 30}.{seal}", f"²{at}.{seal}"):
        assert looked_ms(session, forged, "id", "digest") is None


def test_how_long_it_stood_there_is_measured() -> None:
    session = Session(cookie="a")
    sealed = looked_at(session, "id")
    threading.Event().wait(0.05)
    assert 50 <= (looked_ms(session, sealed, "id") or 0) < 5_000
