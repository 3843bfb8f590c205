"""Who says that a mail comes from where it says: the person's own receiving server, or this machine.

An Authentication-Results header is a plain line that any sender can write, so only the topmost one
under the receiving server's own name counts (RFC 8601 §5); that server removes forged ones.
Without it, DKIM (RFC 6376) and DMARC (RFC 7489) are checked here if the caller lends a ``Lookup``:
this file never asks the DNS itself. SPF needs the sender's IP address and is never checked here.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import NamedTuple, Protocol, cast

from meshclaw.connectors.mail.message.characters import one_line
from meshclaw.connectors.mail.message.domains import registered_domain
from meshclaw.connectors.mail.message.headers import Headers
from meshclaw.flow.message import Authentication, AuthResult, Finding

Lookup = Callable[[str], str | bytes | None]
"""The TXT record of a name (lower case, no final dot), its strings joined; None where there is none."""

MAX_SIGNATURES = 3
MAX_SIGNATURE = 4096
MAX_RESULTS = 8192
MAX_SIGNED = 512 * 1024
"""Bytes of a mail up to which a signature is checked here."""

# dkimpy's own patterns take quadratic time on white space; no signed mail needs runs this long.
_LONG_RUN = re.compile(rb"[ \t\r\n]{160}")
_LONG_RUN_IN_SIGNATURE = re.compile(rb"[ \t\r\n]{24}")
_SIGNATURE_FIELD = re.compile(rb"(?im)^dkim-signature:[^\n]*(?:\n[ \t][^\n]*)*+")
# dkimpy reports what is wrong with a sender's signature as its own errors; it is in the result already.
_silent = logging.getLogger("meshclaw.connectors.mail.dkimpy")
_silent.setLevel(logging.CRITICAL + 1)
_METHODS = ("dkim", "spf", "dmarc")
_HARD_FAILS = frozenset({"fail", "hardfail", "permerror", "policy"})


class Signature(NamedTuple):
    """A DKIM-Signature as it describes itself; nothing is verified by reading it."""

    domain: str
    selector: str
    value: str
    """b= without white space."""
    covers: tuple[str, ...]


class Checked(NamedTuple):
    authentication: Authentication
    passed: tuple[tuple[Signature, ...], ...]
    """For each signature that passed: the ones it may be, more than one where the server named d= only."""


def read_signatures(headers: Headers) -> tuple[Signature, ...]:
    return tuple(_signature(v[:MAX_SIGNATURE]) for v in headers.all("dkim-signature")[:MAX_SIGNATURES])


def _signature(value: str) -> Signature:
    tags: dict[str, str] = {}
    for tag in value.split(";"):
        name, _, content = tag.partition("=")
        tags.setdefault(name.strip(), "".join(content.split()))
    covers = tuple(name.lower() for name in tags.get("h", "").split(":"))
    return Signature(tags.get("d", "").lower(), tags.get("s", "").lower(), tags.get("b", ""), covers)


def authenticate(
    headers: Headers,
    raw: bytes,
    *,
    sender_domain: str,
    trusted_host: str,
    lookup: Lookup | None,
) -> Checked:
    """``raw`` is the whole mail, or empty where it was cut: half a mail verifies nothing."""
    signatures = read_signatures(headers) if headers.count("dkim-signature") else ()
    if trusted_host and (checked := _from_server(headers, trusted_host.lower(), signatures)):
        return checked
    if lookup is not None and raw and signatures:
        return _checked_here(raw, signatures, sender_domain, lookup)
    return Checked(Authentication(), ())


def _from_server(headers: Headers, host: str, signatures: tuple[Signature, ...]) -> Checked | None:
    for value in headers.all("authentication-results")[:50]:
        if host in value.lower():
            results = _results(value[:MAX_RESULTS], host)
            if results is not None:
                return _as_said(results, signatures)
    return None


class _Header(Protocol):
    """What is used of authres, which has no types."""

    authserv_id: str | None
    results: list[object]


class _Property(Protocol):
    type: str
    name: str
    value: str | None


class _Result(NamedTuple):
    method: str
    said: str
    properties: dict[str, str]


def _as_said(results: list[_Result], signatures: tuple[Signature, ...]) -> Checked:
    said: dict[str, AuthResult] = {
        method: _verdict([r.said for r in results if r.method == method]) for method in _METHODS
    }
    passed = (_matching(r, signatures) for r in results if r.method == "dkim" and r.said == "pass")
    authentication = Authentication(dkim=said["dkim"], spf=said["spf"], dmarc=said["dmarc"], by="server")
    return Checked(authentication, tuple(group for group in passed if group))


def _results(value: str, host: str) -> list[_Result] | None:
    """What the header says; None where another host wrote it or it cannot be read."""
    import authres  # here: only mails whose header names the trusted host need it

    read = authres.AuthenticationResultsHeader.parse  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    try:
        header = cast("_Header", read(f"Authentication-Results: {value}"))
    except (authres.AuthResError, ValueError, IndexError, AttributeError, RecursionError):
        return None
    if (header.authserv_id or "").lower() != host:
        return None
    return [_result(one) for one in header.results[:50]]


def _result(said: object) -> _Result:
    properties = cast("list[_Property]", getattr(said, "properties", ()))
    return _Result(
        str(getattr(said, "method", "")).lower(),
        str(getattr(said, "result", "")).lower(),
        {f"{p.type}.{p.name}".lower(): str(p.value or "").lower() for p in properties},
    )


def _matching(result: _Result, signatures: tuple[Signature, ...]) -> tuple[Signature, ...]:
    said = result.properties
    domain = said.get("header.d", "") or said.get("header.i", "").rpartition("@")[2]
    selector, value = said.get("header.s", ""), said.get("header.b", "")
    return tuple(
        s
        for s in signatures
        if domain
        and s.domain == domain
        and (not selector or s.selector == selector)
        and (not value or s.value.lower().startswith(value))
    )


def _verdict(said: list[str]) -> AuthResult:
    if "pass" in said:
        return "pass"
    return "fail" if _HARD_FAILS.intersection(said) else "none"


def _checked_here(
    raw: bytes, signatures: tuple[Signature, ...], sender_domain: str, lookup: Lookup
) -> Checked:
    if len(raw) > MAX_SIGNED or _LONG_RUN.search(raw):
        return Checked(Authentication(), ())
    fields = _SIGNATURE_FIELD.findall(raw)
    if any(len(f) > MAX_SIGNATURE or _LONG_RUN_IN_SIGNATURE.search(f) for f in fields):
        return Checked(Authentication(), ())
    said = [_verify(raw, i, lookup) for i in range(len(signatures))]
    passed = tuple((s,) for s, result in zip(signatures, said, strict=True) if result == "pass")
    dmarc = _dmarc(sender_domain, [s.domain for (s,) in passed], lookup)
    return Checked(Authentication(dkim=_verdict([*said]), dmarc=dmarc, by="local"), passed)


def _verify(raw: bytes, index: int, lookup: Lookup) -> AuthResult:
    import dkim  # here: 190 ms of CPU, only where somebody lends a lookup

    missing: list[bytes | str] = []

    def key(name: bytes | str, timeout: int = 5) -> bytes | None:  # noqa: ARG001 - dkimpy's signature
        record = lookup(_plain_name(name))
        if not record:
            missing.append(name)
        return record.encode() if isinstance(record, str) else record

    try:
        good = dkim.DKIM(raw, logger=_silent).verify(index, dnsfunc=key)  # pyright: ignore[reportUnknownMemberType]
    except (dkim.DKIMException, ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError):
        return "none" if missing else "fail"
    if good:
        return "pass"
    return "none" if missing else "fail"  # without a key nothing was proved either way


def _plain_name(name: bytes | str) -> str:
    return (name.decode("utf-8", "replace") if isinstance(name, bytes) else name).rstrip(".").lower()


def _dmarc(domain: str, passed: list[str], lookup: Lookup) -> AuthResult:
    """Pass where a passing signature is aligned (RFC 7489 §3.1.1). Never fail: SPF is unseen here."""
    if not domain or not passed:
        return "none"
    tags = _policy(domain, lookup) or _policy(registered_domain(domain), lookup)
    if not tags.get("p"):
        return "none"
    if tags.get("adkim") == "s":
        return "pass" if domain in passed else "none"
    organisation = registered_domain(domain)
    return "pass" if any(registered_domain(d) == organisation for d in passed) else "none"


def _policy(domain: str, lookup: Lookup) -> dict[str, str]:
    from authheaders import dmarc_lookup  # here: 120 ms of CPU, after a passing signature only

    def record(name: str) -> str:
        found = lookup(_plain_name(name)) or ""
        return found.decode("utf-8", "replace") if isinstance(found, bytes) else found

    try:
        return cast("dict[str, str]", dmarc_lookup.lookup_receiver_record(domain, record))  # pyright: ignore[reportUnknownMemberType]
    except dmarc_lookup.DMARCException:
        return {}


def authentication_findings(said: Authentication, sender_domain: str) -> list[Finding]:
    """A failed signature alone is no finding where SPF or DMARC vouches: mailing lists break signatures."""
    failed = [name for name in ("dmarc", "dkim", "spf") if getattr(said, name) == "fail"]
    vouched = said.dmarc == "pass" or (said.dmarc == "none" and "pass" in {said.dkim, said.spf})
    if not failed or (vouched and said.dmarc != "fail"):
        return []
    who = "the receiving server" if said.by == "server" else "a check on this machine"
    names = " and ".join(name.upper() for name in failed)
    return [
        Finding(
            kind="authentication-failed",
            detail=f"{who} says {names} failed for {one_line(sender_domain, 100) or 'an unreadable sender'}",
        )
    ]
