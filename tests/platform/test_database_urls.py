"""One `DATABASE_URL`, with one server or several, for SQLAlchemy and for psycopg itself."""

import pytest
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from mercato.platform import Database, driver_url, libpq_url

TWO = "postgresql://mercato:p%2Cw@first:5432,second:5433/market?target_session_attrs=read-write"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://postgres@/market?host=%2Ftmp%2Fpg",
        "postgresql://mercato@first:5432/market?sslmode=require",
        "postgresql://mercato:a,b@first/market",
        "postgresql://first/market",
    ],
)
def test_one_server_is_named_the_same_for_both(url: str) -> None:
    assert make_url(driver_url(url)).set(drivername="postgresql") == make_url(url)
    assert libpq_url(driver_url(url)) == libpq_url(url)
    assert make_url(libpq_url(url)) == make_url(url)


def test_postgres_is_another_name_of_the_scheme() -> None:
    assert driver_url("postgres://first/market") == "postgresql+psycopg://first/market"


def test_several_servers_are_tried_in_their_order() -> None:
    wanted = {
        "host": "first,second", "port": "5432,5433", "user": "mercato", "password": "p,w", "dbname": "market",
        "target_session_attrs": "read-write",
    }  # fmt: skip
    for url in (TWO, driver_url(TWO)):
        assert {name: str(value) for name, value in conninfo_to_dict(libpq_url(url)).items()} == wanted
    engine = create_async_engine(driver_url(TWO))
    _, arguments = engine.dialect.create_connect_args(engine.url)
    assert {name: str(value) for name, value in arguments.items() if name != "context"} == wanted


def test_another_database_is_refused() -> None:
    with pytest.raises(ValueError, match="mysql"):
        driver_url("mysql://first/market")


async def test_a_server_that_takes_no_writes_any_more_is_left(database: Database) -> None:
    """As a primary that was made a standby: the pool's connections to it are not used again."""
    async with database.transaction() as session:
        before = await session.scalar(text("SELECT pg_backend_pid()"))
        await session.execute(text("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"))
    with pytest.raises(DBAPIError) as caught:
        async with database.transaction() as session:
            await session.execute(text("CREATE TABLE written (id int)"))
    assert caught.value.connection_invalidated
    async with database.transaction() as session:
        assert await session.scalar(text("SELECT pg_backend_pid()")) != before
        await session.execute(text("CREATE TABLE written (id int)"))
