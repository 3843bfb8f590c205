"""What Slack says went wrong, as our errors: whether anything can have happened decides more than the words.

Codes: the "Common errors" of Slack's Web API reference and those of the methods that are used here.
"""

from __future__ import annotations

import errno
import re
import socket
import ssl
from urllib.error import URLError

from meshclaw.errors import (
    Garbled,
    MeshClawError,
    NotFound,
    NotReachable,
    Refused,
    SignInNeeded,
    Throttled,
    TooLong,
    Uncertain,
)


class Declined(Refused):
    """``said``: Slack's own code for it."""

    def __init__(self, message: str, said: str) -> None:
        super().__init__(message)
        self.said = said


_SIGN_IN = frozenset(
    "invalid_auth not_authed token_revoked token_expired account_inactive invalid_refresh_token "
    "two_factor_setup_required not_allowed_token_type".split()
)
_BROKE = frozenset("fatal_error internal_error service_unavailable request_timeout team_added_to_org".split())
"""Slack failed in the middle: "it's possible some aspect of the operation succeeded", says its reference."""
_GONE = re.compile(
    r"(channel|user|users|message|thread|file|team|no_item)_(not_found|not_visible|deleted|specified)"
)
_LONG = frozenset({"msg_too_long", "msg_blocks_too_long", "too_many_files", "file_too_large"})
_UNSENT = (ConnectionRefusedError, socket.gaierror, ssl.SSLCertVerificationError)
_NO_WAY = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN)
_WORDS = {
    "not_in_channel": "the claw is not in that channel: invite it there",
    "is_archived": "the channel is archived",
    "cant_delete_message": "that message is not the claw's own, or the workspace does not let it be deleted",
    "restricted_action": "the workspace does not let apps do that",
    "access_denied": "the workspace does not let the claw see that",
}
_CODE = re.compile(r"[a-z][a-z0-9_]{1,60}")


def of_code(method: str, code: str, *, needed: str = "", writes: bool) -> MeshClawError:
    """An answer ``ok: false`` with ``code``; ``needed`` is the scope that Slack names."""
    if not _CODE.fullmatch(code):
        return unreadable(method, writes=writes)
    if code in _BROKE:
        return broke(method, code, writes=writes)
    if code in _SIGN_IN:
        return SignInNeeded(f"Slack does not take the token ({code})", fix="meshclaw slack connect")
    return _refusal(method, code, needed)


def _refusal(method: str, code: str, needed: str) -> MeshClawError:
    if code in ("ratelimited", "rate_limited"):
        return Throttled(f"Slack wants fewer calls of {method}")
    if _GONE.fullmatch(code):
        return NotFound(f"Slack knows no such thing ({code}, {method})")
    if code in _LONG:
        return TooLong(f"that is more than Slack takes at once ({code})")
    if code != "missing_scope":
        return Declined(f"Slack refuses {method}: {_WORDS.get(code, code)}", code)
    return Refused(
        f"the Slack app may not call {method}: it lacks the scope {needed or '(unnamed)'}",
        fix="Add it to the app and install it again: meshclaw slack manifest",
    )


def of_status(method: str, status: int, *, writes: bool) -> MeshClawError:
    """An HTTP status without an answer that can be read."""
    if status >= 500:
        return broke(method, f"status {status}", writes=writes)
    return Refused(f"Slack refuses {method} (status {status})")


def of_exception(method: str, error: Exception, *, writes: bool) -> MeshClawError:
    """No answer came; where the call certainly never left, nothing can have happened."""
    reason = error.reason if isinstance(error, URLError) else error
    unsent = isinstance(reason, _UNSENT) or (isinstance(reason, OSError) and reason.errno in _NO_WAY)
    what = type(reason).__name__ if isinstance(reason, BaseException) else str(reason)
    if unsent:
        return NotReachable(f"Slack cannot be reached ({what})", fix="Look at the network, then try again.")
    return broke(method, what, writes=writes)


def broke(method: str, how: str, *, writes: bool) -> MeshClawError:
    if writes:
        return Uncertain(f"Slack broke off in the middle of {method} ({how}): it may have happened")
    return NotReachable(f"Slack broke off in the middle of {method} ({how})")


def unreadable(method: str, *, writes: bool) -> MeshClawError:
    what = f"what Slack answered to {method} cannot be understood"
    return Uncertain(f"{what}: it may have happened") if writes else Garbled(what)
