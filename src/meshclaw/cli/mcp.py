"""``meshclaw mcp``: servers of others as tools of ours, and our verbs for other hosts."""

from __future__ import annotations

import click

from meshclaw.cli import screen
from meshclaw.cli.given import absolute, check_hosts, keep_secrets, needed, pairs, program_of
from meshclaw.cli.mcp_review import review, state
from meshclaw.cli.mcp_serve import serve
from meshclaw.errors import UserError
from meshclaw.settings.home import home
from meshclaw.settings.mcp import Server, Servers, checked
from meshclaw.wiring import open_claw


@click.group("mcp")
def command() -> None:
    """MCP: the tools of others, each declared and reviewed before use; and our own for other hosts.

    A server that is a program runs in a sandbox. What a server says of its tools is a stranger's text: no model sees
    it, and a changed word needs a new review.
    """


command.add_command(review)
command.add_command(serve)


@command.command(context_settings={"ignore_unknown_options": True})
@click.argument("name")
@click.argument("program", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")
@click.option("--url", default="", help="A server elsewhere: https://, or http:// on this machine.")
@click.option("--key", default="", metavar="keyring|env:NAME", help="Sent to --url as a bearer token.")
@click.option("--folder", default="", help="The one folder that it may write to.")
@click.option("--read", "reads", multiple=True, help="A folder shown to it; what its program needs is found.")
@click.option("--host", "hosts", multiple=True, help="What it may reach: example.com or example.com:8443.")
@click.option("--env", "env", multiple=True, metavar="NAME=VALUE", help="In its environment. No secret.")
@click.option(
    "--secret", "secrets", multiple=True, metavar="NAME=HOST", help="A secret of the keyring, for that host."
)
@click.option("--secrets-stdin", is_flag=True, help="Read the secrets from standard input, one on each line.")
@click.option("--seconds", default=60, show_default=True, help="How long one call may take.")
@screen.dry_run
def add(
    name: str, program: tuple[str, ...], url: str, key: str, folder: str, reads: tuple[str, ...],
    hosts: tuple[str, ...], env: tuple[str, ...], secrets: tuple[str, ...], secrets_stdin: bool, seconds: int,
    dry_run: bool,
) -> None:  # fmt: skip
    """Say where the server NAME is. It is not started, and none of its tools can be used before: meshclaw mcp review.

    \b
    meshclaw mcp add clock -- /opt/mcp/bin/mcp-server-time --local-timezone Europe/Berlin
    meshclaw mcp add wiki --url https://wiki.example.com/mcp --key keyring
    """
    given = program_of(program)
    server = checked(
        Server(
            name=name, command=given, url=url, key=key, folder=absolute(folder) if folder else "",
            reads=(*needed(given), *map(absolute, reads)), hosts=hosts, env=pairs(env), secrets=pairs(secrets),
            seconds=seconds,
        )
    )  # fmt: skip
    check_hosts(server.hosts, server.secrets)
    servers = Servers(home())
    if name in servers.names():
        raise UserError(f"there is a server {name!r} already", fix=f"First: meshclaw mcp remove {name}")
    if dry_run:
        screen.words(f"Would add {name}.")
        return
    _keep(server, from_stdin=secrets_stdin)
    path = servers.put(server)
    screen.words(f"Added {name}: {path}")
    if server.command:
        screen.words(
            f"  It may write to {server.folder or 'nothing that lasts'}, and reach {_reached(server)}."
        )
    screen.words(f"  Look at its tools: meshclaw mcp review {name}")


@command.command("list")
@screen.as_json
def list_(as_json: bool) -> None:
    """Every server, with the state of its review."""
    with open_claw(limited=False) as claw:
        rows = [
            {
                "server": one.name, "at": one.url or " ".join(one.command), "reaches": _reached(one),
                "writes": one.folder, "review": state(claw, one.name),
            }
            for one in Servers(claw.folder).all()
        ]  # fmt: skip
    if as_json:
        screen.data(rows)
        return
    heads = ("server", "review", "reaches", "writes", "at")
    screen.table(
        [head.upper() for head in heads], [[row[head] for head in heads] for row in rows],
        empty="None yet. Add one: meshclaw mcp add NAME -- COMMAND",
    )  # fmt: skip


@command.command()
@click.argument("name")
@screen.as_json
def show(name: str, as_json: bool) -> None:
    """What NAME may do, as it was set up and reviewed. Nothing is started."""
    from meshclaw.cli.connectors import tell
    from meshclaw.wiring.manifests import declared, manifest_of

    with open_claw(limited=False) as claw:
        server = Servers(claw.folder).get(name)
        there = manifest_of(claw.folder, name).exists()
        verbs = list(declared(claw.folder, name).values()) if there else []
        reviewed = state(claw, name)
    if as_json:
        screen.data({"server": server, "review": reviewed, "declarations": verbs})
        return
    click.echo(f"{name}: {reviewed}")
    click.echo(f"  at       {screen.clean(server.url or ' '.join(server.command))}")
    if server.command:
        click.echo(f"  reads    {', '.join(('the system', *server.reads))}")
        click.echo(f"  writes   {server.folder or 'a folder of its own, gone afterwards'}")
    click.echo(f"  reaches  {_reached(server)}")
    if server.secrets or server.key:
        held = [f"{variable} for {place}" for variable, place in server.secrets.items()]
        click.echo(f"  secrets  {', '.join(held) or server.key}")
    click.echo()
    tell(verbs)


@command.command()
@click.argument("name")
@screen.dry_run
def remove(name: str, dry_run: bool) -> None:
    """Forget the server NAME. Its manifest is set aside, so that adding it again needs no new work."""
    from meshclaw.connectors.mcp.definition import path_of
    from meshclaw.wiring.manifests import manifest_of

    servers = Servers(home())
    if name not in servers.names():
        servers.get(name)
    if dry_run:
        screen.words(f"Would remove {name}.")
        return
    manifest = manifest_of(home(), name)
    if manifest.exists():
        manifest.replace(manifest.with_suffix(".removed"))
    path_of(home(), name).unlink(missing_ok=True)
    servers.remove(name)
    screen.words(f"Removed {name}; its manifest is kept in {manifest.with_suffix('.removed').name}.")


# -- what was given -----------------------------------------------------------------------------


def _keep(server: Server, *, from_stdin: bool) -> None:
    wanted = {variable: server.keyring_of(variable) for variable in server.secrets}
    keep_secrets(
        wanted | ({"the key": server.keyring} if server.key == "keyring" else {}), from_stdin=from_stdin
    )


def _reached(server: Server) -> str:
    if server.url:
        from urllib.parse import urlsplit

        return urlsplit(server.url).netloc
    return ", ".join(dict.fromkeys((*server.hosts, *server.secrets.values()))) or "nothing"
