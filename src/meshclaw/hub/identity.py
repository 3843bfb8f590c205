"""Who a person is, as the company's identity provider says: OpenID Connect, code flow with PKCE (RFC 7636, S256)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import quote, urlencode, urlsplit

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from sqlalchemy import Engine, delete, func, insert, select

from meshclaw.errors import Garbled, NotFound, NotReachable, Refused, UserError
from meshclaw.hub.people import EMPLOYEE, Role, Who
from meshclaw.hub.store import tables as t
from meshclaw.hub.store.database import reading, writing
from meshclaw.settings.loopback import is_loopback

SETTING = "provider"
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA")
"""Never ``none``, and none with a shared secret."""
TIMEOUT_S = 10
MOST_BYTES = 1 << 18
BEGUN_S = 600
"""How long a person may take to sign in."""
LEEWAY_S = 60
AGAIN_S = 10.0
"""At the soonest, the provider's keys are asked for again for a key that is not known."""


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    issuer: str
    client: str
    """The hub's id there."""
    secret: str = ""
    """Empty: a public client, with PKCE alone."""
    home: str
    """The hub's own address, as browsers see it."""
    claim: str = "groups"
    """Where roles are told."""
    roles: dict[str, Role] = {}
    """By value of that claim. Everybody in the roster is an employee."""


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in under way; kept by the browser, sealed with the hub's key."""

    state: str
    nonce: str
    verifier: str
    until: float


class _Metadata(msgspec.Struct):
    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


class _Tokens(msgspec.Struct):
    id_token: str


def put(engine: Engine, provider: Provider) -> None:
    for url in (provider.issuer, provider.home):
        _refuse_unless_private(url)
    with writing(engine) as connection:
        connection.execute(delete(t.setting).where(t.setting.c.name == SETTING))
        connection.execute(
            insert(t.setting).values(name=SETTING, value=msgspec.json.encode(provider).decode())
        )


def find(engine: Engine) -> Provider:
    with reading(engine) as connection:
        found = connection.execute(select(t.setting.c.value).where(t.setting.c.name == SETTING)).scalar()
    if found is None:
        raise NotFound(
            "nobody can sign in: the hub knows no identity provider", fix="meshclaw hub sign-in --help"
        )
    return msgspec.json.decode(found, type=Provider)


class Identity:
    """``seal``: a secret of the hub's own."""

    def __init__(self, engine: Engine, provider: Provider, seal: bytes) -> None:
        self._engine, self.provider, self._seal = engine, provider, seal
        self._lock = threading.Lock()
        self._metadata: _Metadata | None = None
        self._keys: KeySet | None = None
        self._asked = -AGAIN_S

    @property
    def back(self) -> str:
        """Where the provider sends the browser."""
        return f"{self.provider.home.rstrip('/')}/sign-in/done"

    def begin(self) -> tuple[str, str]:
        """Where to send the browser, and what it is to keep until it comes back."""
        begun = Begun(
            state=secrets.token_urlsafe(24), nonce=secrets.token_urlsafe(24), verifier=secrets.token_urlsafe(48),
            until=time.time() + BEGUN_S,
        )  # fmt: skip
        asked = {
            "response_type": "code", "client_id": self.provider.client, "redirect_uri": self.back,
            "scope": f"openid email {self.provider.claim}", "state": begun.state, "nonce": begun.nonce,
            "code_challenge": _base64(hashlib.sha256(begun.verifier.encode()).digest()),
            "code_challenge_method": "S256",
        }  # fmt: skip
        return f"{self._known().authorization_endpoint}?{urlencode(asked)}", self._sealed(begun)

    def end(self, kept: str, state: str, code: str) -> Who:
        """Who came back. Raises Refused where they are not who began, or nobody of the roster."""
        begun = self._opened(kept)
        if begun is None or begun.until < time.time() or not hmac.compare_digest(begun.state, state):
            raise Refused("this sign-in was not begun here, or too long ago", fix="Sign in again.")
        claims = self._claims(self._exchange(code, begun.verifier), begun.nonce)
        return Who(person=self._person(claims), roles=_roles(self.provider, claims))

    # -- the provider --------------------------------------------------------------------

    def _exchange(self, code: str, verifier: str) -> str:
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": self.back, "code_verifier": verifier,
            "client_id": self.provider.client,
        }  # fmt: skip
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if self.provider.secret:  # RFC 6749 2.3.1
            pair = f"{quote(self.provider.client, safe='')}:{quote(self.provider.secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
            del form["client_id"]
        return _ask(self._known().token_endpoint, _Tokens, urlencode(form).encode(), headers).id_token

    def _claims(self, token: str, nonce: str) -> Mapping[str, Any]:
        """Of an id token that the provider signed for us, now, for this very sign-in (OpenID Connect Core 3.1.3.7)."""
        registry = jwt.JWTClaimsRegistry(
            leeway=LEEWAY_S, iss={"essential": True, "value": self.provider.issuer},
            aud={"essential": True, "value": self.provider.client}, nonce={"essential": True, "value": nonce},
            exp={"essential": True}, sub={"essential": True},
        )  # fmt: skip
        try:
            claims = self._decoded(token)
            registry.validate(claims)
        except (JoseError, ValueError) as error:
            raise Refused(
                f"what the identity provider says cannot be believed: {error}", fix="Sign in again."
            ) from error
        alone = claims["aud"] in (self.provider.client, [self.provider.client])
        if claims.get("azp", self.provider.client if alone else "") != self.provider.client:
            raise Refused("what the identity provider says is meant for somebody else", fix="Sign in again.")
        return claims

    def _decoded(self, token: str) -> dict[str, Any]:
        """With the provider's keys; asked for anew, once, where none of those known fits."""
        for fresh in (False, True):
            try:
                return jwt.decode(token, self._key_set(fresh=fresh), algorithms=ALGORITHMS).claims
            except (JoseError, ValueError):
                if fresh:
                    raise
        raise AssertionError  # the loop returns or raises

    def _key_set(self, *, fresh: bool) -> KeySet:
        with self._lock:
            if self._keys is None or (fresh and time.monotonic() - self._asked > AGAIN_S):
                self._asked = time.monotonic()
                self._keys = KeySet.import_key_set(_ask(self._find().jwks_uri, dict[str, Any]))  # type: ignore[arg-type]
            return self._keys

    def _known(self) -> _Metadata:
        with self._lock:
            return self._find()

    def _find(self) -> _Metadata:
        if self._metadata is None:
            issuer = self.provider.issuer
            found = _ask(f"{issuer.rstrip('/')}/.well-known/openid-configuration", _Metadata)
            if found.issuer != issuer:
                raise Refused(f"the identity provider at {issuer} calls itself {found.issuer}")
            for url in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri):
                _refuse_unless_private(url)
            self._metadata = found
            return found
        return self._metadata

    # -- the person ----------------------------------------------------------------------

    def _person(self, claims: Mapping[str, Any]) -> str:
        """Of the roster, by the address that the provider has verified."""
        email = str(claims.get("email", "")).strip().lower()
        if not email or claims.get("email_verified") is not True:
            raise Refused(
                "the identity provider names no verified address", fix="Ask whoever administers it."
            )
        mine = (func.lower(t.person.c.email) == email) & t.person.c.active
        with reading(self._engine) as connection:
            found = connection.execute(select(t.person.c.id).where(mine)).scalars().all()
        if len(found) != 1:
            raise Refused(
                "your address is not that of one person in the roster", fix="Ask for it to be put right."
            )
        return found[0]

    def _sealed(self, begun: Begun) -> str:
        body = _base64(msgspec.json.encode(begun))
        return f"{body}.{_base64(hmac.digest(self._seal, body.encode(), 'sha256'))}"

    def _opened(self, kept: str) -> Begun | None:
        body, _, seal = kept.partition(".")
        good = _base64(hmac.digest(self._seal, body.encode(), "sha256"))
        if not hmac.compare_digest(seal.encode(), good.encode()):
            return None
        return msgspec.json.decode(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)), type=Begun)


def _roles(provider: Provider, claims: Mapping[str, Any]) -> frozenset[Role]:
    told = claims.get(provider.claim, [])
    values = cast("list[object]", told) if isinstance(told, list) else [told]
    return frozenset({EMPLOYEE, *(role for value, role in provider.roles.items() if value in values)})


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _refuse_unless_private(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme != "http" or not parts.hostname or not is_loopback(parts.hostname):
        raise UserError(
            f"{url!r} would be read by everybody on the way, or is no address", fix="Write https://..."
        )


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        return None


_opener = urllib.request.build_opener(_NoRedirect)


def _ask(url: str, kind: type[Any], body: bytes | None = None, headers: Mapping[str, str] = {}) -> Any:
    """JSON from the provider. NotReachable, Refused or Garbled, without a word of what it says: it may hold secrets."""
    request = urllib.request.Request(url, body, {"Accept": "application/json", **headers})  # noqa: S310 - checked
    try:
        with _opener.open(request, timeout=TIMEOUT_S) as answer:
            found = answer.read(MOST_BYTES + 1)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code >= 500:
            raise NotReachable(f"the identity provider answers {error.code}") from error
        raise Refused(f"the identity provider says no ({error.code})", fix="Sign in again.") from error
    except OSError as error:
        raise NotReachable("the identity provider does not answer") from error
    try:
        return msgspec.json.decode(found[:MOST_BYTES], type=kind)
    except msgspec.MsgspecError as error:
        raise Garbled("what the identity provider answers cannot be understood") from error
