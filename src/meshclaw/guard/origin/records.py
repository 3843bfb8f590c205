"""Values that stand in a record which the person spoke of, or that their own words found.

Only a fairly found record counts (``Search.is_fair``), and only where no other could be meant.
"""

from __future__ import annotations

import re
from itertools import pairwise

from meshclaw.guard import text
from meshclaw.guard.history import Leaf, Record, is_id
from meshclaw.guard.links import host_of
from meshclaw.guard.origin.search import Label, Search, is_own_id, led_by, spoken_names
from meshclaw.guard.origin.words import bears_name, name_parts
from meshclaw.guard.request.lexicon import COMMON, DEEDS, Verbs
from meshclaw.guard.request.wording import Wording

# -- this run's own work -------------------------------------------------------------------------


def made(search: Search) -> Label | None:
    """An id that our own action brought, and that it had not been given."""
    return (
        "run"
        if any(
            record.call.changes and is_own_id(record, leaf) and leaf.value not in record.call.asked
            for record, leaf in search.found
        )
        else None
    )


def approved(search: Search) -> Label | None:
    """The thing a person said yes to already; whom it reaches and how much is asked for each single time."""
    again = search.role == "reference" and search.history.was_approved(search.verb, search.path, search.value)
    return "approved" if again else None


# -- the record they spoke of --------------------------------------------------------------------


def in_named(search: Search) -> Label | None:
    """The thing itself, or a field of it that the request speaks of: "the same participants as ..."."""
    for record, leaf in search.found:
        spoken = is_own_id(record, leaf) or any(search.asked.says(word) for word in leaf.field.words)
        if not spoken or not (names := spoken_names(record, search.asked)) or not search.is_fair(record.call):
            continue
        twofold = (
            _has_twin(record, leaf, names, search)
            or _may_mean_ours(record, names, search)
            or (not is_own_id(record, leaf) and _is_of_another_kind(record, leaf, names, search))
        )
        return "ambiguous" if twofold else "record"
    return None


def _is_of_another_kind(record: Record, leaf: Leaf, names: frozenset[str], search: Search) -> bool:
    """A thing of another kind bears the name and such a field too, and the person did not say which kind they mean."""
    if any(search.asked.says_kind(name, _kind(record)) for name in names):
        return False
    return any(
        _kind(other) != _kind(record) and other_leaf.value != leaf.value
        and any(search.asked.says(word) for word in other_leaf.field.words)
        and names & spoken_names(other, search.asked)
        for other, other_leaf in search.history.of(search.type)
    )  # fmt: skip


def _kind(record: Record) -> str:
    return record.id.field.type.partition(".")[0] if record.id else record.call.verb.partition(".")[0]


def _may_mean_ours(record: Record, names: frozenset[str], search: Search) -> bool:
    """Where this run made such a thing too, "share the document" may mean that one: only its name tells."""
    kind = record.id.field.type if record.id else ""
    if record.call.changes or not any(
        is_own_id(other, own) and own.value not in other.call.asked
        for other, own in search.history.brought(kind)
    ):
        return False
    return not any(
        search.asked.asks_of(name, DEEDS.get(search.deed, Verbs()), search.objects) for name in names
    )


def _has_twin(record: Record, leaf: Leaf, names: frozenset[str], search: Search) -> bool:
    """Another record of its kind with the same name, on a day that fits too: only the person can say which."""
    kind = record.id
    if kind is None:
        return any(
            other_leaf.value != leaf.value and names & spoken_names(other, search.asked)
            for other in search.history.called(names)
            for other_leaf in other.of(leaf.field.type)
            if other_leaf.path == leaf.path and other.call.verb == record.call.verb and other is not record
        ) and not _stand_together(record, leaf)
    twins = {
        other.id.value: other
        for other in search.history.called(names)
        if other.id and other.id.field.type == kind.field.type and names & spoken_names(other, search.asked)
    }
    on_that_day = {id_: other for id_, other in twins.items() if _fits_a_day(other, search.asked)}
    return len(on_that_day or twins) > 1 or (bool(on_that_day) and kind.value not in on_that_day)


def _stand_together(record: Record, leaf: Leaf) -> bool:
    """Several values in one field of one record are no twins of each other."""
    return sum(one.path == leaf.path for one in record.leaves) > 1


def _fits_a_day(record: Record, asked: Wording) -> bool:
    return any(leaf.field.type == "time" and asked.says_day(leaf.value) for leaf in record.leaves)


def loosely_named(search: Search) -> Label | None:
    """A listed name that the person wrote in another spelling: "the team updates channel" is ``team-updates``."""
    if is_id(search.type) or search.type in ("address", "url", "") or not search.found:
        return None
    loose = text.name(search.value)
    if not (search.asked.names(loose, search.nouns) or loose in search.asked.quoted):
        return None
    if not any(search.is_fair(record.call) for record, _ in search.found):
        return None
    return "record" if len(search.history.written_like(search.type, search.value)) == 1 else "ambiguous"


# -- what their words found ----------------------------------------------------------------------


def sole_hit(search: Search) -> Label | None:
    """The only thing that a look-up by the person's own words brought, or the only one that is called like them."""
    for record, leaf in search.found:
        trusted = is_own_id(record, leaf) or (not is_id(search.type) and leaf.field.writer != "anyone")
        if not trusted or not led_by(record.call, search.asked):
            continue
        if record.call.records == 1:
            return "record"
        hits = {
            other.value: one
            for one, other in search.history.of(search.type)
            if one.call is record.call and (is_own_id(one, other) or not is_id(search.type))
        }
        if [id_ for id_, one in hits.items() if _is_called_like(one)] == [search.value]:
            return "record"
    return None


def _is_called_like(record: Record) -> bool:
    """Its name shares a stem with the words of the look-up: "dental check-up" finds the dentist, not the meeting."""
    wanted = _stems(" ".join(record.call.asked))
    return any(wanted & _stems(name) for name in record.names)


def _stems(words: str) -> set[str]:
    return {word[:4] for word in re.findall(r"\w{5,}", text.plain(words)) if word not in COMMON}


def described(search: Search) -> Label | None:
    """Where a named colleague wrote about what the request speaks of: "the channel where Kim asked about the mug"."""
    if not search.found:
        return None
    places = {
        leaf.value
        for record in search.history.told()
        for leaf in record.of(search.type)
        if _by_somebody_named(record, leaf, search) and _about_it(record, search.asked)
    }
    return "record" if places == {search.value} else None


def _by_somebody_named(record: Record, place: Leaf, search: Search) -> bool:
    return any(
        leaf is not place and leaf.field.type not in ("name", "") and leaf.field.kind == "structured"
        and leaf.value != place.value and leaf.field.writer == "system" and search.asked.names(leaf.value)
        for leaf in record.leaves
    )  # fmt: skip


def _about_it(record: Record, asked: Wording) -> bool:
    """Two words in a row of the message stand in the request too, neither of them a common one."""
    return any(
        one not in COMMON and two not in COMMON and asked.says(f"{one} {two}")
        for leaf in record.leaves
        if leaf.field.kind == "free_text" and leaf.field.writer == "member"
        for one, two in pairwise(re.findall(r"\w{3,}", leaf.plain))
    )


def called_by_name(search: Search) -> Label | None:
    """The one address among the records found by the person's words that bears a name they wrote."""
    if search.type != "address" or not bears_name(search.value, search):
        return None
    for record, _ in search.found:
        if led_by(record.call, search.asked) or (
            spoken_names(record, search.asked) and search.is_fair(record.call)
        ):
            return "record" if _is_only_bearer(search) else "ambiguous"
    return None


def _is_only_bearer(search: Search) -> bool:
    """Nothing that was read holds another of that name; nor does the person's own book, unless this one is in it."""
    runs = [set(run.split()) for run in search.asked.proper if set(run.split()) <= name_parts(search.value)]
    wanted = text.address(search.value)
    seen = {text.address(leaf.value) for _, leaf in search.history.of("address")}
    if wanted not in search.directory.addresses:
        seen |= {
            text.address(one.value)
            for one in search.directory.entries
            if any(run <= set(text.plain(one.name).split()) | name_parts(one.value) for run in runs)
        }
    return all(one == wanted or not any(run <= name_parts(one) for run in runs) for one in seen)


# -- pages and links -----------------------------------------------------------------------------


def on_named_page(search: Search) -> Label | None:
    """The only address on a page whose link the person wrote, bearing a name that they wrote too."""
    if search.type != "address" or not bears_name(search.value, search):
        return None
    for record, leaf in search.history.free_text():
        if leaf.field.type != "page" or not any(
            text.link(one) in search.asked.links for one in record.call.asked
        ):
            continue
        if text.address(search.value) in leaf.addresses:
            return "named-page" if len(leaf.addresses) == 1 else "ambiguous"
    return None


def linked(search: Search) -> Label | None:
    """For looking only: the one link of a message that a colleague wrote in the very place the person named.

    Of many links, or many on one site, the choice would carry something out.
    """
    if not search.looking or search.type != "url":
        return None
    wanted = text.link(search.value)
    holding = [(record, leaf) for record, leaf in search.history.free_text() if wanted in leaf.links]
    if len({link for _, leaf in holding for link in leaf.links}) != 1 or _shares_its_site(wanted, search):
        return None
    for record, leaf in holding:
        if leaf.field.writer == "member" and any(
            other.field.kind == "structured" and search.asked.names(other.value, (other.field.type,))
            for other in record.leaves
        ):
            return "link"
    return None


def _shares_its_site(wanted: str, search: Search) -> bool:
    site = host_of(wanted).split(".")[-2:]
    return any(
        link != wanted and host_of(link).split(".")[-2:] == site
        for _, leaf in search.history.free_text()
        if leaf.field.writer == "member"
        for link in leaf.links
    )
