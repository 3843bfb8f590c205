"""``meshclaw models``: which ones there are, whether they answer, and where their keys lie."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import click
import msgspec

from meshclaw.cli import screen
from meshclaw.errors import MeshClawError, UserError
from meshclaw.flow.conversation import Heard, Prompt
from meshclaw.flow.usage import Tokens
from meshclaw.settings.models import Entry, key_of
from meshclaw.wiring import Claw, open_claw

LIMIT = 256
"""Output tokens: some models think before the one word."""
QUESTION = Prompt(fixed="Answer with one word.", turns=(Heard(text="Say: ready"),))


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    model: str
    ok: bool
    error: str = ""
    code: str = ""
    ms: int = 0
    answered_by: str = ""
    """As the server names it."""
    tokens: Tokens = Tokens()
    counted: bool = False
    cost_usd_micros: int = 0
    price_known: bool = False


@click.group("models")
def command() -> None:
    """The models that agents may ask: classes and their order, keys, a test.

    They stand in models.toml of the state folder; no key ever does. Without any, what rules can do works all the same.
    """


@command.command("list")
@screen.as_json
def list_(as_json: bool) -> None:
    """Every model that is named, with its class, address and where its key comes from."""
    with open_claw() as claw:
        entries, classes = claw.models.all(), claw.models.classes
    if as_json:
        screen.data({"classes": classes, "models": entries})
        return
    rows = [
        (entry.name, entry.model, _classes(entry, classes), entry.base_url or "its vendor's", entry.where_key)
        for entry in entries
    ]
    screen.table(
        ("NAME", "MODEL", "CLASSES", "ADDRESS", "KEY FROM"), rows,
        empty="None yet: name some in models.toml of the state folder (docs/models.md), or try one:\n"
        "  meshclaw models connect anthropic:claude-haiku-4-5",
    )  # fmt: skip


def _classes(entry: Entry, classes: dict[str, tuple[str, ...]]) -> str:
    """``fast 2``: the second of its class."""
    found = [
        f"{name} {members.index(entry.name) + 1}"
        for name, members in classes.items()
        if entry.name in members
    ]
    return ", ".join(found)


@command.command()
@click.argument("name")
@screen.as_json
def test(name: str, as_json: bool) -> None:
    """Ask one tiny question and show how long it took, the tokens by class, and what it cost.

    NAME is a model, a class, whose models are all asked, or provider:model.
    """
    with open_claw() as claw:
        claw.refuse_if_stopped()
        answers = [_ask(claw, entry, lambda entry=entry: key_of(entry)) for entry in claw.models.of(name)]
    if as_json:
        screen.data(answers)
    else:
        for answer in answers:
            click.echo(_line(answer))
    if not all(answer.ok for answer in answers):
        sys.exit(4 if all(answer.code == "sign_in_needed" for answer in answers if not answer.ok) else 1)


@command.command()
@click.argument("name")
@click.option("--key-stdin", is_flag=True, help="Read the key from standard input instead of asking for it.")
@screen.dry_run
def connect(name: str, key_stdin: bool, dry_run: bool) -> None:
    """Put the key of a model into the system's keyring, once the model has answered with it.

    One key serves all models of a vendor; a server at an address of its own has a key of its own.
    """
    from meshclaw.settings.secrets import to_keyring

    with open_claw() as claw:
        claw.refuse_if_stopped()
        entry = claw.models.one(name)
        if entry.where_key != "keyring":
            raise UserError(
                f"{name} takes no key from the keyring: in models.toml its key is {entry.where_key!r}",
                fix=f"Try it as it is: meshclaw models test {name}",
            )
        asked = (
            sys.stdin.readline() if key_stdin else click.prompt(f"Key for {name}", hide_input=True, err=True)
        )
        if not (key := asked.strip()):
            raise UserError("that is no key", fix=f"Give it on one line: meshclaw models connect {name}")
        answer = _ask(claw, entry, lambda: key, failing=True)
        if not dry_run:
            to_keyring(
                entry.keyring,
                key,
                other_ways='Name an environment variable in models.toml: key = "env:NAME".',
            )
    screen.words(f"{'Would connect' if dry_run else 'Connected'} {_line(answer)}")


def _ask(claw: Claw, entry: Entry, key: Callable[[], str], *, failing: bool = False) -> Answered:
    """``failing``: raise what goes wrong instead of telling it."""
    from meshclaw.llm.adapter import Adapter
    from meshclaw.llm.booked import cost_of

    adapter = Adapter(entry, key)
    try:
        start = time.monotonic()
        reply = adapter.ask(QUESTION, limit=LIMIT)
        ms = round((time.monotonic() - start) * 1000)
    except MeshClawError as error:
        if failing or isinstance(error, UserError):
            raise
        return Answered(model=entry.name, ok=False, error=error.message, code=error.code)
    finally:
        adapter.close()
    price = cost_of(reply, entry, int(time.time() * 1000), claw.sheet)
    return Answered(
        model=entry.name, ok=True, ms=ms, answered_by=reply.model, tokens=reply.tokens, counted=reply.counted,
        cost_usd_micros=price.micros, price_known=price.known,
    )  # fmt: skip


def _line(answer: Answered) -> str:
    if not answer.ok:
        return f"{answer.model}: {click.style('failed', fg='red')}, {screen.clean(answer.error)}"
    used = {name: value for name, value in msgspec.structs.asdict(answer.tokens).items() if value}
    counts = ", ".join(f"{value} {name.replace('_', ' ')}" for name, value in used.items())
    told = "" if answer.counted else " (at most: the server does not count)"
    price = f"${answer.cost_usd_micros / 1e6:.6f}" + (
        "" if answer.price_known else ", as the dearest known model"
    )
    return f"{answer.model}: {answer.ms / 1000:.1f} s, {counts} tokens{told}, {price}"
