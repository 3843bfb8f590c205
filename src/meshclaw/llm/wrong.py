"""What can go wrong when a model is asked, as errors of ours. Imported only when a model is asked."""

from __future__ import annotations

from typing import Any, cast

from pydantic_ai import exceptions as theirs

from meshclaw.errors import (
    Cut,
    Garbled,
    MeshClawError,
    NotReachable,
    Operational,
    Refused,
    SignInNeeded,
    Throttled,
    TooLong,
    UserError,
)

SHOWN = 300
"""Characters of what a server said that are passed on."""
_SAID_NO: tuple[tuple[type[theirs.ModelAPIError], type[Operational], str, str], ...] = (
    (
        theirs.ModelAuthenticationError,
        SignInNeeded,
        "does not take the key",
        "meshclaw models connect {name}",
    ),
    (theirs.ModelContextWindowExceededError, TooLong, "takes no conversation as long as this", ""),
    (
        theirs.ModelQuotaExceededError,
        Refused,
        "has no credit left",
        "Top up its account, or raise its limit there.",
    ),
    (theirs.ModelNotFoundError, Refused, "is not to be found", "Compare models.toml with its vendor's list."),
    (theirs.ModelRequestRejectedError, Refused, "refused the request", ""),
)
"""The first that fits: the special ones stand before what they are a kind of."""


def told(error: theirs.AgentRunError | theirs.UserError, name: str) -> MeshClawError:
    """``name``: of the model in the settings."""
    said = _words(error)
    if isinstance(error, theirs.UserError):
        return UserError(f"{name} cannot be asked: {said}")
    if isinstance(error, theirs.ModelAPIError):
        return _of_server(error, name, said)
    if isinstance(error, theirs.ContentFilterError):
        return Refused(f"the filter of {name} stopped it: {said}")
    return Garbled(f"the answer of {name} cannot be understood: {said}")


def _of_server(error: theirs.ModelAPIError, name: str, said: str) -> MeshClawError:
    for kind, ours, words, fix in _SAID_NO:
        if isinstance(error, kind):
            return ours(f"{name} {words}: {said}", fix=fix.format(name=name))
    is_busy = isinstance(error, theirs.ModelRateLimitError | theirs.ModelOverloadedError)
    if is_busy or (isinstance(error, theirs.ModelUnavailableError) and error.retry_after is not None):
        return Throttled(f"{name} has too much to do: {said}", retry_after=error.retry_after)
    if isinstance(error, theirs.ModelConnectionError) and error.phase in ("pool", "connect"):
        return NotReachable(f"{name} does not answer: {said}")
    if error.in_stream or isinstance(error, theirs.ModelConnectionError | theirs.ModelRequestTimeout):
        return Cut(f"{name} broke off: {said}")
    if isinstance(error, theirs.ModelHTTPError):
        ours = NotReachable if error.status_code >= 500 else Refused
        return ours(f"{name} failed: {said}")
    return Garbled(f"the answer of {name} cannot be understood: {said}")


def _words(error: Exception) -> str:
    """What the server said in its own words, where it did: one line, bounded, for a person."""
    found: Any = error.body if isinstance(error, theirs.ModelAPIError) else None
    for key in ("error", "Error", "message", "Message"):
        found = cast("dict[str, Any]", found).get(key, found) if isinstance(found, dict) else found
    text = found if isinstance(found, str) and found else getattr(error, "message", "") or str(error)
    status = f"{error.status_code}, " if isinstance(error, theirs.ModelHTTPError) else ""
    line = "".join(one if one.isprintable() else " " for one in f"{status}{text}")
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}…"
