"""A standby of a test's PostgreSQL that streams what the primary writes, and takes its place when it is told to."""

import os
import signal
import tempfile
import time
from pathlib import Path
from typing import Self

import psycopg

from mercato.adapters.postgres_embedded import EmbeddedPostgres
from tests.e2e.processes import until


class Standby(EmbeddedPostgres):
    """Of `primary`, whose commits wait for it: what was answered is on both."""

    @classmethod
    def of(cls, primary: EmbeddedPostgres, primary_url: str, folder: Path) -> Self:
        """Copied from the running primary, started, and caught up."""
        standby = cls(folder)
        with tempfile.TemporaryFile() as file:
            primary.copy_to(file)
            file.seek(0)
            standby.put_back(file)
        (standby._data / "standby.signal").touch()
        with (standby._data / "postgresql.auto.conf").open("a") as settings:
            settings.write(
                f"primary_conninfo = 'host={primary._socket_folder()} user=postgres application_name=standby'\n"
            )
        if standby._own.user is not None:
            for name in ("standby.signal", "postgresql.auto.conf"):
                os.chown(standby._data / name, standby._own.user.pw_uid, standby._own.user.pw_gid)
        standby.start()
        with psycopg.connect(primary_url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET synchronous_standby_names = 'standby'")
            connection.execute("SELECT pg_reload_conf()")
            said = "SELECT sync_state FROM pg_stat_replication WHERE application_name = 'standby'"
            until(lambda: connection.execute(said).fetchone() == ("sync",), what="commits wait for the standby")
        return standby

    def promote(self) -> float:
        """Be the primary; returns after how many seconds it is."""
        began = time.monotonic()
        self._run("pg_ctl", "promote", "-D", str(self._data), "-w", "-t", "120")
        return time.monotonic() - began


def kill(server: EmbeddedPostgres) -> None:
    """SIGKILL, and returns once nobody answers."""
    pid = server.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    until(lambda: server.pid is None, what="the primary is gone")
