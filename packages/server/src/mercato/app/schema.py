"""The whole schema: every room's tables, and the migrations between its versions."""

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from mercato.app.revision import MIGRATIONS, current_revision, newest_revision
from mercato.app.tables import METADATA
from mercato.platform import driver_url

__all__ = ["METADATA", "current_revision", "migrate", "newest_revision"]

_LOCK = 4_017_202_611  # any number, the same in every process that migrates


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def migrate(url: str, revision: str = "head") -> None:
    """Bring the database to `revision`, up or down; several processes may ask at once, one works.

    All of it is one transaction: a migration that fails leaves the schema as it was.
    """
    engine = create_engine(driver_url(url), poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        current = MigrationContext.configure(connection).get_current_revision()
        target = newest_revision() if revision == "head" else revision
        if current is not None and (target == "base" or target < current):
            command.downgrade(_config(connection), target)
        else:
            command.upgrade(_config(connection), target)
    engine.dispose()
