"""The tables, the same on SQLite and PostgreSQL. None of them ties a person or a device to a pseudonym."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    true,
)

METADATA = MetaData(naming_convention={"fk": "%(table_name)s_%(column_0_name)s"})
_ID = String(64)
_HASH = String(64)
_DAY = String(10)


def _refers(name: str, to: str, **more: str) -> Column[str]:
    return Column(name, _ID, ForeignKey(to, **more), nullable=False)  # pyright: ignore[reportArgumentType]


setting = Table(
    "setting", METADATA, Column("name", _ID, primary_key=True), Column("value", String, nullable=False)
)
"""The company's name, and what else the hub knows of itself."""

unit = Table(
    "unit", METADATA,
    Column("id", _ID, primary_key=True), Column("name", String(200), nullable=False),
    Column("parent", _ID, ForeignKey("unit.id")),
)  # fmt: skip

person = Table(
    "person", METADATA,
    Column("id", _ID, primary_key=True),  # as the roster names them; it never stands in a fact
    Column("name", String(200), nullable=False),
    Column("email", String(320), nullable=False, server_default=""),
    _refers("unit", "unit.id"),
    Column("active", Boolean, nullable=False, server_default=true()),
)  # fmt: skip
Index("person_by_unit", person.c.unit)

membership = Table(
    "membership", METADATA,
    Column("quarter", String(6), primary_key=True),
    Column("person", _ID, ForeignKey("person.id", ondelete="CASCADE"), primary_key=True),
    _refers("unit", "unit.id"),
)  # fmt: skip
"""Where each person counts in a quarter, whatever becomes of them in it."""

code = Table(
    "code", METADATA,
    Column("digest", _HASH, primary_key=True),  # SHA-256 of the one-time code
    _refers("person", "person.id", ondelete="CASCADE"),
    Column("expires", BigInteger, nullable=False),  # Unix seconds
)  # fmt: skip

device = Table(
    "device", METADATA,
    Column("id", String(16), primary_key=True), Column("public", _HASH, nullable=False),
    _refers("person", "person.id", ondelete="CASCADE"),
    Column("enrolled", _DAY, nullable=False),
    Column("revoked", _DAY, nullable=False, server_default=""),  # empty while it may send
    Column("seq", BigInteger, nullable=False, server_default="0"),  # how much of its journal is durable here
    Column("hash", _HASH, nullable=False),
    Column("ledger_seq", BigInteger, nullable=False, server_default="0"),
    Column("ledger_hash", _HASH, nullable=False, server_default=""),
    Column("seen", _DAY, nullable=False, server_default=""),
    Column("ring", String(16), nullable=False, server_default="all"),
)  # fmt: skip
Index("device_by_person", device.c.person)

journal = Table(
    "journal", METADATA,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("day", _DAY, nullable=False),  # on which it came: no finer, for that would tie it to a device
    Column("quarter", String(6), nullable=False), Column("unit", _ID, nullable=False),
    Column("count", Integer, nullable=False), Column("body", LargeBinary, nullable=False),
)  # fmt: skip
"""Facts as they came, a JSON list in each row, until they are compacted."""

policy = Table(
    "policy", METADATA,
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("ring", String(16), nullable=False),
    Column("body", LargeBinary, nullable=False),  # canonical JSON, signed
)  # fmt: skip

applied = Table(
    "applied", METADATA,
    Column("device", String(16), ForeignKey("device.id", ondelete="CASCADE"), primary_key=True),
    Column("version", BigInteger, nullable=False), Column("digest", _HASH, nullable=False),
    Column("problem", String(500), nullable=False, server_default=""),
    Column("day", _DAY, nullable=False),
)  # fmt: skip
"""What each device says it has in force."""

budget = Table(
    "budget", METADATA,
    Column("unit", _ID, ForeignKey("unit.id"), primary_key=True),
    Column("intent", String(100), primary_key=True), Column("agent", String(100), primary_key=True),  # empty: any
    Column("hour", BigInteger), Column("day", BigInteger), Column("month", BigInteger),  # micro-dollars; null: no limit
    Column("soft", Integer, nullable=False, server_default="80"),  # per cent from which on it warns
)  # fmt: skip

granted = Table(
    "granted", METADATA,
    Column("unit", _ID, primary_key=True), Column("intent", String(100), primary_key=True),
    Column("agent", String(100), primary_key=True), Column("period", String(13), primary_key=True),
    Column("micros", BigInteger, nullable=False),
)  # fmt: skip
"""How much of a budget is leased or used, by UTC hour (2026-11-21T22), day and month."""

lease = Table(
    "lease", METADATA,
    Column("id", String(32), primary_key=True),  # of the device and the key of its wish: the same wish, the same lease
    Column("device", String(16), ForeignKey("device.id", ondelete="CASCADE"), nullable=False),
    Column("unit", _ID, nullable=False), Column("intent", String(100), nullable=False),
    Column("agent", String(100), nullable=False), Column("micros", BigInteger, nullable=False),
    Column("until", String(32), nullable=False),  # RFC 3339
    Column("open", Boolean, nullable=False),
    Column("bound", LargeBinary, nullable=False),  # what it counts on: rows of ``granted``, as JSON
)  # fmt: skip
"""What devices may use now. One that was given back says nothing of what was used; a day later it is gone."""
Index("lease_by_end", lease.c.until)

session = Table(
    "session", METADATA,
    Column("digest", _HASH, primary_key=True),  # SHA-256 of the cookie's token
    _refers("person", "person.id", ondelete="CASCADE"),
    Column("roles", LargeBinary, nullable=False),  # JSON, as the identity provider told them at sign-in
    Column("born", BigInteger, nullable=False), Column("made", BigInteger, nullable=False),  # Unix seconds
    Column("ends", BigInteger, nullable=False), Column("rotated", Boolean, nullable=False),
)  # fmt: skip
"""``born`` is the sign-in; a token that was exchanged for another one is ``rotated``."""
