"""Values that the person wrote, or that stand in their own books; and those that merely look like it."""

from __future__ import annotations

import re

from meshclaw.flow.lookalike import alike, skeleton
from meshclaw.guard import text
from meshclaw.guard.history import is_id, normal
from meshclaw.guard.links import host_of
from meshclaw.guard.origin.search import Label, Search, is_own_id
from meshclaw.guard.request import amounts

_MARKS = ("id", "#", "number", "no", "nr")
_CODE = re.compile(r"(?=.*\d)(?=.*[a-z])[\w-]{6,}")
"""An id that nobody writes by accident."""


def left_out(search: Search) -> Label | None:
    """Of an id, what the thing is called: it is its name that people leave out."""
    asked = search.asked
    if not asked.left_out:
        return None
    called = (name for record, leaf in search.found if is_own_id(record, leaf) for name in record.names)
    return "left-out" if any(asked.leaves_out(one) for one in (search.value, *called)) else None


def disguised(search: Search) -> Label | None:
    """A value with invisible or borrowed characters is none that the person wrote, unless they wrote just that."""
    value = search.value
    odd = text.legible(value) != value or min(value, default=" ") < " "
    return "look-alike" if odd and value not in search.asked.parts.own else None


def written(search: Search) -> Label | None:
    asked, value = search.asked, search.value
    match search.type:
        case "address":
            there = text.address(value) in asked.addresses
        case "url":
            there = text.link(value) in asked.links
        case _ if search.role == "amount":
            there = _is_amount(search)
        case type_ if is_id(type_):
            there = _is_marked(search)
        case _:
            return _named(search)
    return "person" if there else None


def _is_amount(search: Search) -> bool:
    spoken = search.asked.amounts
    return bool(spoken) and amounts.normal(search.value, search.type) in spoken


def _is_marked(search: Search) -> bool:
    """ "13" is no file because the request says "June 13"; "file 13" and "#13" are."""
    asked, value = search.asked, text.plain(search.value)
    if value in asked.quoted or f"#{value}" in asked.words:
        return True
    if not any(char.isdigit() for char in value):
        return False
    known = _CODE.fullmatch(value) is not None and text.holds(value, asked.targets)
    return known or any(text.holds(f"{mark} {value}", asked.targets) for mark in (*_MARKS, *search.nouns))


def _named(search: Search) -> Label | None:
    """By its very name; where two differ only in case, hyphens and the like, by the one they wrote to the letter."""
    asked, value = search.asked, search.value
    if not asked.names(value, search.nouns):
        return None
    others = search.history.written_like(search.type, value) - {value}
    exact = text.holds(value, asked.parts.targets)
    return "person" if not others or exact else "ambiguous"


def own(search: Search) -> Label | None:
    value = text.address(search.value) if search.type == "address" else text.plain(search.value)
    return "own" if value and value in search.directory.own else None


def known(search: Search) -> Label | None:
    """In the person's own books, under a name that they wrote and that nobody else there bears."""
    entries = [entry for entry in search.directory.entries if entry.type == search.type and entry.name]
    wanted = normal(search.type, search.value)
    for entry in entries:
        if normal(search.type, entry.value) != wanted:
            continue
        full = text.plain(entry.name)
        first = full.partition(" ")[0]
        if search.asked.names(entry.name) or (" " in full and search.asked.says(entry.name)):
            alike_ = {normal(search.type, one.value) for one in entries if text.plain(one.name) == full}
        elif first in search.asked.capitals:
            alike_ = {
                normal(search.type, one.value)
                for one in entries
                if text.plain(one.name).partition(" ")[0] == first
            }
        else:
            continue
        return "directory" if len(alike_) == 1 else "ambiguous"
    return None


def bears_name(address: str, search: Search) -> bool:
    """The person wrote a name of which every word stands before the @."""
    parts = name_parts(address)
    return any(set(run.split()) <= parts for run in search.asked.proper)


def name_parts(address: str) -> frozenset[str]:
    return frozenset(re.split(r"[._+\-]", text.address(address).partition("@")[0])) - {""}


def looks_like(search: Search) -> str:
    """What the person wrote or knows and this value is easily taken for; empty where there is none."""
    match search.type:
        case "address":
            return _address_like(search)
        case "url":
            host = host_of(text.link(search.value))
            return next((one for one in sorted(_hosts(search)) if _domain_like(host, one)), "")
        case type_ if is_id(type_) or search.role == "amount":
            return ""
        case _:
            wanted = skeleton(text.plain(search.value))
            names = sorted(search.asked.proper | search.asked.quoted)
            return next((one for one in names if skeleton(one) == wanted), "")


def _hosts(search: Search) -> set[str]:
    return {host_of(one) for one in search.asked.links}


def _address_like(search: Search) -> str:
    wanted = text.address(search.value)
    local, _, domain = wanted.rpartition("@")
    for known_ in sorted(
        search.asked.addresses | search.directory.addresses, key=lambda one: _distance(one, local)
    ):
        other, _, host = known_.rpartition("@")
        same_person = domain == host and (_squeezed(local) == _squeezed(other) or alike(local, other))
        if host and known_ != wanted and (same_person or _domain_like(domain, host)):
            return known_
    return ""


def _distance(address: str, local: str) -> tuple[bool, str]:
    """The same person at another host first."""
    return address.partition("@")[0] != local, address


def _domain_like(domain: str, host: str) -> bool:
    if not domain or not host or domain == host or domain.endswith(f".{host}"):
        return False
    wide = _unicode(domain)
    return (
        alike(wide, host)
        or domain.startswith(f"{host}.")
        or f".{host}." in domain
        or _stem(wide) == _stem(host)
    )


def _stem(domain: str) -> str:
    """A known name under another ending: ``acme.co`` beside ``acme.com``."""
    labels = domain.split(".")
    return labels[-2] if len(labels) > 1 and len(labels[-2]) > 4 else domain


def _unicode(domain: str) -> str:
    try:
        return ".".join(
            one[4:].encode().decode("punycode") if one.startswith("xn--") else one
            for one in domain.split(".")
        )
    except UnicodeError:
        return domain


def _squeezed(local: str) -> str:
    """Without a plus tag; dots and dashes are easily overlooked."""
    return re.sub(r"[.\-_]", "", local.partition("+")[0])
