"""Leaving a list: one POST (RFC 8058), nowhere private, no redirect, and honest when the answer is lost."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import trustme

from meshclaw.connectors.mail.unsubscribe import one_click
from meshclaw.errors import NotReachable, Refused, Uncertain


class ListServer:
    def __init__(self) -> None:
        self.status, self.hang_up, self.location = 200, False, ""
        self.posts: list[tuple[str, bytes, dict[str, str]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.posts.append((self.path, body, dict(self.headers)))
                if outer.hang_up:
                    self.close_connection = True
                    return
                self.send_response(outer.status)
                if outer.location:
                    self.send_header("Location", outer.location)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Quiet."""

        authority = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(context)
        self.trust = ssl.create_default_context()
        authority.configure_trust(self.trust)
        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://localhost:{self._server.server_port}/leave?who=ada"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[ListServer]:
    server = ListServer()
    yield server
    server.stop()


def test_one_post_with_the_one_click_body_and_nothing_about_the_person(server: ListServer) -> None:
    one_click(server.url, tls=server.trust, private_hosts=True)
    [(path, body, headers)] = server.posts
    assert (path, body) == ("/leave?who=ada", b"List-Unsubscribe=One-Click")
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert not {"Cookie", "Authorization", "Referer", "User-Agent"} & set(headers)


def test_a_private_address_is_refused_before_anything_is_sent(server: ListServer) -> None:
    with pytest.raises(Refused, match="private network"):
        one_click(server.url, tls=server.trust)
    assert server.posts == []


@pytest.mark.parametrize(
    "url",
    [
        "https://169.254.169.254/latest", "https://[::1]/x", "https://127.0.0.1/x", "https://10.0.0.1/x",
        "https://[::ffff:169.254.169.254]/x", "https://2130706433/x", "https://0x7f000001/x",
    ],
)  # fmt: skip
def test_no_spelling_of_a_private_address_gets_through(url: str) -> None:
    with pytest.raises((Refused, NotReachable)):
        one_click(url)


@pytest.mark.parametrize(
    "url", ["http://list.test/x", "mailto:x@list.test", "https://user:pass@list.test/", "https://"]
)
def test_anything_but_plain_https_is_refused(url: str) -> None:
    with pytest.raises(Refused, match="not plain https"):
        one_click(url)


def test_a_redirect_is_not_followed(server: ListServer) -> None:
    server.status, server.location = 302, server.url + "&again"
    with pytest.raises(Refused, match="status 302"):
        one_click(server.url, tls=server.trust, private_hosts=True)
    assert len(server.posts) == 1


def test_a_no_is_told(server: ListServer) -> None:
    server.status = 500
    with pytest.raises(Refused, match="status 500"):
        one_click(server.url, tls=server.trust, private_hosts=True)


def test_a_lost_answer_is_uncertain(server: ListServer) -> None:
    server.hang_up = True
    with pytest.raises(Uncertain, match="never answered"):
        one_click(server.url, tls=server.trust, private_hosts=True)
    assert len(server.posts) == 1


def test_a_certificate_nobody_vouches_for_stops_it(server: ListServer) -> None:
    with pytest.raises(NotReachable, match="does not answer"):
        one_click(server.url, private_hosts=True)
    assert server.posts == []
