"""Alembic's entry: the connection is handed over in `config.attributes["connection"]` by `mercato.app.schema`."""

from alembic import context

from mercato.app.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    compare_type=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
