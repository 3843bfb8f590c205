"""What may flow into text that leaves the claw.

Links, addresses, remote images, secrets and long digits that the person did not supply are held; what is internal
stays with those who can read it already. The answer that a person sees is outgoing text too: an image in it fetches
a link.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from meshclaw.flow.action import Action
from meshclaw.flow.decision import Decision, ask
from meshclaw.flow.declaration import TARGETS, Declaration
from meshclaw.guard import text
from meshclaw.guard.context import Context
from meshclaw.guard.disguise import Squeezed
from meshclaw.guard.history import History, Record, is_id, stretches
from meshclaw.guard.links import targets_in
from meshclaw.guard.origin.search import led_by
from meshclaw.guard.request.wording import Wording, wording

_GAP = r"[ \-./_()]{0,2}|,"
_DIGITS = re.compile(rf"(?<!\d)\+?\d(?:(?:{_GAP})\d){{7,}}(?!\d)")
_WHEN = re.compile(
    r"\b(?:19|20)\d\d-[01]\d-[0-3]\d(?:[ T][0-2]\d:[0-5]\d(?::[0-5]\d)?)?\b|\b[0-2]?\d:[0-5]\d\b"
)
_IMAGE = re.compile(
    r"!\[|<\s{0,9}(?:img|iframe|object|embed|link|script|svg|video|audio|meta|base|form)\b", re.IGNORECASE
)
# Shapes of keys whose issuers mark them, so that leaks can be found (their own published prefixes).
KEY = re.compile(
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----|(?<![\w-])(?:sk-[\w-]{16,}|gh[pousr]_\w{20,}|github_pat_\w{20,}"
    r"|glpat-[\w-]{16,}|xox[abeoprs]-[\w-]{10,}|AKIA[A-Z0-9]{16}|ASIA[A-Z0-9]{16}|AIza[\w-]{30,}"
    r"|eyJ[\w-]{10,}+\.eyJ[\w-]{10,}+\.)"
)


def check(_: Action, context: Context) -> Decision | None:
    declaration = context.declaration
    if declaration is None or not context.request.words:
        return None
    return next(_held(declaration, wording(context.request.words), context), None)


def _held(declaration: Declaration, asked: Wording, context: Context) -> Iterator[Decision]:
    reading = declaration.effect == "read"
    leaves = not reading and _leaves_the_person(declaration, context)
    lists = _lists(context) if leaves else []
    words, readers = declaration.words, f"who reads {', '.join(lists)} is not known"
    for path, value in _contents(context):
        for what, found in _finds(value, asked, context, reading=reading, leaves=leaves):
            yield _ask(what, path, f"{path} contains {found!r}: {_WHY[what]}")
        if leaves and _is_internal(value, asked, context.history):
            yield _ask("internal", path, f"{words}? {path} repeats text from a place you did not name.")
        if lists and _is_internal(value, asked, context.history, for_all=True):
            yield _ask("list", path, f"{words}? {path} repeats internal text, and {readers}.")
    if leaves and (path := _passes_on(declaration, asked, context)):
        yield _ask("internal", path, f"{words}? {path} was made here from text of a place you did not name.")
    if lists and (path := _passes_on(declaration, asked, context, for_all=True)):
        yield _ask("list", path, f"{words}? {path} was made here from internal text, and {readers}.")


def _ask(what: str, path: str, question: str) -> Decision:
    return ask(f"information.{what}", f"{path}: {_WHY[what]}", question=question)


_WHY = {
    "link": "a link that you did not supply",
    "address": "a mail address that you did not supply and that stands in no record you spoke of",
    "image": "an image or an embedded object, which fetches from outside",
    "key": "something with the shape of a key",
    "secret": "a secret that was read in this run",
    "digits": "a long number that you did not supply",
    "internal": "it repeats internal text that you did not speak of",
    "list": "internal text for a mailing list, whose readers nobody knows",
}


def _contents(context: Context) -> Iterator[tuple[str, str]]:
    """Whatever is not a target: each of those is accounted for, to the letter, by the layer before."""
    for path, value, argument in context.values:
        if argument is None or argument.role not in TARGETS:
            yield path, value


def _finds(
    value: str, asked: Wording, context: Context, *, reading: bool, leaves: bool
) -> Iterator[tuple[str, str]]:
    """What must not leave unseen, most telling first. What only looks may be told where to look, and no secret."""
    secrets = context.history.secrets
    if secrets and (squeezed := Squeezed(value)):
        yield from (("secret", f"{one[:2]}…") for one in secrets if squeezed.carries(one))
    if key := KEY.search(value):
        yield "key", f"{key[0][:6]}…"
    if reading:
        return
    if image := _IMAGE.search(value):
        yield "image", image[0]
    yield from (("link", one) for one in targets_in(value) if one not in asked.supplied_links)
    if leaves and "@" in text.legible(value):
        yield from (
            ("address", one) for one in text.addresses(value) if not _may_be_told(one, asked, context)
        )
    for number in _DIGITS.findall(_WHEN.sub(" ", text.legible(value))):
        if re.sub(r"\D", "", number) not in asked.digits:
            yield "digits", number


def _may_be_told(address: str, asked: Wording, context: Context) -> bool:
    """The person wrote it, knows it, or it is the structured field of something: no line in a stranger's text."""
    if address in asked.supplied_addresses or address in context.directory.addresses:
        return True
    return bool(context.history.holding("address", address))


def _leaves_the_person(declaration: Declaration, context: Context) -> bool:
    labels = {
        one.label
        for one in context.origins
        if (a := declaration.argument(one.path)) and a.role == "destination"
    }
    return labels != {"own"} and (bool(labels) or declaration.effect in ("send", "deploy", "admin"))


def _lists(context: Context) -> list[str]:
    """The mailing lists among those whom it reaches."""
    reached = [
        one.text for one in context.values if one.argument is not None and one.argument.role == "destination"
    ]
    return [one for one in map(text.address, reached) if one in context.directory.lists]


def _passes_on(declaration: Declaration, asked: Wording, context: Context, *, for_all: bool = False) -> str:
    """The path of a thing that this run made itself and filled with internal text."""
    for one in context.origins:
        argument = declaration.argument(one.path)
        if one.label != "run" or argument is None or not is_id(argument.type):
            continue
        for record, own in context.history.holding(argument.type, one.value):
            if record.id is own and any(
                _is_internal(
                    leaf.value, asked, context.history, but=one.value, kind=argument.type, for_all=for_all
                )
                for leaf in record.leaves
                if leaf.field.kind == "free_text"
            ):
                return one.path
    return ""


def _is_internal(
    value: str, asked: Wording, history: History, *, but: str = "", kind: str = "", for_all: bool = False
) -> bool:
    """A stretch of internal text stands in ``value``, from a record that the request did not lead to.

    ``for_all``: from whatever record; to speak of a text names no readers.
    """
    judged: dict[int, bool] = {}
    for stretch in stretches(text.plain(value)):
        for record in history.internal(stretch):
            if id(record) not in judged:
                own = record.id is not None and (record.id.field.type, record.id.value) == (kind, but)
                judged[id(record)] = not own and (for_all or not _led_to(record, asked))
            if judged[id(record)]:
                return True
    return False


def _led_to(record: Record, asked: Wording) -> bool:
    """The person named the record, or it was found by their own words."""
    return led_by(record.call, asked) or bool(asked.spoken(record.names))
