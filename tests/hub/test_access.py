"""Every route and everybody who may come to it: the table says who may; here it is tried, all with all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from meshclaw.flow.mesh import DEVICE, SIGNATURE
from meshclaw.hub import roster
from meshclaw.hub.app import app, routes
from meshclaw.hub.hub import Hub
from meshclaw.hub.people import ROLES, Role, Who
from meshclaw.hub.sessions import Session
from meshclaw.hub.store.database import reading, writing
from tests.hub.test_ingest import Claw, code

starlette = pytest.importorskip("starlette.testclient")

WHO: dict[tuple[str, str], set[str]] = {
    ("GET", "/healthz"): {"anybody"}, ("GET", "/readyz"): {"anybody"}, ("POST", "/v1/enrol"): {"anybody"},
    ("GET", "/sign-in"): {"anybody"}, ("GET", "/sign-in/done"): {"anybody"},
    ("POST", "/v1/facts"): {"device"}, ("GET", "/v1/position"): {"device"}, ("GET", "/v1/policy"): {"device"},
    ("POST", "/v1/applied"): {"device"}, ("POST", "/v1/lease"): {"device"},
    ("POST", "/sign-out"): set(ROLES), ("GET", "/v1/me"): set(ROLES), ("POST", "/v1/codes"): set(ROLES),
    ("GET", "/v1/devices"): set(ROLES), ("POST", "/v1/devices/{device}/revoke"): set(ROLES),
    ("GET", "/v1/policy/status"): {"security", "admin", "representative"},
    ("POST", "/v1/stop"): {"security", "admin"},
    ("GET", "/v1/budgets"): {"finance", "admin", "representative"}, ("POST", "/v1/budgets"): {"finance"},
}  # fmt: skip
"""As a person who reads the decisions would write it down, not as the code has it."""
ASKERS = ("nobody", "device", "revoked", *ROLES)


def test_every_route_is_in_the_table(hub: Hub) -> None:
    assert {(one.method, one.path) for one in routes(hub)} == set(WHO)


class Tried:
    def __init__(self, hub: Hub, folder: Path) -> None:
        self.hub = hub
        self.claw, self.gone = Claw(hub, folder / "good"), Claw(hub, folder / "gone")
        for one in (self.claw, self.gone):
            assert one.enrol(code(hub)).status_code == 201
        with writing(hub.engine) as connection:
            roster.revoke(connection, device=self.gone.key.id)
        self.browser = starlette.TestClient(app(hub), follow_redirects=False, raise_server_exceptions=False)

    def session(self, role: Role) -> Session:
        return self.hub.sessions.begin(Who(person="kim", roles=frozenset({"employee", role})))

    def ask(self, method: str, path: str, asker: str, *, csrf: bool = True) -> int:
        headers: dict[str, str] = {}
        if asker in ("device", "revoked"):
            key = (self.claw if asker == "device" else self.gone).key
            headers = {DEVICE: key.id, SIGNATURE: key.sign(f"{method} {path}\n".encode()).hex()}
        elif asker != "nobody":
            session = self.session(asker)  # type: ignore[arg-type]
            headers = {"Cookie": f"__Host-meshclaw={session.token}"} | (
                {"MeshClaw-CSRF": session.csrf} if csrf else {}
            )
        return self.browser.request(method, path, headers=headers).status_code


@pytest.fixture
def tried(hub: Hub, tmp_path: Path) -> Tried:
    return Tried(hub, tmp_path)


@pytest.mark.parametrize("asker", ASKERS)
def test_who_may_what(tried: Tried, asker: str) -> None:
    for (method, path), who in WHO.items():
        status = tried.ask(method, path.replace("{device}", "f" * 16), asker)
        may = bool(who & {asker, "anybody"})
        if path in ("/v1/enrol", "/sign-in", "/sign-in/done"):
            assert status in (400, 403, 404), (method, path)  # of the code, and of a hub without a provider
        elif may:
            assert status in (200, 201, 204, 400, 404), (
                method,
                path,
                status,
            )  # let in; a body may be missing
        elif who == {"device"}:
            assert status == 403, (method, path, status)
        else:
            assert status == (403 if asker in ROLES else 401), (method, path, status)


@pytest.mark.parametrize("role", ROLES)
def test_what_changes_something_needs_more_than_the_cookie(tried: Tried, role: str) -> None:
    for (method, path), who in WHO.items():
        if role in who and method != "GET":
            assert tried.ask(method, path, role, csrf=False) == 403, path


@pytest.mark.parametrize("cookie", ["", "x", "\x00", "a" * 5_000, "__Host-meshclaw=x; __Host-meshclaw=y"])
def test_a_cookie_that_is_none_signs_nobody_in(tried: Tried, cookie: str) -> None:
    answer = tried.browser.get("/v1/me", headers={"Cookie": f"__Host-meshclaw={cookie}"})
    assert (answer.status_code, answer.json()["error"]) == (401, "sign_in_needed")


def test_one_person_cannot_see_or_revoke_another_s_devices(tried: Tried) -> None:
    with writing(tried.hub.engine) as connection:
        roster.put_person(connection, "ada", name="Ada", unit="law")
    for roles in (frozenset({"employee"}), frozenset(ROLES)):
        session = tried.hub.sessions.begin(Who(person="ada", roles=roles))  # type: ignore[arg-type]
        headers = {"Cookie": f"__Host-meshclaw={session.token}", "MeshClaw-CSRF": session.csrf}
        assert tried.browser.get("/v1/devices", headers=headers).json() == []
        refused = tried.browser.post(f"/v1/devices/{tried.claw.key.id}/revoke", headers=headers)
        assert refused.status_code == 404
    with reading(tried.hub.engine) as connection:
        device = roster.find_device(connection, tried.claw.key.id)
    assert device is not None
    assert not device.revoked


def test_what_roles_change_is_changed(tried: Tried) -> None:
    def post(role: Role, path: str, body: Any) -> int:
        session = tried.session(role)
        headers = {"Cookie": f"__Host-meshclaw={session.token}", "MeshClaw-CSRF": session.csrf}
        return tried.browser.post(path, headers=headers, json=body).status_code

    assert post("finance", "/v1/budgets", {"unit": "sales", "day": 5}) == 204
    assert [one.budget.day for one in tried.hub.leases.standing()] == [5]
    assert post("finance", "/v1/budgets", {"unit": "sales", "day": -5}) == 400
    assert post("security", "/v1/stop", {"reason": "a leak"}) == 200
    stopped = tried.hub.policies.current("all")
    assert stopped is not None
    assert (stopped.stopped, stopped.reason) == (True, "a leak")
    assert post("security", "/v1/stop", {"reason": "x" * 501}) == 400
    assert post("admin", "/v1/stop", {"lift": True}) == 200
    assert post("admin", "/v1/stop", {"lift": True}) == 400
    assert post("employee", f"/v1/devices/{tried.claw.key.id}/revoke", {}) == 204
    assert tried.ask("GET", "/v1/position", "revoked") == 403


def test_the_cookie_is_for_this_host_over_tls_and_no_script(hub: Hub) -> None:
    """Where no provider says otherwise, the hub is behind TLS."""
    session = hub.sessions.begin(Who(person="kim", roles=frozenset({"employee"})), now=None)
    from starlette.responses import Response

    from meshclaw.hub.api.people import People

    answer = Response()
    People(hub)._keep(answer, session)
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith("__host-meshclaw=")
    assert all(word in cookie for word in ("secure", "httponly", "samesite=lax", "path=/"))
