"""What Alembic runs: on the connection that ``database.migrate`` hands over."""

from __future__ import annotations

from alembic import context

from meshclaw.hub.store.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
