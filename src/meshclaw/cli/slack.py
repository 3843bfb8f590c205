"""``meshclaw slack``: connect a workspace one proof at a time, see how it stands, and the app that it needs."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from meshclaw.cli import screen
from meshclaw.cli.slack_digest import digest
from meshclaw.errors import SignInNeeded, UserError
from meshclaw.settings.slack import (
    API,
    PREFIX,
    Kind,
    Workspace,
    checked_api,
    keep_token,
    kind_of,
    tokens_in,
)
from meshclaw.wiring import open_claw

if TYPE_CHECKING:
    from meshclaw.connectors.slack.proof import Check

ENVIRONMENT: dict[Kind, str] = {
    "bot": "SLACK_BOT_TOKEN", "app": "SLACK_APP_TOKEN", "user": "SLACK_USER_TOKEN"
}  # fmt: skip
WHERE: dict[Kind, str] = {
    "bot": "OAuth & Permissions > Bot User OAuth Token",
    "app": "Basic Information > App-Level Tokens, with connections:write",
    "user": "OAuth & Permissions > User OAuth Token; for searching, Enter for none",
}


@click.group("slack")
def command() -> None:
    """Slack: your claw reads, posts, answers and reacts for you, and takes it back.

    First make the app: meshclaw slack manifest. Then: meshclaw slack connect.
    """


@command.command()
@click.option("--me", default="", metavar="MAIL", help="You, by the address or user id you have in Slack.")
@click.option("--secret-stdin", is_flag=True, help="Read the tokens from standard input, one on a line.")
@click.option(
    "--secret-file",
    default="",
    type=click.Path(),
    help="Leave the tokens in this file, readable by you only.",
)
@click.option("--api", default=API, help="Only for Slack's government cloud, or a server on this machine.")
@screen.dry_run
def connect(me: str, secret_stdin: bool, secret_file: str, api: str, dry_run: bool) -> None:
    """Connect a workspace: every token is tried before any is kept.

    Tokens come from SLACK_BOT_TOKEN, SLACK_APP_TOKEN and SLACK_USER_TOKEN, standard input, a file, or are asked for;
    never from the command line, which everybody on this machine can read. They are kept in the system's keyring.
    """
    from meshclaw.connectors.slack import proof
    from meshclaw.connectors.slack.client import Client

    path = str(Path(secret_file).absolute()) if secret_file else ""
    tokens = _tokens(path, from_stdin=secret_stdin)
    if "bot" not in tokens:
        raise SignInNeeded(
            "a bot token is needed; nothing was connected", fix=f"It stands in {WHERE['bot']}."
        )
    taken = tokens.__getitem__
    given = Workspace(team="", host="", tokens=tuple(tokens), api=checked_api(api), secret_file=path)
    workspace = proof.describe(Client(given, token=taken), me)
    client = Client(workspace, token=taken)
    if not all(check.ok or not check.needed for check in _told(proof.checks(client))):
        raise UserError(
            "not everything that is needed works; nothing was connected", fix="Mend it and try again."
        )
    if not dry_run:
        with open_claw() as claw:
            for kind, token in tokens.items() if not path else ():
                keep_token(workspace, kind, token)
            claw.workspaces.put(workspace)
    screen.words(f"{'Would connect' if dry_run else 'Connected'} {workspace.host}.")


def _tokens(path: str, *, from_stdin: bool) -> dict[Kind, str]:
    from meshclaw.settings.secrets import read_file

    if path:
        return tokens_in(read_file(Path(path)))
    if from_stdin:
        return tokens_in(sys.stdin.read())
    given: dict[Kind, str] = {kind: os.environ.get(name, "").strip() for kind, name in ENVIRONMENT.items()}
    if not any(given.values()):
        given = {kind: _asked(kind) for kind in PREFIX}
    for kind, token in given.items():
        if token and kind_of(token) != kind:
            raise UserError(
                f"that is no {kind} token", fix=f"It begins with {PREFIX[kind]}; see {WHERE[kind]}."
            )
    return {kind: token for kind, token in given.items() if token}


def _asked(kind: Kind) -> str:
    prompt = f"{kind.capitalize()} token ({WHERE[kind]})"
    answer: str = click.prompt(prompt, default="", hide_input=True, show_default=False, err=True)
    return answer.strip()


def _told(checks: Iterable[Check]) -> list[Check]:
    """Each as soon as it is known."""
    found: list[Check] = []
    for check in checks:
        found.append(check)
        colour = "green" if check.ok else "red" if check.needed else "yellow"
        screen.words(
            f"  {click.style('ok' if check.ok else 'no', fg=colour)}  {check.name}: {screen.clean(check.told)}"
        )
        if check.fix:
            screen.words(f"        {check.fix}")
    return found


@command.command()
@click.argument("workspace", default="")
@screen.as_json
def test(workspace: str, as_json: bool) -> None:
    """Try everything of a connected workspace, and post nothing. Exits 1 where something does not work."""
    from meshclaw.connectors.slack import proof
    from meshclaw.connectors.slack.client import Client

    with open_claw() as claw:
        one = claw.workspaces.get(workspace)
    if not as_json:
        screen.words(f"{one.host}:")
    checks = list(proof.checks(Client(one))) if as_json else _told(proof.checks(Client(one)))
    if as_json:
        screen.data({"workspace": one.host, "checks": checks})
    sys.exit(0 if all(check.ok for check in checks) else 1)


@command.command()
@screen.as_json
def status(as_json: bool) -> None:
    """The connected workspaces. Nothing is asked of Slack: meshclaw slack test does that."""
    with open_claw() as claw:
        known = claw.workspaces.all()
    if as_json:
        screen.data(known)
        return
    rows = [
        (one.host, one.me or "unknown: --me", ", ".join(one.tokens), one.secret_file or "keyring")
        for one in known
    ]
    screen.table(
        ("WORKSPACE", "YOU", "TOKENS", "TOKENS FROM"), rows,
        empty="None yet. First the app: meshclaw slack manifest; then: meshclaw slack connect",
    )  # fmt: skip


@command.command()
@click.argument("workspace", default="")
def disconnect(workspace: str) -> None:
    """Forget a connected workspace and its tokens. What was posted, and the ledger, stay as they are."""
    from meshclaw.settings.slack import forget_tokens

    with open_claw() as claw:
        one = claw.workspaces.get(workspace)
        claw.workspaces.remove(one.team)
        forget_tokens(one)
    screen.words(
        f"Disconnected {one.host}. Its tokens still work: take them back where the app is, in Slack."
    )


@command.command()
def manifest() -> None:
    """The Slack app that the claw needs, with the reason for each scope: paste it into api.slack.com/apps."""
    from meshclaw.connectors.slack.scopes import manifest

    click.echo(manifest(), nl=False)


command.add_command(digest)
