"""Sessions of the database: whether an address keeps them, or goes through a pooler that hands them around."""

import secrets
from typing import Any, Literal

import click
import psycopg
from psycopg import sql

from mercato.app.settings import Settings
from mercato.platform import libpq_url

Kept = Literal["direct", "pooled", "shared"]
"""`direct`: PostgreSQL itself. `pooled`: a pooler that keeps a session for each connection. `shared`: one that gives
each transaction a session of its choice."""

FIX = (
    "Set DATABASE_URL to PostgreSQL itself, or keep the pooler there and set MERCATO_DATABASE_DIRECT_URL to PostgreSQL "
    "itself: listeners, locks of leaders and durable workflows need sessions of their own."
)
_CONNECT_SECONDS = 3
_HEARS_SECONDS = 3.0
_WHICH = "SELECT system_identifier::text || ' ' || current_database() FROM pg_control_system()"


def sessions_of(url: str) -> Kept:
    """What becomes of sessions at this address. Raises `psycopg.Error` where it does not answer."""
    with _connect(url) as hears:
        if hears.info.backend_pid == _one(hears, "SELECT pg_backend_pid()"):
            return "direct"
        # Not the process id, which is 1 in every container: another's word would be taken for this one's.
        channel = sql.Identifier(f"mercato_sessions_{secrets.token_hex(8)}")
        with _connect(url) as tells:
            hears.execute(sql.SQL("LISTEN {}").format(channel))
            # Whoever is given the session in the meantime would hear it instead.
            tells.execute("SELECT 1")
            tells.execute(sql.SQL("NOTIFY {}").format(channel))
            heard = list(hears.notifies(timeout=_HEARS_SECONDS, stop_after=1))
            hears.execute("UNLISTEN *")
        return "pooled" if heard else "shared"


def name_same_database(settings: Settings) -> bool:
    """Whether both addresses lead to one database. Raises `psycopg.Error` where one does not answer."""
    found = set()
    for url in (settings.direct_url, settings.pooled_url):
        if url is not None:
            with _connect(url) as connection:
                found.add(_one(connection, _WHICH))
    return len(found) == 1


def require_sessions(settings: Settings) -> None:
    """Raises a `ClickException`, which names the setting, where processes would work and hear nothing.

    A database that does not answer is for others to report.
    """
    assert settings.direct_url is not None
    name = "DATABASE_URL" if settings.pooled_url is None else "MERCATO_DATABASE_DIRECT_URL"
    try:
        if sessions_of(settings.direct_url) == "shared":
            raise click.ClickException(f"{name} goes through a pooler that hands sessions around. {FIX}")
        if settings.pooled_url is not None and not name_same_database(settings):
            raise click.ClickException(
                "DATABASE_URL and MERCATO_DATABASE_DIRECT_URL lead to different databases: correct one of them."
            )
    except psycopg.Error:
        return


def _connect(url: str) -> "psycopg.Connection[Any]":
    return psycopg.connect(libpq_url(url), connect_timeout=_CONNECT_SECONDS, autocommit=True, prepare_threshold=None)


def _one(connection: "psycopg.Connection[Any]", question: str) -> object:
    row = connection.execute(question).fetchone()
    return None if row is None else row[0]
