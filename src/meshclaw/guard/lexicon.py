"""The words by which people ask for deeds: short lists, and no grammar beyond where a word stands."""

from __future__ import annotations

from typing import NamedTuple


class Verbs(NamedTuple):
    strong: tuple[str, ...] = ()
    """Ask for it by themselves."""
    weak: tuple[str, ...] = ()
    """Ask for it only where the same sentence names what the deed works on."""


DEEDS: dict[str, Verbs] = {
    "read": Verbs(),
    "fetch": Verbs((
        "read", "visit", "open", "browse", "check", "look", "see", "summarize", "summarise", "research", "find",
        "search", "get", "show", "tell", "fetch", "download", "follow", "review", "compare", "learn",
    )),
    "create": Verbs((), (
        "create", "make", "add", "set up", "schedule", "book", "plan", "write", "draft", "put", "start", "block",
        "prepare", "generate", "arrange", "organize", "organise", "save", "record", "open",
    )),
    "change": Verbs(("rename",), (
        "change", "update", "edit", "modify", "set", "adjust", "correct", "extend", "shorten", "replace", "fix",
        "turn", "increase", "decrease", "make", "move",
    )),
    "reschedule": Verbs(("reschedule", "postpone"), ("move", "shift", "push", "change", "bring forward", "delay")),
    "append": Verbs(("append",), ("add", "insert", "write", "put", "include", "extend", "update", "complete", "log")),
    "delete": Verbs((), ("delete", "remove", "erase", "trash", "discard", "drop", "get rid", "throw away", "clean")),
    "cancel": Verbs((), ("cancel", "decline", "call off", "remove", "delete", "drop")),
    "move": Verbs(("archive",), ("move", "file", "sort", "put", "tidy", "clean")),
    "label": Verbs(("label", "triage"), ("mark", "flag", "tag", "star", "sort")),
    "send": Verbs((
        "send", "mail", "email", "e-mail", "message", "reply", "respond", "answer", "forward", "notify", "inform",
        "text", "dm", "ping", "remind", "let", "post", "announce", "write", "contact",
    ), ("share", "tell", "ask", "thank", "add")),
    "share": Verbs(("share",), ("give", "grant", "add", "invite")),
    "invite": Verbs(("invite",), ("add", "include", "bring")),
    "add_member": Verbs((), ("add", "invite", "put", "join", "let")),
    "remove_member": Verbs(("kick", "expel", "ban"), ("remove", "take", "delete", "throw")),
    "publish": Verbs((), ("post", "publish", "upload", "put", "write", "submit", "announce", "update")),
    "pay": Verbs(("pay", "refund", "reimburse", "wire", "settle"), ("send", "transfer", "make", "schedule")),
    "book": Verbs(("book", "reserve", "rent"), ("make", "order", "get")),
    "unsubscribe": Verbs(("unsubscribe",), ("leave", "stop", "opt out", "cancel")),
    "deploy": Verbs(("deploy", "ship", "roll out"), ("release", "promote", "start", "push", "publish", "put")),
    "roll_back": Verbs(("roll back", "rollback", "revert"), ("undo", "restore")),
    "run": Verbs(("execute",), ("run", "start", "call", "build", "test")),
    "set_secret": Verbs((), ("change", "set", "update", "reset", "rotate")),
}  # fmt: skip
"""By deed, the verbs with which people ask for it."""

# A word that may be a thing or a deed is a deed only behind one of these (or where a clause begins).
BEFORE_A_DEED = frozenset(
    "and or to please then also just now next you we i can could will would should must shall may let's , ; : . ! ? - "
    "not n't kindly first finally afterwards otherwise bitte und dann".split()
)
TWOFOLD = frozenset(
    "mail email e-mail message text post dm share invite book file label archive draft answer reply forward ping plan "
    "schedule transfer reserve order update release run show set fix move change look check search visit mark tag note "
    "cancel deploy list log record report contact call pay charge merge comment block access permit grant make put "
    "open read get find leave stop trash flag sort start promote branch chat".split()
)
THIRD_PERSON = frozenset("he she it they who someone somebody everybody everyone".split())
NOT = frozenset("not never without don't dont cannot can't nicht kein ohne".split())
BUT_DO = frozenset("forget hesitate fail".split())
"""Behind a *not* they ask all the same: "do not forget to send"."""
ASKS_ABOUT = frozenset("did does has have had was were when where why who whose which what how".split())
EVERY = frozenset("all each every everyone everybody alle jede jeden jeder".split())

SUPERLATIVES: dict[str, dict[str, int]] = {
    "count": {
        "most": 1, "highest": 1, "largest": 1, "biggest": 1,
        "fewest": -1, "least": -1, "lowest": -1, "smallest": -1,
    },
    "size": {"largest": 1, "biggest": 1, "smallest": -1},
    "time": {"latest": 1, "newest": 1, "last": 1, "oldest": -1, "earliest": -1, "first": -1},
}  # fmt: skip
"""By what is compared: 1 for the greatest, -1 for the least."""
