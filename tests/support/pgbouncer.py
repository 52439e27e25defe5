"""A real PgBouncer of a test, in transaction mode; `scripts/debian pgbouncer` installs it."""

import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import psycopg

from tests.support.ports import free_port
from tests.support.waiting import eventually

_PROGRAM = shutil.which("pgbouncer", path=os.environ["PATH"] + ":/usr/sbin")


def why_not() -> str | None:
    """What is missing to run one here."""
    return None if _PROGRAM else "needs pgbouncer: run scripts/debian pgbouncer"


class PgBouncer:
    """In front of the database at `target`, which any user of the machine may reach; `folder` may be passed through.

    It is as Debian's package sets it up, but for `pool_mode`: it refuses clients that send options of their own.
    """

    def __init__(self, folder: Path, target: str, *, sessions: int = 20, mode: str = "transaction") -> None:
        place = psycopg.conninfo.conninfo_to_dict(target.replace("+psycopg", ""))
        self._folder = folder
        self._owner = os.stat(str(place["host"])).st_uid if str(place["host"]).startswith("/") else os.getuid()
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self.url = f"postgresql://{place['user']}@127.0.0.1:{self.port}/pooled"
        users, self._config = folder / "users.txt", folder / "pgbouncer.ini"
        users.write_text(f'"{place["user"]}" "{place.get("password") or ""}"\n')
        keys = " ".join(f"{name}={place[name]}" for name in ("host", "port", "dbname") if place.get(name))
        self._config.write_text(
            f"[databases]\npooled = {keys}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {self.port}\n"
            f"unix_socket_dir =\nauth_type = trust\nauth_file = {users}\npool_mode = {mode}\n"
            f"max_client_conn = 500\ndefault_pool_size = {sessions}\n"
        )
        for path in (folder, users, self._config):
            path.chmod(0o755)

    def start(self) -> None:
        """Returns once it takes connections."""
        assert _PROGRAM is not None, why_not()
        # It refuses to be root, and must reach the server's socket.
        drop = ["setpriv", f"--reuid={self._owner}", f"--regid={self._owner}", "--clear-groups"]
        command = [*(drop if os.geteuid() == 0 else []), _PROGRAM, str(self._config)]
        log = self._folder / "pgbouncer.log"
        with log.open("ab") as out:
            self._process = subprocess.Popen(command, stdout=out, stderr=out)
        eventually(self._listens, log.read_text() or "pgbouncer listens")

    def kill(self) -> None:
        """SIGKILL: every transaction under way is lost."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _listens(self) -> bool:
        with socket.socket() as tried:
            return tried.connect_ex(("127.0.0.1", self.port)) == 0
