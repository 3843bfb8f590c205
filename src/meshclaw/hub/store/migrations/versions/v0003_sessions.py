"""Sessions of people."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    person = sa.ForeignKey("person.id", name="session_person", ondelete="CASCADE")
    op.create_table(
        "session", sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("person", sa.String(64), person, nullable=False),
        sa.Column("roles", sa.LargeBinary, nullable=False), sa.Column("born", sa.BigInteger, nullable=False),
        sa.Column("made", sa.BigInteger, nullable=False), sa.Column("ends", sa.BigInteger, nullable=False),
        sa.Column("rotated", sa.Boolean, nullable=False),
    )  # fmt: skip
