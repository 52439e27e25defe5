"""Our services of `deploy/compose.yaml`, run from our images: the engines beside them are of this machine.

The stack's own network is not there: every container is on this machine's, at free ports. All else is as the file says:
users, read-only roots, volumes, secrets, order and health checks.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.support.images import PODMAN_RUN, TOOLS, Images
from tests.support.ports import free_port, free_ports
from tests.support.reader import ROOT
from tests.support.waiting import eventually

_OURS = ("migrate", "control", "worker", "gateway")
_USER = 10001


class Stack:
    """`up` starts it, `down` removes it and its volumes."""

    def __init__(self, images: Images, folder: Path, database_port: int) -> None:
        """`folder` is passable for the containers' user; the database takes connections of anybody at its port."""
        self._images = images
        self._folder = folder
        self._project = f"mercato{os.getpid()}"
        self._control, self._internal, self._worker, self._gateway = free_ports(4)
        self._admin = free_port(2)
        self._database = f"postgresql://postgres@127.0.0.1:{database_port}/mercato?passfile=/run/secrets/pgpass"
        self.control_url = f"http://127.0.0.1:{self._control}"
        self.gateway_url = f"http://127.0.0.1:{self._gateway}"
        self.admin_urls = [f"http://127.0.0.1:{self._admin + worker}" for worker in range(2)]

    def up(self) -> None:
        """Returns when every health check that the file declares passes."""
        (self._folder / "compose.yaml").write_text(yaml.safe_dump(self._file()))
        self._compose("up", "--detach")
        for service in ("control", "worker", "gateway"):
            self._until_healthy(service)

    def down(self) -> None:
        """Containers and volumes."""
        self._compose("down", "--volumes", "--timeout", "20")

    def is_healthy(self, service: str) -> bool:
        """Whether its health check passes, asked now."""
        return self._images.is_healthy(self.container(service))

    def container(self, service: str) -> str:
        """The name of a service's container."""
        return f"{self._project}_{service}_1"

    def state(self, service: str) -> dict[str, Any]:
        """What podman says of a service's container."""
        (found,) = json.loads(self._images.run("podman", "container", "inspect", self.container(service)))
        assert isinstance(found, dict)
        return found

    def within(self, service: str, *command: str) -> str:
        """The output of a command beside a service's process."""
        return self._images.run("podman", "exec", self.container(service), *command)

    def stop(self, service: str) -> None:
        """SIGTERM, as an upgrade does; returns when the container has ended."""
        self._images.run("podman", "stop", "--time", "300", self.container(service))

    def start(self, service: str) -> None:
        """A container that ended, once more."""
        self._images.run("podman", "start", self.container(service))
        self._until_healthy(service)

    def logs(self) -> str:
        """The end of what each service wrote."""
        words = ["podman", "logs", "--tail", "40"]
        said = []
        for service in _OURS:
            done = subprocess.run(
                [*words, self.container(service)], env=self._images.environment, capture_output=True, text=True
            )
            said.append(f"--- {service}\n{done.stdout}{done.stderr}")
        return "\n".join(said)

    def _until_healthy(self, service: str) -> None:
        eventually(lambda: self.is_healthy(service), f"{service} is healthy", every=0.5)

    def _compose(self, *words: str) -> None:
        program = TOOLS / "compose/bin/podman-compose"
        options = ["--project-name", self._project, "--podman-run-args", " ".join(PODMAN_RUN)]
        self._images.run(program, *options, "--file", self._folder / "compose.yaml", *words)

    def _file(self) -> dict[str, Any]:
        file: dict[str, Any] = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())
        services = {name: self._here(file["services"][name]) for name in _OURS}
        services["control"]["environment"] |= {"MERCATO_PORT": str(self._control)}
        services["gateway"]["environment"] |= {
            "MERCATO_GATEWAY_LISTEN": f"127.0.0.1:{self._gateway}",
            "MERCATO_GATEWAY_ADMIN": f"127.0.0.1:{self._admin}",
            "MERCATO_GATEWAY_CONTROL": f"http://127.0.0.1:{self._internal}",
            "MERCATO_GATEWAY_ALLOW_PRIVATE_UPSTREAMS": "true",
        }
        return {
            "services": services,
            "volumes": {"state": {}, "spool": {}},
            "secrets": {"pgpass": {"file": str(self._secret("pgpass", "*:*:*:*:of-a-test\n"))}},
        }

    def _here(self, service: dict[str, Any]) -> dict[str, Any]:
        """On this machine's network, with its engines alone: a service of the stack that is not ours is left out."""
        there = {name: value for name, value in service.items() if name not in ("networks", "ports")}
        there["network_mode"] = "host"
        there["depends_on"] = {name: how for name, how in service["depends_on"].items() if name in _OURS}
        engines = ("MERCATO_REDIS_URL", "MERCATO_OBJECTS_URL", "MERCATO_S3_ENDPOINT", "MERCATO_TRUSTED_PROXIES")
        there["environment"] = {name: value for name, value in service["environment"].items() if name not in engines}
        gateways = ",".join(f"gateway={url}" for url in self.admin_urls)
        if "DATABASE_URL" in there["environment"]:
            there["environment"] |= {
                "DATABASE_URL": self._database,
                "MERCATO_HOST": "127.0.0.1",
                "MERCATO_INTERNAL_HOST": "127.0.0.1",
                "MERCATO_INTERNAL_PORT": str(self._internal),
                "MERCATO_WORKER_PORT": str(self._worker),
                "MERCATO_GATEWAY_PUBLIC_URL": self.gateway_url,
                "MERCATO_ALLOW_PRIVATE_ENDPOINTS": "true",
                "MERCATO_HEALTH_URLS": f"{gateways},worker=http://127.0.0.1:{self._worker}",
            }
        return there

    def _secret(self, name: str, text: str) -> Path:
        """A file as `deploy/compose.yaml` wants it: nobody's but the containers' user's."""
        path = self._folder / name
        path.touch(mode=0o600)
        path.write_text(text)
        os.chown(path, _USER, _USER)
        return path
