"""``meshclaw usage``: what AI tools on this machine were used for, and what it cost."""

from __future__ import annotations

import importlib
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from meshclaw.cli import screen
from meshclaw.cli.using import using
from meshclaw.errors import UserError
from meshclaw.ledger.usage.schema import By
from meshclaw.readers.all import OTLP
from meshclaw.usage.overview import Looked
from meshclaw.usage.report import Part, Period, Report, Totals, breakdown, last, report

WAYS: dict[str, By | None] = {
    "day": None, "tool": "tool", "model": "model", "intent": "intent", "repo": "repo", "session": "session",
}  # fmt: skip

at_root = click.option(
    "--root", type=click.Path(path_type=Path), default=None,
    help="Read the tools' folders under this one instead of your own, and store nothing.",
)  # fmt: skip


ELSEWHERE = {"receive": "usage_receive", "reconcile": "usage_compared", "intents": "usage_compared"}
"""Verbs in modules of their own, which ``show`` need not load."""


class Verbs(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *ELSEWHERE]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in ELSEWHERE:
            return super().get_command(ctx, cmd_name)
        module = importlib.import_module(f"meshclaw.cli.{ELSEWHERE[cmd_name]}")
        found: click.Command = getattr(module, cmd_name)
        return found


@click.group("usage", cls=Verbs)
def command() -> None:
    """What AI tools were used for and what it cost: every call once, to the token.

    Reads what the tools on this machine write down about themselves. Nothing leaves the machine.
    """


@command.command("import")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--from", "tool", default=None, help="The tool that wrote these files, as in: kiro, copilot, litellm."
)
@click.option(
    "--postgres",
    metavar="WHERE",
    default=None,
    help="Read LiteLLM's own database instead of a file. WHERE says where its connection stands: env:NAME of a "
    "variable, file:PATH that only you can read, service:NAME of libpq's service file.",
)
@screen.as_json
def import_(paths: tuple[Path, ...], tool: str | None, postgres: str | None, as_json: bool) -> None:
    """Read what is new: in the tools' own folders, or in the files you name with the tool that wrote them."""
    if postgres and (paths or tool != "litellm"):
        raise click.UsageError("--postgres goes with --from litellm, and without files.")
    if not postgres and bool(paths) != bool(tool):
        raise click.UsageError("Files and --from TOOL go together.")
    with using() as opened:
        if postgres:
            from meshclaw.settings.secrets import connection_of

            imported = opened.read_log(connection_of(postgres))
        else:
            imported = opened.read(tool, paths) if tool else opened.refresh()
    if as_json:
        screen.data(imported)
    else:
        read = f"{imported.files:,} new or changed files, {imported.read_bytes / 1e6:,.0f} MB read; "
        click.echo(f"{'' if postgres else read}{imported.calls:,} calls new or fuller than before.")
        if imported.unread:
            screen.words(f"{imported.unread:,} places could not be read: meshclaw usage doctor")


@command.command()
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), default=None, help="First day, UTC.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), default=None, help="Last day, UTC.")
@click.option(
    "--last", "last_", default=None, metavar="30d", help="Today and the days before it, together so many."
)
@click.option("--by", type=click.Choice(list(WAYS)), default=None, help="One line for each.")
@at_root
@screen.as_page
@screen.as_json
def show(
    since: datetime | None,
    until: datetime | None,
    last_: str | None,
    by: str | None,
    root: Path | None,
    html: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Read what is new, then show what was used and what it cost. Of all time, unless a period is named."""
    period = period_of(since, until, last_)
    with using(root) as opened:
        opened.refresh()
        found = report(opened.store, period)
        looked = opened.looked()
        way = breakdown(opened.store, WAYS[by or "day"], period)
        if html is not None:
            from meshclaw.pages import usage as pages
            from meshclaw.usage.overview import overview

            shown = overview(opened.store, period, looked, datetime.now(UTC))
            screen.page(pages.page(shown, root or Path.home()), html, force=force)
    if as_json:
        screen.data(_for_programs(found, looked, by, way))
    if as_json or html is not None:
        return
    from meshclaw.cli import usage_shown

    usage_shown.show(found, looked, by or "day", way)


@command.command()
@at_root
@screen.as_json
def sources(root: Path | None, as_json: bool) -> None:
    """Every tool whose records can be read, where they are looked for, and what its numbers mean."""
    with using(root) as opened:
        opened.refresh()
        looked = opened.looked()
    if as_json:
        screen.data(looked)
        return
    screen.table(
        ("TOOL", "SEEN BY", "PER", "NUMBERS", "FILES", "CALLS", "READ FROM"),
        [
            (
                one.tool, one.evidence, one.grain, one.confidence, f"{one.files:,}", f"{one.calls:,}",
                " ".join(one.found or one.folders) or _elsewhere(one),
            )
            for one in looked
        ],
        empty="",
    )  # fmt: skip


def _elsewhere(one: Looked) -> str:
    if one.tool != OTLP.tool:
        return "what you name: meshclaw usage import --from"
    senders = ", ".join(
        f"{tool} ({sent.usages:,}, last {_at(sent.last_ms)})" for tool, sent in one.heard.items()
    )
    return f"what tools send while this runs: meshclaw usage receive; so far {senders or 'nothing'}"


def _at(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"


@command.command()
@at_root
@screen.as_json
def doctor(root: Path | None, as_json: bool) -> None:
    """What could not be read, which models have no price, whether the sums hold. Exits 1 where they do not."""
    with using(root) as opened:
        opened.refresh()
        found = report(opened.store)
        wrong = opened.store.check()
        unread = opened.store.unread()
    guessed = {name: part.totals.cost_usd_micros for name, part in found.by_model.items() if part.is_guessed}
    left = found.totals.cost_usd_micros - sum(found.partition.values())
    if as_json:
        screen.data(
            {"wrong_sums": wrong, "not_in_partition": left, "guessed": guessed, "unread": found.unread}
        )
    else:
        from meshclaw.cli import usage_shown

        usage_shown.health(unread, guessed, wrong, left)
    sys.exit(1 if wrong or left else 0)


def _for_programs(
    found: Report, looked: list[Looked], by: str | None, way: dict[str, Part]
) -> dict[str, object]:
    """The stable shape; a breakdown that was asked for stands beside it."""
    shape: dict[str, object] = {
        "totals": found.totals,
        "by_tool": _totals(found.by_tool),
        "by_model": _totals(found.by_model),
        "partition": found.partition,
        "sources": looked,
        "unread": found.unread,
    }
    return shape | ({f"by_{by}": _totals(way)} if by else {})


def _totals(parts: dict[str, Part]) -> dict[str, Totals]:
    return {name: part.totals for name, part in parts.items()}


def period_of(since: datetime | None, until: datetime | None, last_: str | None) -> Period:
    if last_ is None:
        return Period(since=since.date() if since else None, until=until.date() if until else None)
    days = re.fullmatch(r"([1-9][0-9]{0,4})d?", last_)
    if days is None or since or until:
        raise UserError("--last takes a number of days and stands alone", fix="As in: --last 30d")
    return last(int(days[1]), datetime.now(UTC))
