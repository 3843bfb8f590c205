"""``meshclaw watch``: add, list, test, remove, log."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import closing, contextmanager
from secrets import token_hex
from typing import get_args

import click
import msgspec

from meshclaw.agents.builtin import CLAW
from meshclaw.agents.definition import name_problem
from meshclaw.agents.schedule import MOST_WORDS
from meshclaw.cli import screen
from meshclaw.cli.schedule import check_connected
from meshclaw.daemon import alone
from meshclaw.daemon.looks import look, problem
from meshclaw.daemon.watches import KIND
from meshclaw.errors import MeshClawError, UserError
from meshclaw.flow.event.schedule import WatchChanged, WatchFailed, WatchFired
from meshclaw.flow.schedule import span
from meshclaw.flow.watch import Command, Fact, Kind, Look, Mail, Path, Seen, Url, When
from meshclaw.triggers import pattern
from meshclaw.triggers.store import Shelf, Store
from meshclaw.triggers.watching import State, Watched, holds
from meshclaw.wiring import Claw, open_claw
from meshclaw.wiring.working import intent_of

SHORTEST_S = 10


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    looks_at: Look
    when: str
    every_s: int
    then: str
    stands: str
    """What the last look saw, in our words; empty before the first."""
    holds: bool
    fired: str
    """When last, RFC 3339; empty where it never did."""


class Tested(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    seen: Seen | None
    holds: bool
    would_fire: bool
    why: str


@contextmanager
def _opened() -> Generator[tuple[Claw, Store, Shelf[Watched]]]:
    with open_claw() as claw, closing(Store(claw.folder)) as store:
        yield claw, store, store.shelf(KIND, Watched)


@click.group("watch")
def command() -> None:
    """Be told, or have something asked, when a thing changes. No model looks: it costs nothing until it is news."""


@command.command()
@click.argument("name")
@click.option("--url", default="", metavar="URL", help="An address to ask with GET.")
@click.option(
    "--at", "at", default="", metavar="PATH", help="With --url: into its JSON, as in status.replicas."
)
@click.option("--private", is_flag=True, help="With --url: it is on your own network or this machine.")
@click.option("--path", default="", help="A file or folder.")
@click.option("--command", "line", default="", metavar="'LINE'", help="A command in the sandbox.")
@click.option("--shown", default="", metavar="FOLDER", help="With --command: a folder that it may read.")
@click.option(
    "--allow", "hosts", multiple=True, metavar="HOST", help="With --command: a host that it may reach."
)
@click.option("--from", "sender", default="", metavar="WORDS", help="Mails whose sender holds these words.")
@click.option("--subject", default="", metavar="WORDS", help="Mails whose subject holds these words.")
@click.option("--within", default="24h", show_default=True, help="With --from or --subject: how far back.")
@click.option(
    "--fact",
    type=click.Choice(["approval-waits", "spend"]),
    default=None,
    help="Hours that something waits for you; dollars that models cost in 24 hours.",
)
@click.option(
    "--when",
    "when",
    default="changed",
    show_default=True,
    metavar="CONDITION",
    help="changed, fails, works, 'matches REGEX', 'over N' or 'under N'.",
)
@click.option("--every", default="60s", show_default=True, help="Between two looks.")
@click.option(
    "--steady",
    type=click.IntRange(1, 100),
    default=None,
    help="Looks in a row that must see the same; 2 where a URL fails, else 1.",
)
@click.option(
    "--cooldown", default="5m", show_default=True, help="Between two fires; it grows while it flaps."
)
@click.option(
    "--ask", default="", metavar="'WORDS'", help="What is asked then, in your words; else you are told."
)
@click.option("--agent", default=CLAW.name, metavar="NAME", help="With --ask: who is asked.")
@click.option("--intent", default="", help="With --ask: which of the agent's intents, where it has several.")
@click.option(
    "--account", default="", metavar="ADDRESS", help="With --ask: which mailbox, if several are connected."
)
@click.option("--urgent", is_flag=True, help="It does not wait for the end of quiet hours.")
@screen.dry_run
@screen.as_json
def add(
    name: str, url: str, at: str, private: bool, path: str, line: str, shown: str, hosts: tuple[str, ...],
    sender: str, subject: str, within: str, fact: str | None, when: str, every: str, steady: int | None,
    cooldown: str, ask: str, agent: str, intent: str, account: str, urgent: bool, dry_run: bool, as_json: bool,
) -> None:  # fmt: skip
    """Watch one thing under NAME. What is there now is where it begins: only what changes from here on is news."""
    import shlex

    looks: list[Look] = [
        *([Url(url=url, path=at, private=private)] if url else []),
        *([Path(path=path)] if path else []),
        *([Command(line=tuple(shlex.split(line)), shown=shown, hosts=hosts)] if line else []),
        *([Mail(sender=sender, subject=subject, within=within)] if sender or subject else []),
        *([msgspec.convert({"type": "fact", "fact": fact}, Look)] if fact else []),
    ]
    if len(looks) != 1:
        raise UserError(
            "a watch looks at one thing", fix="Name one of --url, --path, --command, --from, --fact."
        )
    condition = _when(when)
    if wrong := name_problem(name) or problem(looks[0]):
        raise UserError(wrong)
    if len(ask) > MOST_WORDS:
        raise UserError(f"say in at most {MOST_WORDS} characters what is to be asked")
    flaky = isinstance(looks[0], Url) and condition.kind == "fails"
    with _opened() as (claw, _, shelf):
        check_connected(claw, account)
        asked = claw.agent(agent)
        one = Watched(
            id=token_hex(8), name=name, look=looks[0], when=condition, every_s=_seconds(every, SHORTEST_S),
            steady=steady or (2 if flaky else 1), cooldown_s=_seconds(cooldown, 0), words=ask.strip(), agent=agent,
            intent=intent_of(asked, intent) if ask else "", subject=account, urgent=urgent, digest=asked.digest,
        )  # fmt: skip
        tested = _tested(one, State())
        if not dry_run:
            shelf.put(one)
            claw.ledger.record(WatchChanged(watch=one.id, what="added"))
        running = alone.pid(claw.folder) is not None
    if as_json:
        screen.data({"id": one.id, "name": one.name, "added": not dry_run, "now": tested})
        return
    screen.words(
        f"{'Would watch' if dry_run else 'Watching'} {name} every {every}, until it {_verb(condition)}."
    )
    screen.words(f"Now: {tested.why}")
    if not (dry_run or running):
        screen.words("It needs the daemon, which does not run now: meshclaw daemon run")


@command.command("list")
@screen.as_json
def list_(as_json: bool) -> None:
    """What is watched, how it stands, and when it was news last."""
    with _opened() as (_, store, shelf):
        rows = [_listed(one, store.state(one.id, State) or State()) for one in shelf.all()]
    if as_json:
        screen.data(rows)
        return
    screen.table(
        ("NAME", "LOOKS AT", "WHEN", "THEN", "STANDS", "NEWS"),
        [
            (row.name, _place(row.looks_at), row.when, row.then, row.stands or "not looked yet",
             screen.when(row.fired) if row.fired else "")
            for row in rows
        ],
        empty="Nothing is watched. Begin with: meshclaw watch add --help",
    )  # fmt: skip


@command.command()
@click.argument("name")
@screen.as_json
def test(name: str, as_json: bool) -> None:
    """Look now: what NAME sees, and whether that would be news. Changes nothing; exits 1 where it cannot look."""
    with _opened() as (_, store, shelf):
        one = shelf.get(name)
        tested = _tested(one, store.state(one.id, State) or State())
    if as_json:
        screen.data(tested)
    else:
        click.echo(tested.why)
    sys.exit(0 if tested.seen else 1)


@command.command()
@click.argument("name")
@screen.dry_run
@screen.as_json
def remove(name: str, dry_run: bool, as_json: bool) -> None:
    """Watch NAME no more."""
    with _opened() as (claw, _, shelf):
        one = shelf.get(name)
        if not dry_run:
            shelf.drop(one)
            claw.ledger.record(WatchChanged(watch=one.id, what="removed"))
    if as_json:
        screen.data({"id": one.id, "name": one.name, "done": not dry_run})
    else:
        screen.words(f"{'Would remove' if dry_run else 'Removed'} {one.name}.")


@command.command()
@click.argument("name", required=False)
@click.option("-n", "number", type=click.IntRange(1), default=20, show_default=True, help="How many.")
@screen.as_json
def log(name: str | None, number: int, as_json: bool) -> None:
    """When watches were news, and when they could not look."""
    with _opened() as (claw, _, shelf):
        names = {one.id: one.name for one in shelf.all()}
        wanted = shelf.get(name).id if name else ""
        rows = [
            _logged(claw, event, names) for event in claw.ledger.events(WatchFired, WatchFailed)
            if wanted in ("", event.watch)
        ][-number:]  # fmt: skip
    if as_json:
        screen.data(rows)
        return
    screen.table(
        ("AT", "WATCH", "WHAT", "RUN"),
        [(screen.when(row["at"]), row["watch"], row["what"], screen.short(row["run"])) for row in rows],
        empty="Nothing was news yet.",
    )


def _logged(claw: Claw, event: WatchFired | WatchFailed, names: dict[str, str]) -> dict[str, str]:
    what = (
        f"could not look ({event.error})" if isinstance(event, WatchFailed)
        else msgspec.json.decode(claw.contents.get(event.seen), type=str)
    )  # fmt: skip
    return {"at": event.ts, "watch": names.get(event.watch, event.watch), "what": what, "run": event.run}


def _tested(one: Watched, state: State) -> Tested:
    try:
        seen = look(one.look)
    except MeshClawError as error:
        return Tested(
            name=one.name, seen=None, holds=False, would_fire=False, why=f"it cannot look: {error.message}"
        )
    held = holds(one.when, seen)
    if one.when.kind == "changed":
        fires = state.known and seen.mark != state.told
        why = "changed since" if fires else "as it was" if state.known else "this is where it begins"
    else:
        fires = held and (not state.known or state.told != "True")
        why = f"{one.when.told}: {'yes' if held else 'no'}"
        why += "" if fires == held else ", and you know it"
    return Tested(
        name=one.name, seen=seen, holds=held, would_fire=fires and state.known, why=f"{seen.words}; {why}."
    )


def _when(text: str) -> When:
    kind, _, rest = text.strip().partition(" ")
    wrong = f"{text!r} is no condition"
    if kind not in get_args(Kind):
        raise UserError(wrong, fix="Write changed, fails, works, 'matches REGEX', 'over N' or 'under N'.")
    if (kind in ("matches", "over", "under")) != bool(rest):
        raise UserError(f"{wrong}: {kind} {'needs something behind it' if not rest else 'stands alone'}")
    if kind == "matches":
        if told := pattern.problem(rest):
            raise UserError(told)
        return When(kind="matches", pattern=rest)
    try:
        return msgspec.convert({"kind": kind, "number": float(rest) if rest else 0}, When)
    except ValueError:
        raise UserError(f"{wrong}: {rest!r} is no number") from None


def _seconds(text: str, least: int) -> int:
    found = span(text)
    if found is None or found.total_seconds() < least:
        raise UserError(f"{text!r} is no span of time of at least {least} s", fix="Write 60s, 5m or 1h.")
    return int(found.total_seconds())


def _verb(when: When) -> str:
    return {"changed": "changes", "over": f"is {when.told}", "under": f"is {when.told}"}.get(
        when.kind, when.told
    )


def _place(at: Look) -> str:
    match at:
        case Url():
            return f"{at.url} {at.path}".strip()
        case Path():
            return at.path
        case Command():
            return " ".join(at.line)
        case Mail():
            return " ".join(
                filter(None, (f"from {at.sender}" if at.sender else "", at.subject, f"({at.within})"))
            )
        case Fact():
            return at.fact


def _listed(one: Watched, state: State) -> Listed:
    return Listed(
        id=one.id, name=one.name, looks_at=one.look, when=one.when.told, every_s=one.every_s,
        then=f"ask {one.agent}" if one.words else "tell", stands=state.words, holds=state.told == "True",
        fired=state.fired,
    )  # fmt: skip
