"""PostgreSQL 18 from a wheel, in one folder, on a Unix socket: the default when no `DATABASE_URL` is set.

The server is its own process: it outlives a killed starter, and the next start takes it over. Its own write-ahead log
brings it back after a kill -9. Several processes may share it; the last one to let go stops it.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import quote

import psycopg
from psycopg import sql

from mercato.adapters.postgres_place import Place, PostgresNotStarted, find_place
from mercato.adapters.unpacking import unpack

_DATABASE = "mercato"
_SUPERUSER = "postgres"
_START_SECONDS = 120.0  # recovery after a crash replays the log first
_MAX_SOCKET_PATH = 100  # 107 bytes on Linux, 103 elsewhere
_LOG_TAIL_BYTES = 2_000
_SERVER_SETTINGS = {
    "max_connections": "200",
    # Nothing replicates from a server in a folder, so it needs no processes for that.
    "max_logical_replication_workers": "0",
    # Three by default; a database of this size is read from the operating system's cache.
    "io_workers": "1",
    "io_max_concurrency": "8",
    # Sized for 200 connections, these take memory from the start. No transaction here is serializable.
    "max_pred_locks_per_transaction": "16",
    "wal_buffers": "1MB",
}


def _say_nothing(text: str) -> None:
    """The default of `tell`."""


class EmbeddedPostgres:
    """A server over `folder`. `start` is safe to call where one runs already; `stop` ends it cleanly.

    `tell` hears one sentence when the data cannot lie in `folder` itself (see `postgres_place`). Beside `folder` lie
    `<folder>.lock`, held while somebody starts or stops, and `<folder>.users`, held by all who use the server.
    """

    def __init__(self, folder: Path, tell: Callable[[str], None] = _say_nothing) -> None:
        self._folder = folder.absolute()
        self._tell = tell
        self._place: Place | None = None
        self._use: int | None = None

    def start(self) -> str:
        """Start or take over; returns the URL of the marketplace's database, made on the first start.

        Raises `PostgresNotStarted`.
        """
        with self._alone():
            self._place = find_place(self._folder, self._tell)
            if self._use is None:
                self._use = os.open(f"{self._folder}.users", os.O_RDWR | os.O_CREAT, 0o600)
                fcntl.flock(self._use, fcntl.LOCK_SH)
            if not self._data.exists():
                self._initialise()
            self._make_database()
        return self._url(_DATABASE)

    def stop(self) -> bool:
        """Let go, and stop the server when nobody else uses it. Whether it is stopped now."""
        if self._use is None:
            return self._place is None
        with self._alone():
            try:
                fcntl.flock(self._use, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if self.pid is not None:
                    self._run("pg_ctl", "stop", "-D", str(self._data), "-m", "fast", "-w", "-t", "60")
            except BlockingIOError:
                return False
            finally:
                os.close(self._use)
                self._use = None
        return True

    def find_running(self) -> str | None:
        """The URL when it runs already, whoever started it; starts and makes nothing."""
        if not self._folder.exists():
            return None
        self._place = find_place(self._folder, self._tell)
        return None if self.pid is None else self._url(_DATABASE)

    def copy_to(self, file: IO[bytes]) -> None:
        """Write all of the running server's data as of one moment, with the log that makes it consistent, as a tar.

        Numbers of transactions stay as they are: readers of the outbox go on where they were. Raises
        `PostgresNotStarted`.
        """
        words = ["-D", "-", "-F", "tar", "-X", "fetch", "-c", "fast", "-d", self._url(_SUPERUSER)]
        done = subprocess.run(  # noqa: S603
            [str(self._own.programs / "pg_basebackup"), *words], stdout=file, stderr=subprocess.PIPE, check=False
        )
        if done.returncode != 0:
            raise PostgresNotStarted(f"the copy failed: {done.stderr.decode(errors='replace').strip()}")

    def put_back(self, file: IO[bytes]) -> None:
        """Make the server's data of what `copy_to` wrote. Raises `PostgresNotStarted` where there is data already."""
        with self._alone():
            self._place = find_place(self._folder, self._tell)
            if self._data.exists():
                raise PostgresNotStarted(f"{self._data} exists: a restore never writes over data; move it away")
            draft = self._own.folder / "data.draft"
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(mode=0o700)
            try:
                with tarfile.open(fileobj=file, mode="r:") as archive:
                    unpack(archive, draft)
            except BaseException:
                shutil.rmtree(draft, ignore_errors=True)
                raise
            user = self._own.user
            for path in (draft, *draft.rglob("*")):
                path.chmod(0o700 if path.is_dir() else 0o600)
                if user is not None:
                    os.chown(path, user.pw_uid, user.pw_gid)
            draft.rename(self._data)

    @property
    def pid(self) -> int | None:
        """The process id of the running server. What a dead one left behind does not count, nor who got its number."""
        if self._place is None:
            return None
        try:
            pid = int((self._data / "postmaster.pid").read_text().partition("\n")[0])
            os.kill(pid, 0)
        except (FileNotFoundError, ValueError, ProcessLookupError):
            return None
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:  # no such file system here: believe the file
            return pid if not Path("/proc/self").exists() else None
        return pid if os.fsencode(self._data) in command.split(b"\0") else None

    @property
    def _own(self) -> Place:
        assert self._place is not None
        return self._place

    @property
    def _data(self) -> Path:
        return self._own.folder / "data"

    @property
    def _log(self) -> Path:
        return self._own.folder / "postgres.log"

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(f"{self._folder}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _initialise(self) -> None:
        # Made beside and renamed: a start that is killed half-way leaves no half-made data.
        draft = self._own.folder / "data.draft"
        shutil.rmtree(draft, ignore_errors=True)
        sorting = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        self._run("initdb", "-D", str(draft), "-U", _SUPERUSER, "--auth=trust", *sorting)
        draft.rename(self._data)

    def _launch(self) -> None:
        # The socket is reached only through a folder that is closed to everyone but this user and root.
        settings = {"listen_addresses": "", "unix_socket_directories": str(self._socket_folder()), **_SERVER_SETTINGS}
        options = " ".join(f"-c {name}='{value}'" for name, value in settings.items())
        words = ("start", "-D", str(self._data), "-l", str(self._log), "-o", options, "-w", "-t", str(_START_SECONDS))
        deadline = time.monotonic() + _START_SECONDS
        while True:
            # What a dead server left behind; PostgreSQL would take whoever has its number now for a living one.
            for left in (self._data / "postmaster.pid", self._socket_folder() / ".s.PGSQL.5432.lock"):
                left.unlink(missing_ok=True)
            try:
                return self._run("pg_ctl", *words)
            except PostgresNotStarted as error:
                # Backends of a killed server hold its memory until they notice, a second or so later.
                if "still in use" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def _make_database(self) -> None:
        with self._connect() as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (_DATABASE,)).fetchone()
            if found is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_DATABASE)))

    def _connect(self) -> psycopg.Connection:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            # Asked each time: a server that was just killed may seem to live for a moment.
            if self.pid is None:
                self._launch()
            try:
                return psycopg.connect(self._url(_SUPERUSER), autocommit=True, connect_timeout=5)
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    raise PostgresNotStarted(f"PostgreSQL does not answer: {error}\n{self._log_tail()}") from None
                time.sleep(0.1)

    def _url(self, database: str) -> str:
        return f"postgresql://{_SUPERUSER}@/{database}?host={quote(str(self._socket_folder()), safe='/')}"

    def _socket_folder(self) -> Path:
        if len(os.fsencode(self._own.folder)) <= _MAX_SOCKET_PATH - len("/.s.PGSQL.5432"):
            return self._own.folder
        name = hashlib.sha256(os.fsencode(self._own.folder)).hexdigest()[:16]
        folder = Path(tempfile.gettempdir()) / f"mercato-{name}"
        owner = self._own.user.pw_uid if self._own.user else os.geteuid()
        if not folder.is_dir():
            folder.mkdir(mode=0o700)
            os.chown(folder, owner, -1)
        found = folder.lstat()
        if found.st_uid != owner or found.st_mode & 0o777 != 0o700:
            raise PostgresNotStarted(f"{folder} is not ours alone: remove it, or set MERCATO_STATE to a short path")
        return folder

    def _run(self, program: str, *words: str) -> None:
        user = self._own.user
        # Files instead of pipes: the server that `pg_ctl` leaves behind would hold a pipe open for ever.
        with tempfile.TemporaryFile() as output:
            done = subprocess.run(  # noqa: S603
                [str(self._own.programs / program), *words],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self._own.folder,
                env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
                user=user.pw_uid if user else None,
                group=user.pw_gid if user else None,
                extra_groups=[] if user else None,
            )
            output.seek(0)
            written = output.read().decode(errors="replace")
        if done.returncode != 0:
            raise PostgresNotStarted(f"{program} {words[0]} failed: {written.strip()}\n{self._log_tail()}")

    def _log_tail(self) -> str:
        try:
            return self._log.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace")
        except FileNotFoundError:
            return ""
