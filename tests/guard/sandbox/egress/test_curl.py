"""The proxy as curl meets it."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from meshclaw.guard.sandbox.egress.rules import Rule
from tests.guard.sandbox.egress.way import (
    GOOD,
    Way,
    narrowed,
    proxy,
)
from tests.servers import web
from tests.servers.web import Web

needs_curl = pytest.mark.skipif(not shutil.which("curl"), reason="needs curl (apt install curl)")


def curl(way: Way, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["curl", "-sS", "--max-time", "10", "--proxy", f"http://127.0.0.1:{way.port}", *arguments],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@needs_curl
@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/", "http://0x7f000001/", "http://2130706433/", "http://[::1]/",
        "http://[::ffff:169.254.169.254]/", "http://localhost/", "http://good.example@evil.example/",
        "https://169.254.169.254/", "https://localhost/", "http://127.1/", "http://good.example.evil.example/",
    ],
)  # fmt: skip
def test_curl_gets_nowhere_but_to_the_list(url: str) -> None:
    with proxy(Rule(host=GOOD, port=80), Rule(host=GOOD)) as way:
        result = curl(way, "-o", "/dev/null", "-w", "%{http_code} %{http_connect}", url)
        assert "403" in result.stdout, (result.stdout, result.stderr)
        assert len(way.egress.refused) == 1


@needs_curl
def test_curl_follows_no_redirect_out_of_the_list(plain: Web) -> None:
    plain.answers["/go"] = web.answer(b"", status="307 Temporary", more="Location: http://10.0.0.7/\r\n")
    with proxy(Rule(host=GOOD, port=plain.port)) as way:
        result = curl(way, "-L", "-o", "/dev/null", "-w", "%{http_code}", f"http://{GOOD}:{plain.port}/go")
        assert result.stdout == "403"
        assert way.rule() == "egress.host"


@needs_curl
def test_curl_uploads_more_than_a_packet(plain: Web, tmp_path: Path) -> None:
    """With ``Expect: 100-continue``, which curl sends from a megabyte on."""
    big = tmp_path / "big"
    big.write_bytes(bytes(range(256)) * 8192)
    plain.answers["/up"] = web.answer(b"kept")
    with proxy(Rule(host=GOOD, port=plain.port)) as way:
        result = curl(way, "--data-binary", f"@{big}", f"http://{GOOD}:{plain.port}/up")
        assert result.stdout == "kept", result.stderr
    assert plain.requests[0].endswith(big.read_bytes())


@needs_curl
def test_curl_trusts_the_run_s_own_authority_where_requests_are_read(
    secure: Web, trusting: ssl.SSLContext, tmp_path: Path
) -> None:
    with proxy(narrowed(secure.port), upstream=trusting) as way:
        (tmp_path / "ca.pem").write_bytes(way.egress.certificates())
        for path, said in (("/repos/ours/x", "200"), ("/user", "403")):
            result = curl(
                way, "--cacert", str(tmp_path / "ca.pem"), "-o", "/dev/null", "-w", "%{http_code}",
                f"https://{GOOD}:{secure.port}{path}",
            )  # fmt: skip
            assert result.stdout == said, result.stderr
