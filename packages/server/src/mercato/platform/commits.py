"""A commit that its standby has not confirmed is not answered as one that was.

With `synchronous_standby_names` PostgreSQL lets a commit wait until a standby has it. That wait has no end of its own:
`statement_timeout` does not reach it. When somebody cancels it, the server only warns and the client hears of success,
although what was answered would be lost with the primary.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import psycopg
from sqlalchemy import Engine, event
from sqlalchemy.pool import PoolProxiedConnection

from mercato.platform.refusals import Refusal

CONFIRMED_SECONDS = 30.0
"""How long a commit may wait for its standby, in seconds, as any statement may: each that waits holds a connection."""
_WAIT = "SyncRepWaitForLSN"
"""The function of PostgreSQL that warns; the text of the warning depends on the server's language."""
_IS_UNCONFIRMED = "mercato_unconfirmed"


class Unconfirmed(Refusal):
    """The database did not confirm the change: it may be stored, but a failure may still lose it."""

    code: ClassVar[str] = "unconfirmed"
    status: ClassVar[int] = 503
    title: ClassVar[str] = "Not confirmed"
    fix: ClassVar[str] = (
        "Look whether the change is there before you make it again; if this goes on, tell the operator: "
        "no standby of the database answers."
    )


@asynccontextmanager
async def confirmed_within(seconds: float) -> AsyncIterator[None]:
    """For a commit. Raises `Unconfirmed` when it takes longer; it is cancelled, which leaves it stored or not."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise Unconfirmed(f"The database did not confirm the change within {seconds:g} seconds.") from None


def raise_unconfirmed(engine: Engine) -> None:
    """From now on a commit whose wait was cut short raises `Unconfirmed`; what it wrote stays written."""
    event.listen(engine, "connect", _note_warnings)
    dialect = engine.dialect
    commit = dialect.do_commit

    def commit_or_raise(connection: PoolProxiedConnection) -> None:
        commit(connection)
        if connection.info.pop(_IS_UNCONFIRMED, False):
            raise Unconfirmed("The change is stored on one server, and no standby has confirmed that it has it too.")

    dialect.do_commit = commit_or_raise  # type: ignore[method-assign, assignment]


def _note_warnings(connection: Any, record: Any) -> None:
    def note(warning: psycopg.errors.Diagnostic) -> None:
        if warning.source_function == _WAIT:
            record.info[_IS_UNCONFIRMED] = True

    connection.driver_connection.add_notice_handler(note)
