"""The slip of an ask: made from the action, its declaration and the decision; and read back into sections.

``draw`` makes the data that an answer is bound to. ``sections`` works out what deserves a look (real link targets,
domains, hidden characters, changes) from that data alone, on whichever machine shows it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import get_args

import msgspec

from meshclaw.flow.action import Action, Value, leaves
from meshclaw.flow.decision import Decision
from meshclaw.flow.declaration import Declaration, Effect, Role
from meshclaw.flow.slip import Enclosed, Slip
from meshclaw.flow.units import digest_of
from meshclaw.guard import links
from meshclaw.guard.exposed import exposed, hidden, is_right_to_left, written_out

LADDER = "autonomy."
"""Rules of the ladder: they speak of the agent, and change when another ask is answered."""
REACHING: frozenset[Effect] = frozenset({"send", "deploy", "spend", "admin"})
"""Effects that reach others than the person."""
LINKS_SHOWN = 20
"""Targets written out per text; of all further ones the hosts are."""
LINES_COMPARED = 2_000
ORDER: tuple[Role, ...] = ("destination", "amount", "code", "time", "reference", "secret", "text")
"""What decides most comes first."""
CAREFUL: tuple[Role, ...] = ("secret", *ORDER)
ORIGINS = {
    "person": "you wrote it",
    "own": "it is your own",
    "directory": "you know it by the name you wrote",
    "run": "this run made it",
    "approved": "you said yes to it in this run",
    "record": "the record you spoke of",
    "selection": "what you described",
    "named-page": "the page you named",
    "link": "a colleague's message in the place you named",
    "ambiguous": "two things have the name you wrote",
    "look-alike": "it only looks like what you wrote",
    "structured": "a field of another record than the one you spoke of",
    "member": "a text that a colleague wrote",
    "outside": "a text that strangers can write",
    "nowhere": "nothing that was read or asked holds it: the agent made it up",
}


def draw(
    action: Action, declaration: Declaration, asked: Decision | None, *,
    enclosed: Mapping[str, Enclosed], agent: str, salt: str,
) -> Slip:  # fmt: skip
    """``asked`` is None where nobody asks any more. Secrets are in it by their salted digest only."""
    asks = _asks(asked)
    return Slip(
        run=action.run, agent=agent, verb=action.verb, declaration=declaration.digest, salt=salt,
        arguments={
            name: _sealed(value, salt) if role_of(declaration, name) == "secret" else value
            for name, value in action.arguments.items()
        },
        enclosed=dict(enclosed), labels=dict(asked.labels) if asked else {},
        asks=tuple(" ".join(filter(None, (one.reason, one.question))) for one in asks), layers=_layers(asks),
    )  # fmt: skip


def still_holds(
    slip: Slip,
    action: Action,
    declaration: Declaration,
    asked: Decision | None,
    enclosed: Mapping[str, Enclosed],
) -> bool:
    """Whether ``slip`` is what would be shown now: the same facts, and no layer asks that did not ask then.

    Where values come from stays as it was told then: what the run had read may be forgotten by now.
    """
    now = draw(action, declaration, None, enclosed=enclosed, agent=slip.agent, salt=slip.salt)
    told = msgspec.structs.replace(now, asks=slip.asks, layers=slip.layers, labels=slip.labels)
    return told.digest == slip.digest and set(_layers(_asks(asked))) <= set(slip.layers)


def _asks(asked: Decision | None) -> list[Decision]:
    return [one for one in (asked, *asked.also) if not one.rule.startswith(LADDER)] if asked else []


def _layers(asks: list[Decision]) -> tuple[str, ...]:
    return tuple(sorted({one.rule.partition(".")[0] for one in asks}))


def role_of(declaration: Declaration, name: str) -> Role:
    """Of a whole argument: the most careful one of those declared for it and for what is nested in it."""
    declared = declaration.arguments.items()
    roles: set[Role] = {one.role for path, one in declared if f"{path}.".startswith(f"{name}.")}
    for role in CAREFUL:
        if role in roles:
            return role
    return "destination"


def _sealed(value: Value, salt: str) -> Value:
    return f"SHA-256 {digest_of((salt, value))}"


class Note(msgspec.Struct, frozen=True, kw_only=True):
    words: str
    """Ours: fixed words and numbers, never a piece of a value."""
    lines: list[str] = []
    """Theirs, made visible."""
    alarming: bool = False


class Section(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    role: Role
    lines: list[str]
    """The value, theirs, made visible."""
    origin: str = ""
    """Ours: where the value comes from."""
    notes: list[Note]
    whole: bool = False
    """Never shortened, however long."""


def sections(slip: Slip, declaration: Declaration) -> list[Section]:
    """The values by what they decide, destinations first; what the connector enclosed comes last."""
    arguments = sorted(slip.arguments.items(), key=lambda item: ORDER.index(role_of(declaration, item[0])))
    made = [_of_argument(slip, declaration, name, value) for name, value in arguments]
    return [*made, *(_section(name, one.role, one.value) for name, one in slip.enclosed.items())]


def _of_argument(slip: Slip, declaration: Declaration, name: str, value: Value) -> Section:
    declared = declaration.arguments.get(name)
    section = _section(name, role_of(declaration, name), value)
    labels = {label for path, label in slip.labels.items() if path == name or path.startswith(f"{name}.")}
    told = [ORIGINS[label] for label in sorted(labels) if label in ORIGINS]
    odd = [Note(words="It comes from", lines=exposed(label)) for label in sorted(labels - ORIGINS.keys())]
    changes = _changes(slip, declared.replaces, value) if declared and declared.replaces else ()
    return msgspec.structs.replace(section, origin="; ".join(told), notes=[*odd, *changes, *section.notes])


def _section(name: str, role: Role, value: Value) -> Section:
    texts = [leaf for leaf in leaves(value) if isinstance(leaf, str)]
    notes = [Note(words=f"It holds {kind}", alarming=True) for text in texts for kind in hidden(text)]
    if any(is_right_to_left(text) for text in texts):
        notes.append(
            Note(words="It holds letters that are written from right to left; their lines are marked rtl")
        )
    if role == "destination":
        notes += [note for text in texts for note in _destination(text)]
    elif role in ("text", "code"):
        notes += [note for text in texts for note in _links(text)]
    return Section(name=name, role=role, lines=_lines(value), notes=notes, whole=role == "destination")


def _lines(value: Value) -> list[str]:
    """A text by its lines; a list by its items, one line each; anything else as JSON."""
    if isinstance(value, str):
        return exposed(value)
    if isinstance(value, list | tuple) and not any(isinstance(one, list | tuple | dict) for one in value):
        return [_one_line(one) for one in value] or ["(none)"]
    return exposed(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def _one_line(value: object) -> str:
    """A line break within an item must not make two of it."""
    return (
        written_out("\n").join(exposed(value))
        if isinstance(value, str)
        else msgspec.json.encode(value).decode()
    )


# -- what deserves a look ------------------------------------------------------------------


def _destination(text: str) -> Iterator[Note]:
    if "\n" in text:
        yield Note(words="It holds a line break", alarming=True)
    host = links.host_of(text)
    name = text if not host else _written_host(text)
    if not name.isascii():
        written = ", ".join(links.scripts(name)) or "no"
        yield Note(words=f"Not plain: it is written in {written} letters", alarming=True)
    if host and (not name.isascii() or "xn--" in host or "://" in text or "<" in text):
        yield Note(words="It leads to", lines=[_one_line(host)])


def _written_host(text: str) -> str:
    """All of an address may deceive; of a URL the host alone."""
    return text.partition("//")[2].partition("/")[0] if "//" in text else text


def _links(text: str) -> Iterator[Note]:
    found = links.links_in(text)
    for link in found[:LINKS_SHOWN]:
        words = "Link"
        if link.misleads:
            words = "Link that shows another host than the one it leads to"
        elif "xn--" in link.host:
            words = "Link to a host whose letters are not plain"
        shown = [f"{link.text} → {link.target}" if link.text else link.target]
        if link.host not in link.target:  # written so that the host is not what it seems
            shown += [f"host: {link.host}"]
        yield Note(words=words, lines=[_one_line(line) for line in shown], alarming=words != "Link")
    if rest := found[LINKS_SHOWN:]:
        places = [_one_line(place) for place in dict.fromkeys(link.host or link.target for link in rest)]
        yield Note(words=f"{len(rest)} more links, to {len(places)} places", lines=places, alarming=True)
    if len(text) > links.MOST:
        yield Note(
            words=f"Too long: links were looked for in its first {links.MOST} characters only", alarming=True
        )


def _changes(slip: Slip, replaces: str, value: Value) -> Iterator[Note]:
    """What becomes other than it is now, as a unified diff."""
    enclosed = slip.enclosed.get(replaces)
    before = slip.arguments.get(replaces, enclosed.value if enclosed else None)
    if before is None:
        yield Note(words="What stands there now could not be shown", alarming=True)
        return
    old, new = _lines(before), _lines(value)
    if max(len(old), len(new)) > LINES_COMPARED:
        yield Note(words="Too long to compare with what stands there now", alarming=True)
        return
    diff = list(difflib.unified_diff(old, new, lineterm="", n=1))[2:]
    yield Note(words="What changes" if diff else "Nothing changes", lines=diff)


# -- one answer for several ----------------------------------------------------------------


def likeness(slip: Slip, declaration: Declaration) -> str | None:
    """Two slips may share one answer only where this is the same; None where a slip is like no other.

    Everything must be equal but which of the person's own things it is about: verb, declaration, agent, reasons,
    origins and every argument that is not declared an ``item``. Nothing that cannot be taken back, that reaches
    anybody else, or in which something alarming was found is like anything.
    """
    if not declaration.reversible or declaration.effect in REACHING:
        return None
    if any(note.alarming for section in sections(slip, declaration) for note in section.notes):
        return None
    items = {name for name, declared in declaration.arguments.items() if declared.item}
    if any(declaration.role(name) in ("destination", "amount", "code", "secret") for name in items):
        return None
    same = {name: value for name, value in slip.arguments.items() if name not in items}
    labels = {name: label for name, label in slip.labels.items() if name not in items}
    return digest_of((slip.verb, slip.declaration, slip.agent, slip.asks, same, labels))


def alike(first: tuple[Slip, Declaration], second: tuple[Slip, Declaration]) -> bool:
    """Whether one answer may stand for both."""
    key = likeness(*first)
    return key is not None and key == likeness(*second)


def risk(effect: Effect, *, reversible: bool) -> tuple[bool, bool, int]:
    """The greater, the more is at stake: what reaches others, then what cannot be taken back, then the effect."""
    return effect in REACHING, not reversible, get_args(Effect).index(effect)
