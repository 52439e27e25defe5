"""A whole marketplace on loopback: PostgreSQL, control plane, worker and gateways, each a process of its own."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import httpx

from mercato.adapters.postgres_embedded import EmbeddedPostgres
from tests.e2e.parties import Member, Visitor
from tests.e2e.processes import Running
from tests.support.ports import free_port
from tests.support.running import open_folder

MERCATO = str(Path(sys.executable).with_name("mercato"))
VENDOR_SERVER = Path(__file__).with_name("vendor_server.py")


class Part:
    """A process that can be started again under the same command. `health` are the addresses that say it is ready."""

    def __init__(self, name: str, command: list[str], logs: Path, environment: dict[str, str], *health: str) -> None:
        self.name = name
        self._command = command
        self._log = logs / f"{name}.log"
        self._environment = environment
        self._health = health
        self._running: Running | None = None

    def begin(self) -> None:
        """Start without waiting."""
        assert not self.is_alive, f"{self.name} runs already"
        self._running = Running(self.name, self._command, self._log, self._environment)

    def wait_until_ready(self) -> None:
        self._own.wait_until_ready(*self._health)

    def start(self) -> None:
        """Start, and return when it is ready."""
        self.begin()
        self.wait_until_ready()

    def give(self, name: str, value: str | None) -> None:
        """Set a variable of its environment, or remove it, for its next start."""
        if value is None:
            self._environment.pop(name, None)
        else:
            self._environment[name] = value

    def kill(self) -> None:
        """SIGKILL."""
        self._own.kill()

    def stop(self) -> None:
        """SIGTERM; does nothing where it was never started."""
        if self._running is not None:
            self._running.stop()

    @property
    def is_alive(self) -> bool:
        return self._running is not None and self._running.is_alive

    @property
    def pid(self) -> int:
        return self._own.pid

    def last_words(self) -> str:
        return self._own.last_words()

    @property
    def _own(self) -> Running:
        assert self._running is not None, f"{self.name} was never started"
        return self._running


def _gauge(url: str, name: str) -> int:
    """A figure of a process's metrics; 0 where it is not there."""
    lines = [line.split() for line in httpx.get(url, timeout=60).text.splitlines() if line.startswith(f"{name} ")]
    return sum(int(float(value)) for _, value in lines)


class Gateway(Part):
    """A gateway with a state folder of its own. `url` takes calls; `spool` is the folder of its spools."""

    def __init__(self, name: str, state: Path, logs: Path, environment: dict[str, str], workers: int) -> None:
        port, admin = free_port(), free_port(workers)
        self.url = f"http://127.0.0.1:{port}"
        self.spool = state / "gateway"
        command = [MERCATO, "--state", str(state), "serve", "gateway", "--port", str(port), "--workers", str(workers)]
        expected = {**environment, "MERCATO_GATEWAY_ADMIN_PORT": str(admin)}
        self._admins = [f"http://127.0.0.1:{admin + worker}" for worker in range(workers)]
        super().__init__(name, command, logs, expected, *(f"{each}/readyz" for each in self._admins))

    def routes(self) -> int:
        """How many services each of its workers knows at least."""
        return min(_gauge(f"{each}/metrics", "mercato_gateway_services") for each in self._admins)

    def waiting(self) -> int:
        """How many bytes of usage its workers have not shipped."""
        return sum(_gauge(f"{each}/metrics", "mercato_gateway_spool_behind_bytes") for each in self._admins)

    def workers(self) -> list[int]:
        """The process ids of its workers, where it has several."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        return [int(child) for child in children.split()]


class Marketplace:
    """The operator's machine and a vendor's. `folder` must be passable for the user that PostgreSQL runs as."""

    def __init__(self, folder: Path, **settings: str) -> None:
        """`settings` are those of all its processes (`MERCATO_…`)."""
        self.folder = folder
        self._state = folder / "state"
        self._logs = folder / "logs"
        self._logs.mkdir()
        self.postgres = EmbeddedPostgres(folder / "postgres")
        control, internal, worker, vendor = (free_port() for _ in range(4))
        self.control_url = f"http://127.0.0.1:{control}"
        self.worker_url = f"http://127.0.0.1:{worker}"
        self.vendor_url = f"http://127.0.0.1:{vendor}"
        self._environment = {
            # What another marketplace on this machine was told must not reach this one.
            **{name: value for name, value in os.environ.items() if not name.startswith(("MERCATO_", "DATABASE_URL"))},
            "DATABASE_URL": self.postgres.start(),
            "MERCATO_ALLOW_PRIVATE_ENDPOINTS": "true",
            "MERCATO_CONTROL_URL": f"http://127.0.0.1:{internal}",
            "MERCATO_LOG_LEVEL": "WARNING",
            **{f"MERCATO_{name.upper()}": value for name, value in settings.items()},
        }
        self.vendor_server = self._part(
            "vendor", [sys.executable, str(VENDOR_SERVER), str(vendor)], f"{self.vendor_url}/v1/models"
        )
        self.control = self._serve("control", control, "--internal-port", str(internal))
        self.worker = self._serve("worker", worker)
        self.gateway = Gateway("gateway", self._state, self._logs, self._environment, workers=1)
        self._gateways = [self.gateway]
        # Processes read it as they start: the console tries services there.
        self._environment["MERCATO_GATEWAY_PUBLIC_URL"] = self.gateway.url
        self.operator = Member(self.control_url, "operator")

    @property
    def database_url(self) -> str:
        return self._environment["DATABASE_URL"]

    @property
    def gateway_token(self) -> str:
        """What a gateway shows to the control plane."""
        return (self._state / "secrets" / "gateway.token").read_text().strip()

    def start(self) -> None:
        """Schema, processes, the first administrator; returns when all is ready."""
        self.vendor_server.begin()
        self._run("migrate")
        for part in self._parts:
            if part is not self.vendor_server:
                part.begin()
        first = json.loads(self._run("bootstrap", "--json"))
        for part in self._parts:
            part.wait_until_ready()
        self.operator = Visitor(self.control_url).sign_in(first["email"], first["password"], "operator")

    def mend(self) -> None:
        """Start again what a failed test left dead, so that it fails alone."""
        if self.postgres.pid is None:
            self.postgres.start()
        for part in self._parts:
            if not part.is_alive:
                part.start()

    def stop(self) -> None:
        """Everything, PostgreSQL last."""
        for part in reversed(self._parts):
            part.stop()
        self.postgres.stop()

    @contextmanager
    def another_gateway(self, name: str, *, workers: int = 1, **settings: str) -> Iterator[Gateway]:
        """One more gateway, as on another machine: the operator copies the token there. Runs while the block lasts.

        `settings` are its own (`MERCATO_GATEWAY_…`).
        """
        state = self.folder / name
        (state / "secrets").mkdir(parents=True)
        shutil.copy(self._state / "secrets" / "gateway.token", state / "secrets" / "gateway.token")
        expected = {f"MERCATO_GATEWAY_{setting.upper()}": value for setting, value in settings.items()}
        gateway = Gateway(name, state, self._logs, {**self._environment, **expected}, workers)
        try:
            yield gateway
        finally:
            gateway.stop()

    def pids(self) -> dict[str, int]:
        """Who runs, to see later that nobody was started anew."""
        return {part.name: part.pid for part in self._parts if part.is_alive}

    def last_words(self) -> str:
        """The end of what each process wrote."""
        return "\n".join(f"--- {part.name}\n{part.last_words()}" for part in self._parts)

    @property
    def _parts(self) -> list[Part]:
        return [self.vendor_server, self.control, self.worker, self.gateway]

    def _serve(self, role: str, port: int, *more: str) -> Part:
        command = [MERCATO, "--state", str(self._state), "serve", role, "--port", str(port), *more]
        return self._part(role, command, f"http://127.0.0.1:{port}/readyz")

    def _part(self, name: str, command: list[str], health: str) -> Part:
        return Part(name, command, self._logs, self._environment, health)

    def _run(self, *words: str) -> str:
        command = [MERCATO, "--state", str(self._state), *words]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True)
        assert done.returncode == 0, f"mercato {words[0]}: {done.stderr}"
        return done.stdout


_Kind = TypeVar("_Kind", bound=Marketplace)


@contextmanager
def standing(kind: Callable[[Path], _Kind]) -> Iterator[_Kind]:
    """A marketplace of this kind in a folder of its own, stopped in any case."""
    with open_folder() as folder:
        marketplace = kind(folder)
        try:
            marketplace.start()
            yield marketplace
        finally:
            marketplace.stop()
