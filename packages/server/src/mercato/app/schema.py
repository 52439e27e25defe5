"""The whole schema: every room's tables, and the migrations between its versions."""

import importlib
import pkgutil
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

import mercato
from mercato.edge import idempotency
from mercato.platform import Base
from mercato.platform.database import driver_url

_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 4_017_202_611  # any number, the same in every process that migrates

for _room in pkgutil.iter_modules(mercato.__path__):
    if _room.ispkg and (Path(mercato.__path__[0]) / _room.name / "models.py").exists():
        importlib.import_module(f"mercato.{_room.name}.models")

METADATA = Base.metadata
assert idempotency.IdempotentAnswer.metadata is METADATA


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def newest_revision() -> str:
    """The revision that this code needs."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None
    return head


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


def current_revision(url: str) -> str | None:
    """The revision of the database; `None` when it is empty."""
    engine = create_engine(driver_url(url), poolclass=NullPool)
    with engine.connect() as connection:
        revision = MigrationContext.configure(connection).get_current_revision()
    engine.dispose()
    return revision
