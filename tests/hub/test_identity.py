"""People sign in at a real OpenID Connect provider; what is not theirs, old or forged is refused."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from meshclaw.errors import NotFound, NotReachable, Refused, SignInNeeded, UserError
from meshclaw.hub import identity as identity_
from meshclaw.hub import roster
from meshclaw.hub.app import app
from meshclaw.hub.hub import Hub
from meshclaw.hub.identity import Identity, Provider, put
from meshclaw.hub.people import Who
from meshclaw.hub.sessions import GRACE_S, IDLE_S, ROTATED_S, WHOLE_S
from meshclaw.hub.store.database import writing

jose = pytest.importorskip("joserfc")
servers = pytest.importorskip("tests.servers.identity")
starlette = pytest.importorskip("starlette.testclient")
real = pytest.mark.skipif(
    not servers.PACKAGE.exists(), reason="oidc-provider is not installed: make packages"
)
HOME = "http://127.0.0.1:9"
GROUPS = {"kim": ["sec", "other"]}
ROLES = {"sec": "security", "fin": "finance"}


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with Hub.make(tmp_path / "hub", "Example") as hub:
        with writing(hub.engine) as connection:
            roster.put_unit(connection, "sales", "Sales")
            for one in ("kim", "ada", "eve"):
                roster.put_person(connection, one, name=one, unit="sales", email=f"{one.title()}@example.com")
        yield hub


def configured(hub: Hub, port: int, **more: Any) -> Identity:
    whole = {
        "issuer": f"http://127.0.0.1:{port}", "client": "hub", "secret": servers.SECRET, "home": HOME, "roles": ROLES,
    }  # fmt: skip
    put(hub.engine, Provider(**{**whole, **more}))
    return hub.identity


@pytest.fixture
def identity(hub: Hub) -> Iterator[Identity]:
    with servers.provider(f"{HOME}/sign-in/done", GROUPS) as port:
        yield configured(hub, port)


def back(identity: Identity, login: str, where: str) -> tuple[str, str]:
    """State and code, as the browser brings them."""
    asked = parse_qs(urlsplit(servers.signs_in(where, login, identity.back)).query)
    return asked["state"][0], asked["code"][0]


def signed_in(identity: Identity, login: str) -> Who:
    where, kept = identity.begin()
    return identity.end(kept, *back(identity, login, where))


@real
def test_a_person_of_the_roster_signs_in_with_the_roles_of_their_claim(identity: Identity) -> None:
    assert signed_in(identity, "kim") == Who(person="kim", roles=frozenset({"employee", "security"}))
    assert signed_in(identity, "ada") == Who(person="ada", roles=frozenset({"employee"}))


@real
@pytest.mark.parametrize(("login", "told"), [("mallory", "roster"), ("eve", "verified")])
def test_who_is_not_in_the_roster_or_not_verified_is_refused(
    identity: Identity, login: str, told: str
) -> None:
    with pytest.raises(Refused, match=told):
        signed_in(identity, login)


@real
def test_a_code_is_good_for_who_began_and_once(identity: Identity) -> None:
    where, kept = identity.begin()
    state, code = back(identity, "kim", where)
    _, other = identity.begin()
    for wrong, with_ in ((other, state), (kept, "x"), (kept + "x", state), ("", state), ("a.b", state)):
        with pytest.raises(Refused, match="not begun here"):
            identity.end(wrong, with_, code)
    assert identity.end(kept, state, code).person == "kim"
    with pytest.raises(Refused, match="says no"):
        identity.end(kept, state, code)


@real
def test_another_one_s_code_under_one_s_own_sign_in_is_refused(identity: Identity) -> None:
    """PKCE: the code belongs to the verifier of the browser that began."""
    where, _ = identity.begin()
    _, stolen = back(identity, "ada", where)
    _, kept = identity.begin()
    state = identity._opened(kept).state  # type: ignore[union-attr]
    with pytest.raises(Refused, match="says no"):
        identity.end(kept, state, stolen)


@real
def test_it_takes_too_long(identity: Identity, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity_, "BEGUN_S", -1)
    with pytest.raises(Refused, match="too long ago"):
        signed_in(identity, "kim")


@real
def test_the_provider_s_new_key_is_found_and_one_that_is_nobody_s_is_refused(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity_, "AGAIN_S", 0.0)
    asked: list[str] = []
    ask = identity_._ask
    monkeypatch.setattr(identity_, "_ask", lambda url, *more: asked.append(url) or ask(url, *more))
    with servers.provider(f"{HOME}/sign-in/done", GROUPS) as port:
        identity = configured(hub, port)
        assert signed_in(identity, "kim").person == "kim"
    with servers.provider(f"{HOME}/sign-in/done", GROUPS, port):  # with a key of its own
        assert signed_in(identity, "kim").person == "kim"
        assert sum(url.endswith("/jwks") for url in asked) == 2
        with pytest.raises(Refused, match="cannot be believed"):
            identity._claims(forged(identity, servers.new_keys()["keys"][0], {}), "n")
        assert sum(url.endswith("/jwks") for url in asked) == 3
    with pytest.raises(NotReachable, match="does not answer"):
        identity._exchange("x", "y")


def forged(identity: Identity, key: dict[str, Any], more: dict[str, Any], alg: str = "RS256") -> str:
    from joserfc import jwt
    from joserfc.jwk import RSAKey

    now = int(time.time())
    claims = {
        "iss": identity.provider.issuer,
        "aud": "hub",
        "nonce": "n",
        "sub": "kim",
        "exp": now + 60,
        "iat": now,
        **more,
    }
    return jwt.encode({"alg": alg, "kid": key["kid"]}, claims, RSAKey.import_key(key))


@pytest.mark.parametrize(
    "more",
    [
        {"iss": "https://elsewhere.example"}, {"aud": "another"}, {"nonce": "old"}, {"exp": 1}, {"exp": None},
        {"aud": ["hub", "another"]}, {"azp": "another"}, {"nbf": 2**33},
    ],
)  # fmt: skip
def test_a_token_that_is_not_for_us_now_is_refused(hub: Hub, more: dict[str, Any]) -> None:
    from joserfc.jwk import KeySet

    identity, keys = configured(hub, 1), servers.new_keys()
    identity._keys = KeySet.import_key_set(keys)
    assert identity._claims(forged(identity, keys["keys"][0], {}), "n")["sub"] == "kim"
    with pytest.raises(Refused):
        identity._claims(forged(identity, keys["keys"][0], more), "n")


def test_a_token_without_a_signature_or_with_a_shared_secret_is_refused(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    from joserfc import jwt
    from joserfc.jwk import KeySet, OctKey

    identity, keys = configured(hub, 1), KeySet.import_key_set(servers.new_keys())
    monkeypatch.setattr(Identity, "_key_set", lambda _, **__: keys)
    claims = {
        "iss": identity.provider.issuer,
        "aud": "hub",
        "nonce": "n",
        "sub": "kim",
        "exp": int(time.time()) + 60,
    }
    shared = jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(b"0" * 32))
    head, body, _ = shared.split(".")
    for token in (shared, f"eyJhbGciOiJub25lIn0.{body}.", f"{head}.{body}", "", "a.b.c", "x"):
        with pytest.raises(Refused):
            identity._claims(token, "n")


@pytest.mark.parametrize("url", ["http://idp.example.com", "ftp://idp.example.com", "idp", "https://"])
def test_a_provider_in_the_open_is_refused(hub: Hub, url: str) -> None:
    for more in ({"issuer": url}, {"home": url}):
        with pytest.raises(UserError):
            configured(hub, 1, **more)


def test_without_a_provider_nobody_signs_in(hub: Hub) -> None:
    with pytest.raises(NotFound):
        _ = hub.identity
    assert starlette.TestClient(app(hub)).get("/sign-in").status_code == 404


# -- in the browser ----------------------------------------------------------------------


@real
def test_a_browser_signs_in_gets_a_code_and_signs_out(hub: Hub, identity: Identity) -> None:
    browser = starlette.TestClient(app(hub), base_url=HOME, follow_redirects=False)
    begun = browser.get("/sign-in")
    assert (begun.status_code, "httponly" in begun.headers["set-cookie"].lower()) == (302, True)
    done = browser.get(servers.signs_in(begun.headers["location"], "kim", identity.back))
    cookie = next(one for one in done.headers.get_list("set-cookie") if one.startswith("meshclaw="))
    assert all(word in cookie.lower() for word in ("httponly", "samesite=lax", "max-age="))
    me = browser.get("/v1/me").json()
    assert (me["person"], sorted(me["roles"])) == ("kim", ["employee", "security"])
    assert browser.post("/v1/codes").status_code == 403
    code = browser.post("/v1/codes", headers={"MeshClaw-CSRF": me["csrf"]}).json()["code"]
    with writing(hub.engine) as connection:
        device, _ = roster.enrol(connection, code.partition(".")[0], bytes(32))
    assert device.person == "kim"
    assert [one["id"] for one in browser.get("/v1/devices").json()] == [device.id]
    assert browser.post("/sign-out", headers={"MeshClaw-CSRF": me["csrf"]}).status_code == 204
    browser.cookies.clear()
    assert browser.get("/v1/me").status_code == 401


# -- sessions ----------------------------------------------------------------------------

KIM = Who(person="kim", roles=frozenset({"employee"}))


def ended(call: Any, *values: Any) -> bool:
    try:
        call(*values)
    except SignInNeeded:
        return True
    return False


def test_a_session_ends_idle_and_in_any_case(hub: Hub) -> None:
    sessions = hub.sessions
    token = sessions.begin(KIM, 1_000).token
    assert sessions.find(token, 1_000 + ROTATED_S - 1).token == token
    assert ended(sessions.find, token, 1_000 + ROTATED_S + IDLE_S)
    assert ended(sessions.find, "nobody's", 1_000)
    at, token = 1_000, sessions.begin(KIM, 1_000).token
    while at + 600 <= 1_000 + WHOLE_S:
        at += 600
        token = sessions.find(token, at).token
    assert ended(sessions.find, token, 1_000 + WHOLE_S + 1)


def test_a_token_is_exchanged_and_the_old_one_soon_worth_nothing(hub: Hub) -> None:
    old = hub.sessions.begin(KIM, 1_000)
    new = hub.sessions.find(old.token, 1_000 + ROTATED_S)
    assert (new.token != old.token, new.csrf == old.csrf, new.who) == (True, True, KIM)
    assert hub.sessions.find(old.token, 1_000 + ROTATED_S + GRACE_S).token == old.token
    assert ended(hub.sessions.find, old.token, 1_000 + ROTATED_S + GRACE_S + 1)
    assert hub.sessions.find(new.token, 1_000 + ROTATED_S + GRACE_S + 1).who == KIM


def test_who_leaves_is_signed_out_at_once(hub: Hub) -> None:
    token = hub.sessions.begin(KIM).token
    with writing(hub.engine) as connection:
        roster.put_person(connection, "kim", name="Kim", unit="sales", active=False)
    assert ended(hub.sessions.find, token)
