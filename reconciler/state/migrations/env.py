"""alembic runs this file. The connection, with its transaction already begun, comes from `reconciler.state.schema`."""

from alembic import context

from reconciler.state import revisions, tables

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=tables.metadata,
    version_table=revisions.VERSION_TABLE,
    transactional_ddl=True,
)
context.run_migrations()
