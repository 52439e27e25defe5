"""PostgreSQL: one engine per process, one transaction per unit of work."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import psycopg
from sqlalchemy import BigInteger, Connection, DateTime, ExceptionContext, MetaData, Text, event, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.orm import Session as SyncSession
from sqlalchemy.pool import QueuePool
from sqlalchemy.util import greenlet_spawn

from mercato.platform.commits import CONFIRMED_SECONDS, confirmed_within, raise_unconfirmed

LIVELY: dict[str, Any] = {
    "connect_timeout": 3,
    "keepalives_idle": 5,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""For every connection: a server that vanished without a word is noticed within a quarter of a minute, not of a day."""

_HOSTS = re.compile(
    r"^(?P<scheme>postgres(?:ql)?(?:\+psycopg)?)://(?:(?P<who>[^/?#@]*)@)?(?P<hosts>[^/?#@]*,[^/?#@]*)(?=[/?#]|$)"
)
_IDLE_SECONDS = 20.0
"""How long unused connections are kept, in seconds; one costs the server 3 MB."""

_LIMITS = {"timezone": "UTC", "statement_timeout": "30000", "idle_in_transaction_session_timeout": "60000"}
"""A statement that runs away is ended by the server, not by a client that gave up and left it running."""
_IN_SESSION = {"options": " ".join(f"-c {name}={value}" for name, value in _LIMITS.items())}
_POOLED: dict[str, Any] = {"prepare_threshold": None}
"""A pooler refuses `options`, and the next session does not know what was prepared in this one."""
_IN_TRANSACTION = ";".join(f"SET LOCAL {name} = '{value}'" for name, value in _LIMITS.items())

Session = AsyncSession
"""One transaction: opened at the edge, committed at the edge."""


class Base(DeclarativeBase):
    """The base of every table. Names of constraints follow one rule, so that a migration can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {
        str: Text,
        int: BigInteger,
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        list[str]: JSONB,
    }


def driver_url(url: str) -> str:
    """`postgresql://…` as SQLAlchemy's URL for psycopg 3; other databases are refused with `ValueError`.

    Several servers are named as libpq does: `postgresql://user@first:5432,second:5432/db?target_session_attrs=read-write`.
    """
    several = _HOSTS.match(url)
    if several:
        hosts = [("host", host) for host in several["hosts"].split(",")]
        who = f"{several['who']}@" if several["who"] else ""
        rest, _, query = url[several.end() :].partition("?")
        url = f"{several['scheme']}://{who}{rest or '/'}?{urlencode(hosts)}{'&' if query else ''}{query}"
    parsed = make_url(url)
    if parsed.get_backend_name() not in ("postgresql", "postgres"):
        raise ValueError(f"DATABASE_URL names {parsed.get_backend_name()}; Mercato keeps its records in PostgreSQL 15+")
    return parsed.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def libpq_url(url: str) -> str:
    """The same database for psycopg itself, which names several servers in one host."""
    parsed = make_url(driver_url(url)).set(drivername="postgresql")
    hosts = parsed.query.get("host", "")
    if isinstance(hosts, str):
        return parsed.render_as_string(hide_password=False)
    parsed = parsed.difference_update_query(["host"])
    return parsed.set(host="HOSTS").render_as_string(hide_password=False).replace("HOSTS", ",".join(hosts), 1)


def after_commit(session: Session, act: Callable[[], None]) -> None:
    """Call `act` once this transaction is committed; never when it is undone."""

    is_done = False

    def committed(inner: SyncSession) -> None:
        nonlocal is_done
        # The end of a savepoint is no commit yet.
        if not is_done and not inner.in_nested_transaction():
            is_done = True
            act()

    event.listen(session.sync_session, "after_commit", committed)


def _leave_read_only(failure: ExceptionContext) -> None:
    """A primary that was made a standby under us: its connections are lost, and new ones find who takes writes."""
    if isinstance(failure.original_exception, psycopg.errors.ReadOnlySqlTransaction):
        failure.is_disconnect = True


def _set_for_transaction(connection: Connection) -> None:
    """What is set for a session would reach whoever is given it next."""
    connection.exec_driver_sql(_IN_TRANSACTION)


class Database:
    """The connection pool of one process. It grows with concurrent use and shrinks again after a while.

    `url` is PostgreSQL itself, where a session lasts; transactions go through `pooled_url` where there is one, a pooler
    that gives each transaction a session of its choice.
    """

    def __init__(
        self,
        url: str,
        *,
        pooled_url: str | None = None,
        pool_size: int = 10,
        idle_seconds: float = _IDLE_SECONDS,
        confirmed_seconds: float = CONFIRMED_SECONDS,
    ) -> None:
        self.url = driver_url(url)
        self.engine: AsyncEngine = create_async_engine(
            self.url if pooled_url is None else driver_url(pooled_url),
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=5,
            pool_pre_ping=True,
            # What a statement was given can name people, and an error's text reaches the log.
            hide_parameters=True,
            connect_args={**LIVELY, **(_IN_SESSION if pooled_url is None else _POOLED)},
        )
        if pooled_url is not None:
            event.listen(self.engine.sync_engine, "begin", _set_for_transaction)
        raise_unconfirmed(self.engine.sync_engine)
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)
        self._idle_seconds = idle_seconds
        self._confirmed_seconds = confirmed_seconds
        self._most = 2 * pool_size
        self._used_at_once = 0
        self._review: asyncio.TimerHandle | None = None
        self._shrinking: asyncio.Task[None] | None = None
        event.listen(self.engine.sync_engine, "handle_error", _leave_read_only)
        event.listen(self.engine.sync_engine, "checkout", self._note_checkout)
        event.listen(self.engine.sync_engine, "checkin", self._note_checkin)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session]:
        """A unit of work: committed when the block ends, rolled back when the block raises.

        Raises `Unconfirmed` where a standby does not confirm the commit in time.
        """
        async with self._sessions() as session:
            # What raises in the block leaves by the session's end, which rolls back.
            yield session
            await session.flush()  # what is still to be written takes its own time
            async with confirmed_within(self._confirmed_seconds):
                await session.commit()

    async def ping(self) -> None:
        """Raises when the database does not answer."""
        async with self.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Give all connections back."""
        if self._review is not None:
            self._review.cancel()
            self._review = None
        if self._shrinking is not None:
            await self._shrinking
        await self.engine.dispose()

    def connections(self) -> tuple[int, int, int]:
        """How many are in use and idle now, and the most there may be."""
        return self._pool.checkedout(), self._pool.checkedin(), self._most

    @property
    def _pool(self) -> QueuePool:
        pool = self.engine.sync_engine.pool
        assert isinstance(pool, QueuePool)
        return pool

    def _note_checkout(self, *_: object) -> None:
        self._used_at_once = max(self._used_at_once, self._pool.checkedout())

    def _note_checkin(self, *_: object) -> None:
        # No timer while at most one connection is kept: a process at rest is not woken for nothing.
        if self._review is None and self._pool.checkedin() > 0:
            # Without a loop the garbage collector gives back what a closed loop had lost.
            with suppress(RuntimeError):
                self._review = asyncio.get_running_loop().call_later(self._idle_seconds, self._shrink_pool)

    def _shrink_pool(self) -> None:
        """Close all connections if fewer than half were in use at once since the last check; new ones are opened on
        demand. Only while none is in use, and in the same step: one returned to a discarded pool would never be closed.
        """
        self._review, used, self._used_at_once = None, self._used_at_once, 0
        if self._pool.checkedout() == 0 and self._pool.checkedin() >= 2 * max(used, 1):
            unneeded = self._pool
            self.engine.sync_engine.dispose(close=False)  # a new pool; this closes nothing
            self._shrinking = asyncio.get_running_loop().create_task(greenlet_spawn(unneeded.dispose))
