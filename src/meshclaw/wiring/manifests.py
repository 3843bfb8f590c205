"""What the connectors declare that a person set up by a manifest in ``connectors/`` of the state folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from meshclaw.flow.declaration import Declaration


def manifest_of(folder: Path, name: str) -> Path:
    return folder / "connectors" / f"{name}.toml"


def declared_in(folder: Path, path: Path) -> Mapping[str, Declaration]:
    """By verb; those of an MCP server with what its tools were at the last review."""
    if (folder / "mcp" / path.name).exists():
        return declared(folder, path.stem)
    from meshclaw.guard import manifest

    return manifest.read(path)


def declared(folder: Path, name: str) -> dict[str, Declaration]:
    """What the manifest of the server ``name`` declares, pinned to what its tools were at the last review."""
    from meshclaw.connectors.mcp.definition import reviewed
    from meshclaw.connectors.mcp.manifest import undoings, whole
    from meshclaw.guard import manifest

    path = manifest_of(folder, name)
    return whole(name, manifest.read(path).values(), undoings(name, path), reviewed(folder, name).tools)
