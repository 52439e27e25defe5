"""A commit that no standby confirmed is refused, although the primary has it; the next one that is confirmed is not."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from mercato.adapters.postgres_embedded import EmbeddedPostgres
from mercato.platform import Database, Unconfirmed
from tests.support.waiting import eventually, until


class Primary:
    """A server of its own; its commits wait for a standby that does not exist."""

    def __init__(self, folder: Path) -> None:
        self.server = EmbeddedPostgres(folder)
        self.url = self.server.start()
        with psycopg.connect(self.url) as connection:
            connection.execute("CREATE TABLE kept (number bigint)")
        self.wait_for("absent")

    def wait_for(self, standby: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{standby}'")
            connection.execute("SELECT pg_reload_conf()")
            eventually(lambda: connection.execute("SHOW synchronous_standby_names").fetchone() == (standby,))

    def cancel_waits(self) -> bool:
        """What an impatient operator does; whether there was one."""
        waits = "wait_event = 'SyncRep' AND backend_type = 'client backend'"
        with psycopg.connect(self.url, autocommit=True) as connection:
            query = f"SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE {waits}"
            return connection.execute(query).fetchone() is not None


@pytest.fixture
async def primary(tmp_path: Path) -> AsyncIterator[Primary]:
    tmp_path.chmod(0o755)
    primary = Primary(tmp_path / "pg")
    yield primary
    primary.wait_for("")
    primary.server.stop()


async def keep(database: Database, number: int) -> None:
    async with database.transaction() as session:
        await session.execute(text("INSERT INTO kept VALUES (:number)"), {"number": number})


async def kept(database: Database) -> list[int]:
    async with database.transaction() as session:
        return list(await session.scalars(text("SELECT number FROM kept ORDER BY number")))


async def test_a_commit_whose_wait_is_cancelled_is_not_answered_as_done(primary: Primary) -> None:
    database = Database(primary.url, pool_size=1, confirmed_seconds=600)
    for number in (1, 2):
        writing = asyncio.create_task(keep(database, number))
        await until(lambda: asyncio.to_thread(primary.cancel_waits))
        with pytest.raises(Unconfirmed):
            await writing
        assert await kept(database) == list(range(1, number + 1)), "who only reads waits for nobody"
    primary.wait_for("")
    await keep(database, 3)
    assert await kept(database) == [1, 2, 3]
    await database.close()


async def test_a_commit_waits_for_a_standby_for_a_while_only(primary: Primary) -> None:
    database = Database(primary.url, pool_size=1, confirmed_seconds=0.2)
    for number in (1, 2, 3):  # more than the pool has connections
        with pytest.raises(Unconfirmed):
            await keep(database, number)
    assert await kept(database) == [1, 2, 3]
    await database.close()


async def test_what_raises_is_undone(database: Database) -> None:
    async with database.transaction() as session:
        await session.execute(text("CREATE TABLE kept (number bigint)"))
    with pytest.raises(KeyError):
        async with database.transaction() as session:
            await session.execute(text("INSERT INTO kept VALUES (1)"))
            raise KeyError
    assert await kept(database) == []
