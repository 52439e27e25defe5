"""Step 1: a marketplace of its own, each part a process, its state in a folder that goes away."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from demo.processes import Processes, Running, answers
from mercato_cli.hosting.ports import free_port

MERCATO = str(Path(sys.executable).with_name("mercato"))


@dataclass(frozen=True, slots=True)
class Administrator:
    """The operator's first, as `mercato bootstrap` printed."""

    email: str
    password: str


class Marketplace:
    """Control plane, worker and gateway on free ports. The control plane starts the embedded PostgreSQL."""

    def __init__(self, processes: Processes, state: Path, ports: tuple[int, int] | None = None) -> None:
        """`ports` are those of the control plane and of the gateway; free ones where none are named."""
        self._processes = processes
        self._state = state
        self._worker_port, internal_port, gateway_health_port = free_port(), free_port(), free_port()
        self._control_port, self._gateway_port = ports or (free_port(), free_port())
        self._gateway: Running | None = None
        self.control_url = f"http://127.0.0.1:{self._control_port}"
        self.gateway_url = f"http://127.0.0.1:{self._gateway_port}"
        self.internal_url = f"http://127.0.0.1:{internal_port}"
        self.worker_url = f"http://127.0.0.1:{self._worker_port}"
        self.gateway_health_url = f"http://127.0.0.1:{gateway_health_port}"
        self.environment = {
            # Settings of another marketplace on this machine must not reach this one.
            **{name: value for name, value in os.environ.items() if not name.startswith(("MERCATO_", "DATABASE_URL"))},
            "MERCATO_ALLOW_PRIVATE_ENDPOINTS": "true",
            # Pages show these addresses, and try services at the gateway's.
            "MERCATO_PORT": str(self._control_port),
            "MERCATO_GATEWAY_PORT": str(self._gateway_port),
            "MERCATO_INTERNAL_PORT": str(internal_port),
            "MERCATO_CONTROL_URL": self.internal_url,
            "MERCATO_WORKER_PORT": str(self._worker_port),
            "MERCATO_GATEWAY_ADMIN_PORT": str(gateway_health_port),
            "MERCATO_LOG_LEVEL": "WARNING",
        }

    def prepare(self) -> Administrator:
        """A fresh database with the schema, and the first administrator."""
        self._run("migrate")
        return Administrator(**json.loads(self._run("bootstrap", "--json")))

    def start(self) -> list[Running]:
        """Control plane (with PostgreSQL), worker and gateway; returns when each is ready."""
        control = self._serve("control", self._control_port)
        worker = self._serve("worker", self._worker_port)
        gateway = self.start_gateway()
        worker.wait_until(answers(f"{self.worker_url}/readyz"))
        control.wait_until(answers(f"{self.control_url}/readyz"))
        return [control, worker, gateway]

    def postgres_pid(self) -> int:
        """Of the embedded server, which wrote it down itself."""
        files = list((self._state / "postgres").rglob("postmaster.pid"))
        assert len(files) == 1, f"one PostgreSQL runs in {self._state}, found {files}"
        return int(files[0].read_text().splitlines()[0])

    def gateway_token(self) -> str:
        """What gateways prove themselves with to the control plane."""
        return (self._state / "secrets" / "gateway.token").read_text().strip()

    def start_gateway(self) -> Running:
        """Returns when it holds the routes and takes calls."""
        self._gateway = self._serve("gateway", self._gateway_port)
        self._gateway.wait_until(answers(f"{self.gateway_health_url}/readyz"))
        return self._gateway

    def kill_gateway(self) -> int:
        """SIGKILL; gives the id of the process that is gone."""
        assert self._gateway is not None, "the gateway was started"
        self._gateway.kill()
        return self._gateway.pid

    def start_building_data(self) -> Running:
        """`mercato data build`: the panel of real prices; it is there when the process has ended."""
        command = [MERCATO, "--state", str(self._state), "data", "build"]
        return self._processes.start("data build", command, self.environment)

    def _serve(self, role: str, port: int) -> Running:
        command = [MERCATO, "--state", str(self._state), "serve", role, "--port", str(port)]
        return self._processes.start(role, command, self.environment)

    def _run(self, *words: str) -> str:
        command = [MERCATO, "--state", str(self._state), *words]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"mercato {words[0]} failed:\n{done.stderr}")
        return done.stdout
