"""A hub and what it keeps: one folder with its key and, where no other database is named, its store."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from sqlalchemy import Engine, func, insert, select

from meshclaw.errors import NotFound, UserError
from meshclaw.flow.units import sha256_hex
from meshclaw.hub.ingest import Ingest
from meshclaw.hub.leases import Leases
from meshclaw.hub.policies import Policies
from meshclaw.hub.sessions import Sessions
from meshclaw.hub.store import tables as t
from meshclaw.hub.store.database import connect, migrate, reading, writing
from meshclaw.ledger.device import Device as Key

if TYPE_CHECKING:
    from meshclaw.hub.identity import Identity

STORE = "hub.db"


class Hub:
    def __init__(self, folder: Path, url: str = "") -> None:
        if not (folder / "device.key").exists():
            raise NotFound(f"there is no hub in {str(folder)!r}", fix="Make one: meshclaw hub init")
        self.folder = folder
        self.url = url or f"sqlite:///{folder / STORE}"
        self.key = Key(folder)
        self.engine: Engine = connect(self.url)
        migrate(self.engine)

    @classmethod
    def make(cls, folder: Path, name: str, url: str = "") -> Hub:
        """UserError where there is one already."""
        if (folder / "device.key").exists():
            raise UserError(f"there is a hub in {str(folder)!r} already")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        Key(folder)
        hub = cls(folder, url)
        with writing(hub.engine) as connection:
            connection.execute(insert(t.setting).values(name="company", value=name))
        return hub

    @cached_property
    def ingest(self) -> Ingest:
        return Ingest(self.engine, self.key)

    @cached_property
    def policies(self) -> Policies:
        return Policies(self.engine, self.key)

    @cached_property
    def leases(self) -> Leases:
        return Leases(self.engine, self.key)

    @cached_property
    def sessions(self) -> Sessions:
        return Sessions(self.engine, self._seal)

    @cached_property
    def identity(self) -> Identity:
        """NotFound where nobody can sign in."""
        from meshclaw.hub.identity import Identity, find

        return Identity(self.engine, find(self.engine), self._seal)

    @cached_property
    def is_private(self) -> bool:
        """Whether browsers reach it by TLS."""
        from meshclaw.hub.identity import find

        try:
            return find(self.engine).home.startswith("https://")
        except NotFound:
            return True

    @cached_property
    def _seal(self) -> bytes:
        """A secret for cookies, the same as long as the hub's key is: Ed25519 signs the same words the same way."""
        return sha256_hex(self.key.sign(b"meshclaw seal of cookies")).encode()

    @property
    def company(self) -> str:
        with reading(self.engine) as connection:
            return (
                connection.execute(select(t.setting.c.value).where(t.setting.c.name == "company")).scalar()
                or ""
            )

    def counts(self) -> dict[str, int]:
        """How much there is of what."""
        with reading(self.engine) as connection:
            rows = {
                "people": select(func.count()).select_from(t.person).where(t.person.c.active),
                "units": select(func.count()).select_from(t.unit),
                "devices": select(func.count()).select_from(t.device).where(t.device.c.revoked == ""),
                "revoked": select(func.count()).select_from(t.device).where(t.device.c.revoked != ""),
                "facts_to_compact": select(func.coalesce(func.sum(t.journal.c.count), 0)),
            }
            return {name: int(connection.execute(query).scalar_one()) for name, query in rows.items()}

    def close(self) -> None:
        if (ingest := self.__dict__.pop("ingest", None)) is not None:
            ingest.close()
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
