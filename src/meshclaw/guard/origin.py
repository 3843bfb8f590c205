"""Where a target's value comes from, and whether the person denoted it.

Positive authorisation: a value must be accounted for by the person's words, their own books, or a structured field
of exactly the record they spoke of. What is merely seen somewhere else, in whatever encoding, accounts for nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Literal

import msgspec

from meshclaw.flow.declaration import Argument, Declaration
from meshclaw.guard import text
from meshclaw.guard.directory import Directory
from meshclaw.guard.history import History, Leaf, Record, normal
from meshclaw.guard.lexicon import EVERY, SUPERLATIVES
from meshclaw.guard.wording import Wording

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
    "ambiguous",  # two things with the name they wrote
    "look-alike",  # nearly what they wrote
    "structured",  # a field of some other record
    "member",  # text by a colleague
    "outside",  # text that strangers can write
    "nowhere",  # nothing read or asked holds it: the agent made it up
]
DENOTED: frozenset[Label] = frozenset(
    ("person", "own", "directory", "run", "approved", "record", "selection", "named-page", "link")
)


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    path: str
    value: str
    label: Label

    @property
    def denoted(self) -> bool:
        return self.label in DENOTED


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """One value to be accounted for, and everything it may be accounted for by."""

    verb: str
    path: str
    value: str
    argument: Argument
    nouns: tuple[str, ...]
    looking: bool
    """The action only reads."""
    asked: Wording
    history: History
    directory: Directory

    @property
    def type(self) -> str:
        return self.argument.type

    def found(self) -> Sequence[tuple[Record, Leaf]]:
        """Every structured field read so far that holds the value."""
        return self.history.holding(self.type, self.value)


def origin(search: Search) -> Origin:
    label = _denoted(search) or _undenoted(search)
    return Origin(path=search.path, value=search.value, label=label)


def _denoted(search: Search) -> Label | None:
    return next((label for finder in FINDERS if (label := finder(search)) is not None), None)


def nouns_of(declaration: Declaration, argument: Argument) -> tuple[str, ...]:
    return (argument.type.partition(".")[0], *declaration.objects)


# -- the person's own words and books ------------------------------------------------------------


def _written(search: Search) -> Label | None:
    asked, value = search.asked, search.value
    match search.type:
        case "address":
            there = text.address(value) in asked.addresses
        case "url":
            there = text.link(value) in asked.links
        case "amount":
            there = _number(value) in {_number(token) for token in asked.words} - {None}
        case type_ if type_.endswith((".id", ".ref")):  # "13" is no file because the request says "June 13"
            marks = ("id", "#", "number", "no", "nr", *search.nouns)
            there = text.plain(value) in asked.quoted or any(
                text.holds(f"{mark} {text.plain(value)}", asked.plain) for mark in marks
            )
        case _:
            there = asked.names(value, search.nouns)
    return "person" if there else None


def _own(search: Search) -> Label | None:
    value = text.address(search.value) if search.type == "address" else text.plain(search.value)
    return "own" if value in search.directory.own else None


def _known(search: Search) -> Label | None:
    entries = [entry for entry in search.directory.entries if entry.type == search.type and entry.name]
    matching = [
        entry for entry in entries if normal(search.type, entry.value) == normal(search.type, search.value)
    ]
    for entry in matching:
        first = text.plain(entry.name).partition(" ")[0]
        if search.asked.says(entry.name):
            alike = {one.value for one in entries if text.plain(one.name) == text.plain(entry.name)}
        elif first in search.asked.proper:
            alike = {one.value for one in entries if text.plain(one.name).partition(" ")[0] == first}
        else:
            continue
        return "directory" if len(alike) == 1 else "ambiguous"
    return None


# -- this run's own work -------------------------------------------------------------------------


def _made(search: Search) -> Label | None:
    return "run" if any(record.call.changes for record, _ in search.found() if _is_id(search.type)) else None


def _approved(search: Search) -> Label | None:
    return "approved" if search.history.was_approved(search.verb, search.path, search.value) else None


# -- the record they spoke of ----------------------------------------------------------------------


def _in_named_record(search: Search) -> Label | None:
    """The thing itself, or a field of it that the request speaks of: "the same participants as ..."."""
    for record, leaf in search.found():
        if not (names := _spoken_names(record, search.asked)):
            continue
        if not (_is_id(search.type) or any(search.asked.says(word) for word in leaf.field.words)):
            continue
        return "ambiguous" if _has_twin(record, names, search) else "record"
    return None


def _is_id(type_: str) -> bool:
    return type_.endswith((".id", ".ref"))


def _spoken_names(record: Record, asked: Wording) -> set[str]:
    return {text.name(name) for name in record.names() if asked.names(name)}


def _has_twin(record: Record, names: set[str], search: Search) -> bool:
    """Another record of its kind with the same name, on a day that fits too: only the person can say which."""
    kind = next((leaf for leaf in record.leaves if _is_id(leaf.field.type)), None)
    if kind is None:
        return False
    twins = {
        leaf.value: other
        for other, leaf in search.history.of(kind.field.type)
        if names & _spoken_names(other, search.asked)
    }
    on_that_day = {id_: other for id_, other in twins.items() if _fits_a_day(other, search.asked)}
    return len(on_that_day or twins) > 1 or (bool(on_that_day) and kind.value not in on_that_day)


def _fits_a_day(record: Record, asked: Wording) -> bool:
    return any(leaf.field.type == "time" and asked.says_day(leaf.value) for leaf in record.leaves)


def _sole_hit(search: Search) -> Label | None:
    """The only thing that a look-up by the person's own words brought, or the only one that is called like them."""
    for record, leaf in search.found():
        trusted = _is_id(search.type) or leaf.field.writer != "anyone"
        if trusted and _asked_by_the_person(record, search.asked):
            if record.call.records == 1:
                return "record"
            hits = {
                other.value: one for one, other in search.history.of(search.type) if one.call is record.call
            }
            if [id_ for id_, one in hits.items() if _is_called_like(one, record.call.asked)] == [
                search.value
            ]:
                return "record"
    return None


def _is_called_like(record: Record, asked: tuple[str, ...]) -> bool:
    """Its name shares a stem with the words of the look-up: "dental check-up" finds the dentist, not the meeting."""
    wanted = _stems(" ".join(asked))
    return any(wanted & _stems(name) for name in record.names())


def _stems(words: str) -> set[str]:
    return {word[:4] for word in re.findall(r"\w{5,}", text.plain(words))}


def _asked_by_the_person(record: Record, asked: Wording) -> bool:
    return bool(record.call.asked) and all(
        asked.says(one) or asked.says_day(one) for one in record.call.asked
    )


def _described(search: Search) -> Label | None:
    """Where a named colleague wrote about what the request speaks of: "the channel where Kim asked about the mug"."""
    places = {
        leaf.value
        for record, leaf in search.history.of(search.type)
        if _by_somebody_named(record, leaf, search) and _about_it(record, search.asked)
    }
    return "record" if places == {search.value} else None


def _by_somebody_named(record: Record, place: Leaf, search: Search) -> bool:
    return any(
        leaf is not place and leaf.field.type not in ("name", "") and leaf.field.kind == "structured"
        and leaf.value != place.value and search.asked.names(leaf.value)
        for leaf in record.leaves
    )  # fmt: skip


def _about_it(record: Record, asked: Wording) -> bool:
    """Two words in a row of the message stand in the request too, neither of them a common one."""
    return any(
        asked.says(f"{one} {two}")
        for leaf in record.leaves
        if leaf.field.kind == "free_text" and leaf.field.writer == "member"
        for words in [re.findall(r"\w{3,}", text.plain(leaf.value))]
        for one, two in pairwise(words)
    )


def _called_by_name(search: Search) -> Label | None:
    """The one address among the records found by the person's words that bears a name they wrote."""
    if search.type != "address":
        return None
    for record, _ in search.found():
        if not (_asked_by_the_person(record, search.asked) or _spoken_names(record, search.asked)):
            continue
        if names := search.asked.proper & _name_parts(search.value):
            seen = (leaf.value for _, leaf in search.history.of("address"))
            alike = {text.address(one) for one in seen if names & _name_parts(one)}
            return "record" if len(alike) == 1 else "ambiguous"
    return None


def _on_named_page(search: Search) -> Label | None:
    """The only address on a page whose link the person wrote, bearing a name that they wrote too."""
    if search.type != "address" or not (search.asked.proper & _name_parts(search.value)):
        return None
    for record, leaf in search.history.free_text():
        if leaf.field.type != "page" or not any(
            text.link(one) in search.asked.links for one in record.call.asked
        ):
            continue
        there = text.addresses(leaf.value)
        if text.address(search.value) in there:
            return "named-page" if len(there) == 1 else "ambiguous"
    return None


def _name_parts(address: str) -> frozenset[str]:
    return frozenset(re.split(r"[._+\-]", text.address(address).partition("@")[0])) - {""}


def _linked(search: Search) -> Label | None:
    """For looking only: a link that a colleague wrote in the very place the person named."""
    if not search.looking or search.type != "url":
        return None
    wanted = text.link(search.value)
    for record, leaf in search.history.free_text():
        if leaf.field.writer != "member" or wanted not in text.links(leaf.value):
            continue
        if any(
            other.field.kind == "structured" and search.asked.names(other.value, (other.field.type,))
            for other in record.leaves
        ):
            return "link"
    return None


# -- a choice they described -----------------------------------------------------------------------


def _starts_with(search: Search) -> Label | None:
    if not search.asked.starts:
        return None
    values = {leaf.value for _, leaf in search.history.of(search.type)}
    chosen = {one for one in values if text.plain(one).startswith(tuple(search.asked.starts))}
    return "selection" if chosen == {search.value} else None


def _one_of_all(search: Search) -> Label | None:
    """ "each user", "all the members": any that the outside system itself lists."""
    plural = "|".join(re.escape(noun) for noun in search.nouns if noun)
    every = rf"\b(?:{'|'.join(EVERY)})\b(?: of| the| my| our| other)* (?:{plural})"
    if not plural or not re.search(every, search.asked.plain):
        return None
    return "selection" if any(leaf.field.writer == "system" for _, leaf in search.found()) else None


def _superlative(search: Search) -> Label | None:
    """The largest, latest, fullest: worked out again from what was listed, and only where one stands alone."""
    for measure, words in SUPERLATIVES.items():
        for word in search.asked.words & words.keys():
            ranking = _counted(search, word) if measure == "count" else _measured(search, word, measure)
            best = max(ranking.values(), key=lambda rank, sign=words[word]: rank * sign, default=None)
            if len(ranking) > 1 and [one for one, rank in ranking.items() if rank == best] == [search.value]:
                return "selection"
    return None


def _measured(search: Search, word: str, measure: str) -> dict[str, float]:
    """By id, the size or time of everything in the listing that the value stands in."""
    listing = next((record.call.number for record, _ in search.found()), None)
    if not any(search.asked.counts(word, noun) for noun in search.nouns):
        return {}
    return {
        leaf.value: rank
        for record, leaf in search.history.of(search.type)
        if record.call.number == listing
        for other in record.leaves
        if other.field.type == measure and (rank := _rank(other.value)) is not None
    }


def _counted(search: Search, word: str) -> Counter[str]:
    """By name, how many of the things that the superlative speaks of there are: users in a channel, mails by one."""
    counts: Counter[str] = Counter()
    values = {leaf.value for _, leaf in search.history.of(search.type)}
    for record in search.history.records:
        if any(search.asked.counts(word, leaf.field.type) for leaf in record.leaves):
            asked = values.intersection(record.call.asked)
            counts.update(asked or {leaf.value for leaf in record.of(search.type)})
    return counts


def _rank(value: str) -> float | None:
    try:
        return datetime.fromisoformat(value).timestamp()
    except ValueError:
        return _number(value)


def _number(value: str) -> float | None:
    try:
        return float(value.strip("$€£").replace(",", ""))
    except ValueError:
        return None


FINDERS: tuple[Callable[[Search], Label | None], ...] = (
    _written, _own, _made, _approved, _in_named_record, _sole_hit, _known, _described, _called_by_name,
    _on_named_page, _starts_with, _superlative, _one_of_all, _linked,
)  # fmt: skip
"""In the order in which a person would explain it; the first that knows decides."""


def _undenoted(search: Search) -> Label:
    """Why nothing accounts for it: what the question must name."""
    if search.type == "address" and _nearly(search):
        return "look-alike"
    value = text.plain(search.value)
    for _, leaf in search.history.free_text():
        if value in text.plain(leaf.value):
            return "member" if leaf.field.writer == "member" else "outside"
    return "structured" if search.found() else "nowhere"


def _nearly(search: Search) -> bool:
    wanted = _skeleton(text.address(search.value))
    known = [*search.asked.addresses, *(e.value for e in search.directory.entries if e.type == "address")]
    return any(_skeleton(text.address(one)) == wanted for one in known)


def _skeleton(address: str) -> str:
    """Without a plus tag; dots and dashes are easily overlooked."""
    local, _, domain = address.rpartition("@")
    return re.sub(r"[.\-_]", "", local.partition("+")[0]) + "@" + domain
