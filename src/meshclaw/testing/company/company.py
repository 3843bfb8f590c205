"""A hub's folder with the generated company in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
from duckdb import DuckDBPyConnection
from sqlalchemy import insert

from meshclaw.hub.compact import GENERATED, write_people, write_tree
from meshclaw.hub.hub import Hub
from meshclaw.hub.store import tables as t
from meshclaw.hub.store.database import writing
from meshclaw.metrics.folder import Folder, Week, connected, put
from meshclaw.metrics.rollup import roll
from meshclaw.testing.company.facts import of_week
from meshclaw.testing.company.people import Shape, counts, draw, units

SMALL = 200_000
"""People times weeks up to which the facts are kept beside what they come to."""


def make(path: Path, shape: Shape, tell: Callable[[str], None] = lambda _: None) -> None:
    """UserError where there is a hub in ``path`` already."""
    tree = units(shape.people)
    with Hub.make(path, f"Generated company {shape.seed}") as hub, writing(hub.engine) as connection:
        connection.execute(
            insert(t.setting).values(name=GENERATED, value=msgspec.json.encode(shape).decode())
        )
        above = list(reversed(tree.items()))  # parents first
        connection.execute(
            insert(t.unit),
            [{"id": one, "name": f"Generated {one}", "parent": parent} for one, parent in above],
        )
    fill(Folder(path), shape, tree, tell)


def fill(folder: Folder, shape: Shape, tree: dict[str, str | None], tell: Callable[[str], None]) -> None:
    """Facts (of a small company) and rollups, quarter by quarter, by the code that rolls up real ones."""
    kept = shape.people * shape.weeks <= SMALL
    for quarter in sorted({week.quarter for week in shape.parts()}):
        mine = [week for week in shape.parts() if week.quarter == quarter]
        with connected(folder) as connection:
            draw(connection, shape)
            people = counts(connection, shape, quarter)
            if kept:
                for week in mine:
                    facts = of_week(shape, week, ids=True)
                    put(
                        connection,
                        f"SELECT * FROM ({facts}) ORDER BY kind, unit, who, day, id",
                        folder.facts(week),
                    )
        write_people(folder, quarter, people)
        write_tree(folder, quarter, tree)
        roll(folder, mine, None if kept else _unkept(shape))
        tell(f"{quarter}: {len(mine)} weeks of {sum(count for _, count in people):,} people")


def _unkept(shape: Shape) -> Callable[[DuckDBPyConnection, Week], None]:
    """A week's facts in memory, for as long as they are rolled up."""

    def provide(connection: DuckDBPyConnection, week: Week) -> None:
        draw(connection, shape)
        connection.execute(f"CREATE OR REPLACE TEMP TABLE told AS {of_week(shape, week, ids=False)}")
        connection.execute("CREATE OR REPLACE TEMP VIEW facts AS SELECT * FROM told")

    return provide
