"""The migrations and the tables say the same, up and down."""

import psycopg
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from mercato.app.revision import MIGRATIONS
from mercato.app.schema import METADATA, current_revision, migrate, newest_revision
from mercato.platform.database import driver_url


def test_the_migrated_database_is_what_the_code_expects(database_url: str) -> None:
    engine = create_engine(driver_url(database_url), poolclass=NullPool)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "include_object": lambda obj, name, kind, *_: kind != "table" or "_y20" not in name,
            },
        )
        assert compare_metadata(context, METADATA) == []


def test_every_migration_goes_down_and_up_again(database_url: str) -> None:
    assert current_revision(database_url) == newest_revision()
    migrate(database_url, "base")
    with psycopg.connect(database_url) as connection:
        left = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
        ).fetchall()
        functions = connection.execute(
            "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
        ).fetchall()
    assert left == []
    assert functions == []
    migrate(database_url)
    assert current_revision(database_url) == newest_revision()


def test_the_newest_revision_is_the_end_of_the_chain_of_migrations() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == newest_revision()
