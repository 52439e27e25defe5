"""Which revision of the schema a database has, and which one this code needs.

Without Alembic, which costs 7 MB: every process asks this at its start and then stays.
"""

import re
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from mercato.platform import driver_url

MIGRATIONS = Path(__file__).parent / "migrations"
_REVISION = re.compile(r'^revision = "(\w+)"$', re.MULTILINE)


def newest_revision() -> str:
    """The revision that this code needs: that of the last migration, whose files are numbered."""
    last = max((MIGRATIONS / "versions").glob("[0-9]*.py"))
    found = _REVISION.search(last.read_text(encoding="utf-8"))
    assert found is not None, last
    return found[1]


def current_revision(url: str) -> str | None:
    """The revision of the database; `None` when it is empty."""
    engine = create_engine(driver_url(url), poolclass=NullPool)
    try:
        with engine.connect() as connection:
            if connection.scalar(text("SELECT to_regclass('alembic_version')")) is None:
                return None
            revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
            return revision
    finally:
        engine.dispose()
