"""Every error MeshClaw raises on purpose, in one tree.

MeshClawError                 says what, which and what to do next
├── UserError                 the input or the configuration is wrong           exit 2
│   └── NotFound              a run, mail, event or approval that does not exist
├── Operational               the world is in the way now; trying again may help  exit 1
│   ├── SignInNeeded          credentials were refused                           exit 4
│   ├── NotReachable          a server or a device does not answer
│   │   └── Cut               it broke off after it was asked: what it did counts, and may be paid
│   ├── Refused               the other side understood and said no
│   │   └── TooLong           it is more than the other side takes at once: shorten it and ask again
│   ├── Busy                  another claw or process holds the resource
│   │   └── Throttled         a server wants fewer requests; ``retry_after`` says how long to wait
│   └── Garbled               what came back cannot be understood; it may be paid all the same
├── Stopped                   the kill switch is there, so no work is begun          exit 3
├── Uncertain                 an effect may or may not have happened; probe, never repeat
└── Damaged                   stored state does not verify or cannot be read

A denial is not here: it is a Decision, a value and an event.
Exit codes are the stable ones of the command line; 3 (denied by policy) comes from a Decision.
"""

from __future__ import annotations


class MeshClawError(Exception):
    """Base of every expected error.

    ``fix`` is the next step for the person, one sentence, shown after the message.
    """

    code = "error"
    exit_code = 1

    def __init__(self, message: str, *, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix


class UserError(MeshClawError):
    code = "usage"
    exit_code = 2


class NotFound(UserError):
    code = "not_found"


class Operational(MeshClawError):
    code = "operational"


class SignInNeeded(Operational):
    code = "sign_in_needed"
    exit_code = 4


class NotReachable(Operational):
    code = "not_reachable"


class Cut(NotReachable):
    code = "cut"


class Refused(Operational):
    code = "refused"


class TooLong(Refused):
    code = "too_long"


class Busy(Operational):
    code = "busy"


class Throttled(Busy):
    """``retry_after``: seconds, where the server said so."""

    code = "throttled"

    def __init__(self, message: str, *, retry_after: float | None = None, fix: str = "") -> None:
        super().__init__(message, fix=fix)
        self.retry_after = retry_after


class Garbled(Operational):
    code = "garbled"


class Stopped(MeshClawError):
    code = "stopped"
    exit_code = 3


class Uncertain(MeshClawError):
    """Raised by a connector after the point of no return: the effect may have happened."""

    code = "uncertain"


class Damaged(MeshClawError):
    code = "damaged"
