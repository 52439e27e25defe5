"""Our images, built from the repository without a registry: by buildah, on a base made of Debian's packages."""

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.reader import ROOT

TOOLS = ROOT / ".tools/containers"
NAMES = ("server", "gateway", "runner")
PODMAN_RUN = ("--runtime", "runc", "--ulimit", "nproc=9000:9000", "--ulimit", "nofile=9000:9000")
"""Without systemd, and where limits may not be raised above this process's own."""

_BASE = "localhost/mercato-base"
_PIP = ("cert", "client-cert", "extra-index-url", "index-url", "proxy", "timeout", "trusted-host")
_STORAGE = """[storage]
driver = "overlay"
graphroot = "{place}/storage"
runroot = "{place}/run"
"""


class Images:
    """A store of images in `.tools/containers`, which stays: what has not changed is not built anew."""

    def __init__(self) -> None:
        settings = TOOLS / "storage.conf"
        settings.write_text(_STORAGE.format(place=TOOLS))
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("MERCATO_", "DATABASE_"))},
            "CONTAINERS_STORAGE_CONF": str(settings),
        }

    def run(self, *words: str | Path, timeout: float = 3600) -> str:
        """The output of a command. Fails with all that it wrote."""
        done = subprocess.run(words, env=self.environment, cwd=ROOT, capture_output=True, text=True, timeout=timeout)
        assert done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done.stdout.strip()

    def is_healthy(self, container: str) -> bool:
        """Whether its health check passes, asked now: nothing asks by itself where no systemd is."""
        words = ["podman", "healthcheck", "run", container]
        return subprocess.run(words, env=self.environment, capture_output=True).returncode == 0

    def name_of(self, image: str) -> str:
        """As `deploy/compose.yaml` names it by default."""
        return f"localhost/mercato/{image}:0.1.0"

    def base(self) -> str:
        """The base by its digest, as a release names it."""
        if not self.run("podman", "images", "--quiet", _BASE):
            container = self.run("buildah", "from", "scratch")
            self.run("buildah", "add", "--quiet", container, TOOLS / "base.tar", "/")
            self.run("buildah", "commit", "--quiet", "--rm", container, _BASE)
        digest = self.run("podman", "image", "inspect", "--format", "{{.Digest}}", _BASE)
        return f"{_BASE}@{digest}"

    def build(self, image: str) -> None:
        """From its Dockerfile, as it stands."""
        # OCI's own format has no health check.
        words = ["buildah", "build", "--isolation", "chroot", "--format", "docker", "--layers", "--pull-never"]
        file = f"deploy/containers/{image}.Dockerfile"
        self.run(
            *words,
            *self._packages(),
            "--file",
            file,
            "--build-arg",
            f"BASE={self.base()}",
            "--tag",
            self.name_of(image),
            ".",
        )

    def inspect(self, image: str) -> dict[str, Any]:
        """What the image says about itself."""
        (found,) = json.loads(self.run("podman", "image", "inspect", self.name_of(image)))
        assert isinstance(found, dict)
        return found

    def within(self, image: str, *command: str) -> str:
        """The output of a command in a container of its own, without a network."""
        words = ["podman", "run", "--rm", "--network", "none", *PODMAN_RUN, "--entrypoint", command[0]]
        return self.run(*words, self.name_of(image), *command[1:])

    def _packages(self) -> Sequence[str]:
        """Lets `pip` within a build find packages as it does here: by a file that is there only while it builds."""
        listed = self.run(ROOT / ".tools/bin/python", "-m", "pip", "config", "list")
        found = {
            name.rpartition(".")[2]: value for name, _, value in (line.partition("=") for line in listed.split("\n"))
        }
        kept = {name: value.strip("'") for name, value in found.items() if name in _PIP}
        settings = TOOLS / "pip.conf"
        settings.write_text("\n".join(["[global]", *(f"{name} = {value}" for name, value in kept.items()), ""]))
        files = [kept[name] for name in ("cert", "client-cert") if name in kept]
        mounts = [f"{settings}:/etc/pip.conf:ro", *(f"{file}:{file}:ro" for file in files)]
        return [word for mount in mounts for word in ("--volume", mount)]
