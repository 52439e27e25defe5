"""Questions to PostgreSQL about itself: what it did for this database, and what is left."""

from dataclasses import dataclass

from sqlalchemy import text

from mercato.platform import Session

_QUERY = text(
    "SELECT numbackends AS connections, current_setting('max_connections')::int AS connections_limit, "
    "pg_database_size(datname) AS size_bytes, xact_commit AS commits, xact_rollback AS rollbacks, "
    "deadlocks, blks_hit AS blocks_cached, blks_read AS blocks_read "
    "FROM pg_stat_database WHERE datname = current_database()"
)


@dataclass(frozen=True, slots=True)
class PostgresUse:
    """The first three are of this moment; the rest are counts since PostgreSQL's statistics began."""

    connections: int
    connections_limit: int
    size_bytes: int
    commits: int
    rollbacks: int
    deadlocks: int
    blocks_cached: int
    blocks_read: int


async def read_use(session: Session) -> PostgresUse:
    """Of the database that this session is in."""
    row = (await session.execute(_QUERY)).mappings().one()
    return PostgresUse(**{name: int(value) for name, value in row.items()})
