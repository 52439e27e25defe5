"""A real redis-server of a test, on a free port of this machine; `scripts/debian redis-server` installs it."""

import shutil
import subprocess
import time
from pathlib import Path

import redis

from tests.support.ports import free_ports


class RedisServer:
    """A server that keeps an append-only file, so that a restart brings back what is up to a second old."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._program = shutil.which("redis-server")
        assert self._program, "redis-server is missing: run scripts/debian redis-server"
        (self.port,) = free_ports(1)
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns once it answers."""
        options = {"port": self.port, "bind": "127.0.0.1", "dir": self._folder, "appendonly": "yes", "save": ""}
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        with (self._folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen([str(self._program), *words], stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        with redis.Redis.from_url(self.url) as client:
            while True:
                try:
                    client.ping()
                    return
                except redis.RedisError:
                    assert time.monotonic() < deadline, (self._folder / "redis.log").read_text()
                    time.sleep(0.01)

    def follow(self, other: "RedisServer") -> None:
        """Be a replica of the other, with all that it has."""
        with redis.Redis.from_url(self.url) as client:
            client.replicaof("127.0.0.1", other.port)
            deadline = time.monotonic() + 60
            while client.info("replication")["master_link_status"] != "up":
                assert time.monotonic() < deadline, (self._folder / "redis.log").read_text()
                time.sleep(0.01)

    def promote(self) -> None:
        """Be a primary, as an operator or a Sentinel makes it one."""
        with redis.Redis.from_url(self.url) as client:
            client.replicaof("NO", "ONE")

    def kill(self) -> None:
        """SIGKILL: nothing is written that was not."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def keep_file(self) -> None:
        """Put the present append-only file aside, for `bring_back_file`."""
        shutil.copytree(self._folder / "appendonlydir", self._folder / "kept")

    def bring_back_file(self) -> None:
        """The next start reads what was kept: a server that lost its latest writes. To be called while it is dead."""
        shutil.rmtree(self._folder / "appendonlydir")
        (self._folder / "kept").rename(self._folder / "appendonlydir")
