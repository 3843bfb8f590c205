"""``meshclaw slack digest``: where you were mentioned since you last looked."""

from __future__ import annotations

import click

from meshclaw.cli import screen
from meshclaw.wiring import open_claw


@click.command("digest")
@click.argument("channels", metavar="[CHANNEL...]", nargs=-1)
@click.option("--workspace", default="", metavar="HOST", help="Which one, if several are connected.")
@screen.as_json
def digest(channels: tuple[str, ...], workspace: str, as_json: bool) -> None:
    """Mentions of you in CHANNEL since the last digest of it, the first time of the last day. No model is asked.

    Without a channel, of every one that the claw was invited to.
    """
    from meshclaw.connectors.slack.client import Client
    from meshclaw.daemon.slack.kept import Kept
    from meshclaw.daemon.slack.mentions import digests

    with open_claw() as claw:
        one = claw.workspaces.get(workspace)
        kept = Kept(claw.folder, one.team)
        try:
            found = list(digests(Client(one), kept, channels))
        finally:
            kept.close()
    if as_json:
        screen.data(found)
        return
    for part in found:
        for mention in part.mentions:
            rung = " rang everybody" if mention.everyone else ""
            screen.lines(f"{part.channel} {screen.when(mention.time)} {mention.by}{rung}: {mention.text}")
            click.echo(f"    {screen.clean(mention.link)}")
    channels_, messages = len(found), sum(part.messages for part in found)
    mentions = sum(len(part.mentions) for part in found)
    screen.words(f"{mentions} mentions in {messages} new messages of {channels_} channels.")
    for part in found:
        if part.more:
            screen.words(f"There was more in {part.channel} than was looked through.")
