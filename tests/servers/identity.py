"""The npm package oidc-provider: a real OpenID Connect provider with its login page, and a person in a browser.

``make packages`` installs it, at the version of ``oidc/package-lock.json``.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
from joserfc.jwk import KeySet, RSAKey

from tests.servers.aimock import NODE, free_port

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "build" / "oidc" / "node_modules" / "oidc-provider" / "lib" / "index.js"
PROGRAM = Path(__file__).parent / "oidc" / "provider.mjs"
SECRET = "s3cret+/"


def new_keys() -> dict[str, Any]:
    return KeySet([RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)]).as_dict(
        private=True
    )  # type: ignore[return-value]


@contextmanager
def provider(
    back: str, groups: dict[str, list[str]], port: int = 0, jwks: dict[str, Any] | None = None
) -> Iterator[int]:
    """Its port. ``back``: where it sends browsers."""
    port = port or free_port()
    asked = {"port": port, "back": back, "groups": groups, "jwks": jwks or new_keys()}
    process = subprocess.Popen(
        [str(NODE), str(PROGRAM), str(PACKAGE), json.dumps(asked)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _wait(port)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def _wait(port: int) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            httpx.get(f"http://127.0.0.1:{port}/.well-known/openid-configuration").raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("oidc-provider did not start within 30 s")


def signs_in(where: str, login: str, back: str) -> str:
    """A person follows ``where``, fills in the provider's pages, and is sent to ``back``: that whole address."""
    with httpx.Client(follow_redirects=False) as browser:
        answer = browser.get(where)
        for _ in range(20):
            if answer.is_redirect:
                to = urljoin(str(answer.request.url), answer.headers["location"])
                if to.startswith(back):
                    return to
                answer = browser.get(to)
                continue
            form = re.search(r'<form[^>]*action="([^"]+)"', answer.text)
            asked = re.search(r'name="prompt" value="(\w+)"', answer.text)
            assert form, answer.text
            assert asked
            filled = {"prompt": asked[1], "login": login, "password": "x"}
            answer = browser.post(urljoin(str(answer.request.url), form[1]), data=filled)
    raise AssertionError("the provider's pages have no end")
