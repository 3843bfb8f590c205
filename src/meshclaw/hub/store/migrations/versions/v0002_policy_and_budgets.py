"""Policies by ring, what is in force on devices, budgets and leases."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    id_, device, ring, name, big = sa.String(64), sa.String(16), sa.String(16), sa.String(100), sa.BigInteger

    def of_device(table: str, *, primary_key: bool = False) -> sa.Column[str]:
        known = sa.ForeignKey("device.id", name=f"{table}_device", ondelete="CASCADE")
        return sa.Column("device", device, known, primary_key=primary_key, nullable=False)

    op.add_column("device", sa.Column("ring", ring, nullable=False, server_default="all"))
    op.create_table(
        "policy", sa.Column("version", big, primary_key=True, autoincrement=False),
        sa.Column("ring", ring, nullable=False), sa.Column("body", sa.LargeBinary, nullable=False),
    )  # fmt: skip
    op.create_table(
        "applied",
        of_device("applied", primary_key=True),
        sa.Column("version", big, nullable=False), sa.Column("digest", id_, nullable=False),
        sa.Column("problem", sa.String(500), nullable=False, server_default=""),
        sa.Column("day", sa.String(10), nullable=False),
    )  # fmt: skip
    op.create_table(
        "budget", sa.Column("unit", id_, sa.ForeignKey("unit.id", name="budget_unit"), primary_key=True),
        sa.Column("intent", name, primary_key=True), sa.Column("agent", name, primary_key=True),
        sa.Column("hour", big), sa.Column("day", big), sa.Column("month", big),
        sa.Column("soft", sa.Integer, nullable=False, server_default="80"),
    )  # fmt: skip
    op.create_table(
        "granted", sa.Column("unit", id_, primary_key=True), sa.Column("intent", name, primary_key=True),
        sa.Column("agent", name, primary_key=True), sa.Column("period", sa.String(13), primary_key=True),
        sa.Column("micros", big, nullable=False),
    )  # fmt: skip
    op.create_table(
        "lease", sa.Column("id", sa.String(32), primary_key=True),
        of_device("lease"),
        sa.Column("unit", id_, nullable=False), sa.Column("intent", name, nullable=False),
        sa.Column("agent", name, nullable=False), sa.Column("micros", big, nullable=False),
        sa.Column("until", sa.String(32), nullable=False), sa.Column("open", sa.Boolean, nullable=False),
        sa.Column("bound", sa.LargeBinary, nullable=False),
    )  # fmt: skip
    op.create_index("lease_by_end", "lease", ["until"])
