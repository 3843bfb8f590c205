"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    name, id_, day, hash_ = sa.String(200), sa.String(64), sa.String(10), sa.String(64)

    def of_person(table: str, *, primary_key: bool = False) -> sa.Column[str]:
        person = sa.ForeignKey("person.id", name=f"{table}_person", ondelete="CASCADE")
        return sa.Column("person", id_, person, primary_key=primary_key, nullable=False)

    op.create_table(
        "setting", sa.Column("name", id_, primary_key=True), sa.Column("value", sa.String, nullable=False)
    )
    op.create_table(
        "unit", sa.Column("id", id_, primary_key=True), sa.Column("name", name, nullable=False),
        sa.Column("parent", id_, sa.ForeignKey("unit.id", name="unit_parent")),
    )  # fmt: skip
    op.create_table(
        "person", sa.Column("id", id_, primary_key=True), sa.Column("name", name, nullable=False),
        sa.Column("email", sa.String(320), nullable=False, server_default=""),
        sa.Column("unit", id_, sa.ForeignKey("unit.id", name="person_unit"), nullable=False),
        sa.Column("active", sa.Boolean, nullable=False, server_default=sa.true()),
    )  # fmt: skip
    op.create_index("person_by_unit", "person", ["unit"])
    op.create_table(
        "membership", sa.Column("quarter", sa.String(6), primary_key=True),
        of_person("membership", primary_key=True),
        sa.Column("unit", id_, sa.ForeignKey("unit.id", name="membership_unit"), nullable=False),
    )  # fmt: skip
    op.create_table(
        "code", sa.Column("digest", hash_, primary_key=True),
        of_person("code"),
        sa.Column("expires", sa.BigInteger, nullable=False),
    )  # fmt: skip
    op.create_table(
        "device", sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("public", hash_, nullable=False),
        of_person("device"),
        sa.Column("enrolled", day, nullable=False),
        sa.Column("revoked", day, nullable=False, server_default=""),
        sa.Column("seq", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("hash", hash_, nullable=False),
        sa.Column("ledger_seq", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("ledger_hash", hash_, nullable=False, server_default=""),
        sa.Column("seen", day, nullable=False, server_default=""),
    )  # fmt: skip
    op.create_index("device_by_person", "device", ["person"])
    op.create_table(
        "journal",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("day", day, nullable=False), sa.Column("quarter", sa.String(6), nullable=False),
        sa.Column("unit", id_, nullable=False), sa.Column("count", sa.Integer, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )  # fmt: skip
