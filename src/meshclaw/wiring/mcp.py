"""The MCP servers that a person set up and reviewed: each a connector of its own, started at its first call."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import msgspec

from meshclaw.connectors.mcp.connector import McpConnector
from meshclaw.connectors.mcp.definition import reviewed, shape
from meshclaw.connectors.mcp.manifest import undoings
from meshclaw.connectors.plain import PlainTools
from meshclaw.settings.mcp import Server, Servers, key_of
from meshclaw.settings.secrets import from_keyring
from meshclaw.wiring.manifests import declared, manifest_of
from meshclaw.wiring.place import Lazy, Place
from meshclaw.wiring.site import Site

if TYPE_CHECKING:
    from meshclaw.connectors.mcp.session import Session
    from meshclaw.guard.sandbox.process import Finished


def places(site: Site, stack: ExitStack) -> dict[str, Place]:
    servers = Servers(site.claw.folder)
    names = [name for name in servers.names() if manifest_of(site.claw.folder, name).exists()]
    return {name: _place(site, servers.get(name), stack) for name in names}


def _place(site: Site, server: Server, stack: ExitStack) -> Place:
    claw, name = site.claw, server.name
    declarations = declared(claw.folder, name)
    tools = reviewed(claw.folder, name).tools

    @contextmanager
    def opened() -> Generator[McpConnector]:
        told: list[Finished] = []
        connector = McpConnector(
            name, declarations, undoings(name, manifest_of(claw.folder, name)),
            lambda: session(server, told.append),
        )  # fmt: skip
        try:
            yield connector
        finally:
            connector.close()
            _record(site, told)

    schemas = {
        verb: shape(tools[verb.partition(".")[2]], one.takes)
        for verb, one in declarations.items()
        if verb.partition(".")[2] in tools
    }
    usable = {verb: one for verb, one in declarations.items() if one.effect != "admin"}
    return Place(connector=Lazy(declarations, opened, stack), tools=PlainTools(usable, schemas))


def session(server: Server, tell: Callable[[Finished], None] | None = None) -> Session:
    """Starts it, or opens a connection to it. Loads the protocol's own library."""
    from meshclaw.connectors.mcp.session import to_program, to_url

    if server.url:
        return to_url(server.url, key_of(server), server.seconds)
    from meshclaw.runs.boxing import Box, boxed, secret

    box = Box(
        command=server.command, folder=server.folder, reads=server.reads, hosts=_hosts(server), env=server.env,
        secrets=tuple(
            secret(variable, from_keyring(server.keyring_of(variable), fix=f"meshclaw mcp add {server.name}"), place)
            for variable, place in server.secrets.items()
        ),
    )  # fmt: skip
    return to_program(boxed(box, tell), server.seconds)


def _hosts(server: Server) -> tuple[str, ...]:
    """A host that gets a secret may be reached."""
    return tuple(dict.fromkeys((*server.hosts, *server.secrets.values())))


def _record(site: Site, told: list[Finished]) -> None:
    """How the sandbox ended, in the thread that owns the ledger."""
    from meshclaw.runs.sandboxed import events_of

    claw, label = site.claw, site.agent.label
    for finished in told:
        facts = events_of(finished, claw.contents)
        claw.ledger.record(*(msgspec.structs.replace(one, run=site.run, agent=label) for one in facts))
