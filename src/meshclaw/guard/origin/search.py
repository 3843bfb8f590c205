"""One value to be accounted for, and what every way of accounting for it asks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from meshclaw.flow.declaration import Argument, Role
from meshclaw.guard.directory import Directory
from meshclaw.guard.history import Call, History, Leaf, Record, is_id
from meshclaw.guard.request.wording import Wording

Label = Literal[
    "person",  # written by them
    "own",  # their own address or account
    "directory",  # somebody they know, by the name they wrote
    "run",  # made by this run itself
    "approved",  # a person said yes to it in this run
    "record",  # the record they spoke of, or a field of it that they spoke of
    "selection",  # what they described: the largest, the one that starts with, all of them
    "named-page",  # the one address of that name on a page they named
    "link",  # for looking only: a link in a colleague's message in the place they named
    "left-out",  # they said: not this one
    "ambiguous",  # two things with the name they wrote
    "look-alike",  # nearly what they wrote
    "structured",  # a field of some other record
    "member",  # text by a colleague
    "outside",  # text that strangers can write
    "pasted",  # text that they pasted or quoted, by somebody else
    "nowhere",  # nothing read or asked holds it: the agent made it up
]


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """One value, and everything it may be accounted for by."""

    verb: str
    path: str
    value: str
    argument: Argument
    nouns: tuple[str, ...]
    deed: str
    objects: tuple[str, ...]
    looking: bool
    """The action only reads."""
    asked: Wording
    history: History
    directory: Directory
    found: Sequence[tuple[Record, Leaf]]
    """Every structured field read so far that holds the value."""

    @property
    def type(self) -> str:
        return self.argument.type

    @property
    def role(self) -> Role:
        return self.argument.role

    def is_fair(self, call: Call) -> bool:
        """Listed without a choice of the agent's, or looked up by the person's own words or a record they spoke of.

        Whoever chooses the words of a look-up chooses what it finds.
        """
        if call.changes or not call.asked or led_by(call, self.asked):
            return True
        return all(self.asked.says(one) or self._leads_to_named(one) for one in call.asked)

    def _leads_to_named(self, value: str) -> bool:
        return any(
            record.id is leaf
            and spoken_names(record, self.asked)
            and led_by(record.call, self.asked, or_all=True)
            for record, leaf in self.history.ids(value)
        )


def led_by(call: Call, asked: Wording, *, or_all: bool = False) -> bool:
    """The call was made by the person's words, at least one of them no common one."""
    if not call.asked:
        return or_all
    said = [asked.says_of_its_own(one) or asked.says_day(one) for one in call.asked]
    return any(said) and all(done or asked.says(one) for done, one in zip(said, call.asked, strict=True))


def spoken_names(record: Record, asked: Wording) -> frozenset[str]:
    """The names of a record that the person spoke of, in the form in which names are compared."""
    return asked.spoken(record.names)


def is_own_id(record: Record, leaf: Leaf) -> bool:
    """The id of the record itself, not of another thing it points at."""
    return is_id(leaf.field.type) and record.id is leaf
