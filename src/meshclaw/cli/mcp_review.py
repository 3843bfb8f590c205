"""``meshclaw mcp review``: the tools of a server are looked at, and what a person says of them is pinned."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Literal

import click

from meshclaw.cli import screen
from meshclaw.errors import MeshClawError, UserError
from meshclaw.flow.declaration import Declaration
from meshclaw.flow.event.guard import ConnectorReviewed
from meshclaw.guard.layers.review import pin, reviewed
from meshclaw.settings.mcp import Server, Servers
from meshclaw.wiring import Claw, open_claw

if TYPE_CHECKING:
    from meshclaw.connectors.mcp.definition import Tool

State = Literal["not looked at", "drafted", "changed since", "reviewed", "to be mended"]
How = Literal["new", "changed", "gone", "same"]


def state(claw: Claw, name: str) -> State:
    """Of the review, as far as can be told without starting the server."""
    from meshclaw.wiring.manifests import declared, manifest_of

    if not manifest_of(claw.folder, name).exists():
        return "not looked at"
    try:
        now = pin(declared(claw.folder, name).values())
    except MeshClawError:
        return "to be mended"
    known = reviewed(claw.ledger.events(ConnectorReviewed)).get(name)
    return "drafted" if known is None else "reviewed" if known == now else "changed since"


@click.command()
@click.argument("name")
@click.option("--yes", default="", metavar="sha256:…", help="You saw exactly this one: do not ask.")
@screen.dry_run
@screen.as_json
def review(name: str, yes: str, dry_run: bool, as_json: bool) -> None:
    """Start the server NAME in its sandbox, look at its tools, and pin what you say of them.

    The first time it drafts a manifest in which every tool is admin, and so denied: write there what each really
    does, and call this again. It shows what changed since you last looked, and asks for your yes.
    """
    from meshclaw.connectors.mcp.definition import reviewed as seen
    from meshclaw.wiring.manifests import manifest_of

    with open_claw(limited=False) as claw:
        claw.refuse_if_stopped()
        server = Servers(claw.folder).get(name)
        before = seen(claw.folder, name).tools
        tools = _look(claw, server)
        manifest = manifest_of(claw.folder, name)
        drafted = not manifest.exists()
        if drafted and not dry_run:
            _draft(claw, server, tools)
        verbs = [] if drafted and dry_run else list(_declarations(claw, name, tools).values())
        if as_json:
            screen.data(
                {"server": name, "pin": f"sha256:{pin(verbs)}", "drafted": drafted, "tools": tools,
                 "changed": _compared(before, tools), "declarations": verbs}
            )  # fmt: skip
        else:
            _tell(name, before, tools, verbs)
        if drafted:
            screen.words(
                f"\n{'Would draft' if dry_run else 'Drafted'} {manifest}\n"
                f"Say there what each tool does, then: meshclaw mcp review {name}"
            )
            return
        if not dry_run:
            _accept(claw, name, tools, verbs, yes)


def _look(claw: Claw, server: Server) -> dict[str, Tool]:
    """What it offers now. What a sandboxed one had to say when it failed is shown, for it is a person who looks."""
    from meshclaw.runs.sandboxed import events_of
    from meshclaw.wiring.mcp import session

    told: list[object] = []
    try:
        talk = session(server, told.append)
        try:
            tools = talk.tools()
        finally:
            talk.close()
    except MeshClawError:
        for finished in told:
            _complain(finished)
        raise
    finally:
        from meshclaw.guard.sandbox.process import Finished

        for finished in told:
            if isinstance(finished, Finished):
                claw.ledger.record(*events_of(finished, claw.contents))
    return {tool.name: tool for tool in tools}


def _complain(finished: object) -> None:
    text = getattr(finished, "stderr", b"").decode("utf-8", "replace").strip()
    for line in text.splitlines()[-8:]:
        screen.words(f"  it said: {screen.clean(line)[:200]}")


def _draft(claw: Claw, server: Server, tools: dict[str, Tool]) -> None:
    from meshclaw.connectors.mcp.definition import keep
    from meshclaw.connectors.mcp.draft import draft
    from meshclaw.wiring.manifests import manifest_of

    path = manifest_of(claw.folder, server.name)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.write_text(draft(server.name, tools.values()), "utf-8")
    keep(claw.folder, server.name, tools.values())


def _declarations(claw: Claw, name: str, tools: dict[str, Tool]) -> dict[str, Declaration]:
    """As they would be pinned: what the manifest says, with the tools as they are now."""
    from meshclaw.connectors.mcp.manifest import undoings, whole
    from meshclaw.guard import manifest
    from meshclaw.wiring.manifests import manifest_of

    path = manifest_of(claw.folder, name)
    found = whole(name, manifest.read(path).values(), undoings(name, path), tools)
    if gone := [verb for verb in found if verb.partition(".")[2] not in tools]:
        raise UserError(
            f"the server offers no {', '.join(gone)}", fix=f"Take it out of {path}, or mend its name."
        )
    return found


def _compared(before: dict[str, Tool], now: dict[str, Tool]) -> dict[str, How]:
    names = dict.fromkeys((*before, *now))
    return {
        name: "new" if name not in before else "gone" if name not in now
        else "same" if before[name] == now[name] else "changed"
        for name in names
    }  # fmt: skip


def _tell(name: str, before: dict[str, Tool], tools: dict[str, Tool], verbs: list[Declaration]) -> None:
    from meshclaw.cli.connectors import tell
    from meshclaw.connectors.mcp.draft import MOST_SHOWN, hidden, shown

    declared = {one.verb.partition(".")[2] for one in verbs}
    click.echo(
        f"{name} offers {len(tools)} tools. What it says of them is its own word, and no model sees it:\n"
    )
    for one, how in _compared(before, tools).items():
        tool = tools.get(one)
        marks = [how] if before and how != "same" else []
        marks += ["not declared: cannot be used"] if tool and one not in declared else []
        marks += (
            ["HOLDS CHARACTERS THAT NOBODY SEES"]
            if tool and hidden(f"{tool.description}{tool.takes}")
            else []
        )
        click.echo(f"  {click.style(shown(one, 60), bold=True)}  {', '.join(marks)}")
        if how == "changed" and before[one].description != (tool.description if tool else ""):
            click.echo(f"    it said:     {shown(before[one].description, MOST_SHOWN)}")
        if tool:
            click.echo(f"    it says:     {shown(tool.description, MOST_SHOWN) or 'nothing'}")
            click.echo(f"    it takes:    {', '.join(shown(name, 40) for name in _names(tool)) or 'nothing'}")
    click.echo("\nYou say of them:\n")
    tell(verbs)


def _names(tool: Tool) -> list[str]:
    properties = tool.takes.get("properties")
    return [str(name) for name in properties] if isinstance(properties, dict) else []


def _accept(claw: Claw, name: str, tools: dict[str, Tool], verbs: list[Declaration], yes: str) -> None:
    from meshclaw.connectors.mcp.definition import keep

    now = pin(verbs)
    if state(claw, name) == "reviewed" and reviewed(claw.ledger.events(ConnectorReviewed)).get(name) == now:
        screen.words(f"\n{name} is what was reviewed: {now[:12]}")
        return
    if yes and yes != f"sha256:{now}":
        raise UserError(f"this is not the one that was shown: it is sha256:{now}", fix="Look at it again.")
    if not yes:
        if not sys.stdin.isatty():
            raise UserError(
                "nobody is there to say yes", fix=f"meshclaw mcp review {name} --yes sha256:{now}"
            )
        click.confirm("\nIs every effect and target right, and every field's writer?", abort=True, err=True)
    keep(claw.folder, name, tools.values())
    claw.ledger.record(ConnectorReviewed(connector=name, pin=now))
    usable = sum(one.effect != "admin" for one in verbs)
    screen.words(f"Pinned {name} at {now[:12]}: {usable} of {len(verbs)} tools can be used.")
