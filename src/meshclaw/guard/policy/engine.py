"""Cedar, loaded without the Python around it: 5 ms of CPU instead of 40 to 60.

The package ``cedarpy`` imports its tree of typed nodes, dataclasses by the dozen, which no decision needs; its Rust
extension does all the work. That module is private to it, so pyproject.toml holds its version within one minor release.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from typing import Protocol, cast

from meshclaw.errors import Damaged

_NAME = "cedarpy._internal"


class PolicySet(Protocol):
    def __len__(self) -> int: ...
    def templates(self) -> list[dict[str, object]]: ...


class Schema(Protocol):
    """Parsed; opaque."""


class Entities(Protocol):
    def with_added_json_str(self, delta: str, schema: Schema | None = None, /) -> Entities: ...


class _PolicySets(Protocol):
    def from_str(self, text: str, /) -> PolicySet: ...
    def from_json_str(self, text: str, /) -> PolicySet: ...


class _Schemas(Protocol):
    def from_str(self, text: str, /) -> Schema: ...


class _EntitySets(Protocol):
    def from_json_str(self, text: str, schema: Schema, /) -> Entities: ...


class Cedar(Protocol):
    """What of the extension is used here; every text that cannot be understood raises ValueError."""

    PolicySet: _PolicySets
    Schema: _Schemas
    Entities: _EntitySets

    def is_authorized(
        self,
        request: dict[str, object],
        policies: PolicySet,
        entities: Entities,
        schema: Schema | None = None,
        /,
    ) -> str: ...
    def validate_policies(self, policies: str, schema: Schema, /) -> str: ...
    def policies_to_json_str(self, policies: str, /) -> str: ...


@cache
def cedar() -> Cedar:
    """The engine; Damaged where this installation has none."""
    if _NAME not in sys.modules:
        package = find_spec("cedarpy")
        found = PathFinder.find_spec(_NAME, package.submodule_search_locations) if package else None
        if found is None or found.loader is None:
            raise Damaged(
                "the policy engine (cedarpy) is not installed, so nothing runs",
                fix="Install MeshClaw again with its requirements.",
            )
        module = module_from_spec(found)
        found.loader.exec_module(module)
        sys.modules[_NAME] = module
    return cast("Cedar", sys.modules[_NAME])
