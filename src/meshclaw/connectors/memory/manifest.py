"""What an agent can do with what the claw remembers: look, and keep what the person said. Pure data.

What steers later runs is as good as code, so the text of ``memory.remember`` has that role: the guard lets it pass
where the person wrote it in this very request, and asks them about anything else. There is no verb that forgets, and
none that changes what may be learned.
"""

from __future__ import annotations

from meshclaw.flow.declaration import Argument, Declaration, Field

RECALL, REMEMBER, DROP = "memory.recall", "memory.remember", "memory.drop"
FACT = "fact"
"""The type of a text to be remembered."""
_THINGS = ("memory", "fact", "preference")

_ALL = (
    Declaration(
        verb=RECALL, effect="read", reversible=True, words="Look up what you told me and what I learned",
        arguments={"query": Argument("text")}, deed="read", objects=_THINGS,
        results={
            "id": Field("structured", "memory.id", "system"),
            "learned": Field("structured", "time", "system"),
            # Their own words. It names no target all the same: what is meant today, they say today.
            "said": Field("free_text", writer="member", secrecy="internal"),
            # Learned from what happened: there are addresses in it that strangers chose.
            "seen": Field("free_text", writer="anyone", secrecy="internal"),
        },
    ),
    Declaration(
        verb=REMEMBER, effect="write", reversible=True, words="Remember this from now on",
        arguments={"text": Argument("code", FACT)}, deed="remember", objects=_THINGS,
    ),
    Declaration(
        verb=DROP, effect="write", reversible=True, words="Take back a change of what is remembered",
        arguments={"revision": Argument("reference", "memory.revision")}, deed="forget", objects=_THINGS,
    ),
)  # fmt: skip

DECLARATIONS = {declaration.verb: declaration for declaration in _ALL}
