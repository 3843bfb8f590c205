"""Fifth layer: what may flow into text that leaves the claw.

Links, remote images, secrets and long digits that the person did not supply are held; what is internal stays with
those who can read it already. The answer that a person sees is outgoing text too: an image in it fetches a link.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from urllib.parse import quote

from meshclaw.flow.action import Action
from meshclaw.flow.decision import Decision, ask
from meshclaw.flow.declaration import Declaration
from meshclaw.guard import text
from meshclaw.guard.context import Context
from meshclaw.guard.history import History, Record, named_leaves
from meshclaw.guard.wording import Wording, wording

_DIGITS = re.compile(r"(?<![\w.])\+?\d(?:[ \-./]?\d){7,}(?!\w)")
_WHEN = re.compile(r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d)?)?")
_IMAGE = re.compile(
    r"!\[[^\]]*\]\s*[(\[]|<\s*(?:img|iframe|object|embed|link|script|svg|video|audio)\b", re.IGNORECASE
)
# Shapes of keys whose issuers mark them, so that leaks can be found (their own published prefixes).
_KEY = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----|\b(?:sk-[\w-]{16,}|gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}"
    r"|xox[abeoprs]-[\w-]{10,}|AKIA[A-Z0-9]{16}|ASIA[A-Z0-9]{16}|AIza[\w-]{30,}|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]*)"
)
_SHINGLE = 6
"""Words in a row that count as taken from a text rather than alike by chance."""


def check(action: Action, context: Context) -> Decision | None:
    declaration = context.declaration
    if declaration is None or not context.request.words or declaration.effect == "read":
        return None
    asked = wording(context.request.words)
    for path, value in named_leaves(action.arguments):
        argument = declaration.argument(path)
        if argument is not None and argument.role != "text":
            continue
        if objection := _held(path, value, asked, context.history):
            return objection
        if _leaves_the_person(declaration, context) and _is_internal(value, asked, context.history):
            return ask(
                "information.internal", f"{path}: it repeats internal text that you did not speak of",
                question=f"{declaration.words}? {path} repeats text from a place you did not name.",
            )  # fmt: skip
    return None


def _held(path: str, value: str, asked: Wording, history: History) -> Decision | None:
    for what, found in _finds(value, asked, history):
        return ask(
            f"information.{what}",
            f"{path}: {_WHY[what]}",
            question=f"{path} contains {found!r}: {_WHY[what]}",
        )
    return None


_WHY = {
    "link": "a link that you did not supply",
    "image": "an image or an embedded object, which fetches from outside",
    "key": "something with the shape of a key",
    "secret": "a secret that was read in this run",
    "digits": "a long number that you did not supply",
}


def _finds(value: str, asked: Wording, history: History) -> Iterator[tuple[str, str]]:
    """What must not leave unseen, most telling first."""
    if secret := next((one for one in history.secrets if _carries(value, one)), None):
        yield "secret", f"{secret[:2]}…"
    if key := _KEY.search(value):
        yield "key", f"{key[0][:6]}…"
    if image := _IMAGE.search(value):
        yield "image", image[0]
    for link in text.links(value):
        if link not in asked.links:
            yield "link", link
    for number in _DIGITS.findall(_WHEN.sub(" ", value)):
        if re.sub(r"\D", "", number) not in re.sub(r"[ \-./]", "", asked.plain):
            yield "digits", number


def _carries(value: str, secret: str) -> bool:
    """Whether ``value`` holds the secret, as it is or in one of the common disguises."""
    if len(secret) < 4:
        return False
    raw = secret.encode()
    disguises = {
        secret, secret[::-1], raw.hex(), quote(secret), base64.b64encode(raw).decode().rstrip("=")[:-1],
        base64.urlsafe_b64encode(raw).decode().rstrip("=")[:-1], base64.b32encode(raw).decode().rstrip("=")[:-1],
    }  # fmt: skip
    squeezed = re.sub(r"[\s\-_.,:|]+", "", value).casefold()
    return any(re.sub(r"[\s\-_.,:|]+", "", one).casefold() in squeezed for one in disguises)


def _leaves_the_person(declaration: Declaration, context: Context) -> bool:
    reaches = [one for one in context.origins if one.label != "own"]
    destinations = {
        one.path for one in reaches if (a := declaration.argument(one.path)) and a.role == "destination"
    }
    return bool(destinations) or declaration.effect in ("send", "deploy", "admin")


def _is_internal(value: str, asked: Wording, history: History) -> bool:
    """A stretch of internal text stands in ``value``, from a record that the request did not lead to."""
    words = re.findall(r"\w+", text.plain(value))
    stretches = {tuple(words[i : i + _SHINGLE]) for i in range(len(words) - _SHINGLE + 1)}
    if not stretches:
        return False
    return any(
        not _led_to(record, asked) and _shares(leaf.value, stretches)
        for record, leaf in history.free_text()
        if leaf.field.secrecy == "internal"
    )


def _shares(source: str, stretches: set[tuple[str, ...]]) -> bool:
    words = re.findall(r"\w+", text.plain(source))
    return any(tuple(words[i : i + _SHINGLE]) in stretches for i in range(len(words) - _SHINGLE + 1))


def _led_to(record: Record, asked: Wording) -> bool:
    """The person named the record, or it was found by their own words."""
    by_words = bool(record.call.asked) and all(asked.says(one) for one in record.call.asked)
    return by_words or any(asked.names(name) for name in record.names())
