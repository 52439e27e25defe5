"""A real MLflow server on a free loopback port, in an environment of its own made from a lock with hashes."""

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import httpx

from tests.clients.environments import python_client_environment
from tests.support.ports import free_port
from tests.support.waiting import eventually

_LOCK = Path(__file__).parents[1] / "adapters/mlflow/requirements.lock"
USER, PASSWORD = "admin", "only-for-this-test-1"


class MlflowServer:
    """Its database stays in `folder` when it is killed and started again. With `asks_who`, it lets in only `USER`."""

    def __init__(self, folder: Path, *, asks_who: bool = False) -> None:
        self._folder = folder
        self._asks_who = asks_who
        self._program = python_client_environment(_LOCK).parent / "mlflow"
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Returns once it answers."""
        command = [
            str(self._program), "server", "--host", "127.0.0.1", "--port", str(self.port), "--workers", "1",
            "--backend-store-uri", f"sqlite:///{self._folder}/mlflow.db",
            "--artifacts-destination", str(self._folder / "artifacts"),
            *(["--app-name", "basic-auth"] if self._asks_who else []),
        ]  # fmt: skip
        with (self._folder / "mlflow.log").open("ab") as log:
            # A group of its own: what serves is a child of the command.
            self._process = subprocess.Popen(
                command, cwd=self._folder, env=self._environment(), stdout=log, stderr=log, start_new_session=True
            )
        eventually(self._answers, "MLflow answers")

    def _environment(self) -> dict[str, str]:
        config = self._folder / "auth.ini"
        config.write_text(
            f"[mlflow]\ndefault_permission = READ\ndatabase_uri = sqlite:///{self._folder}/auth.db\n"
            f"admin_username = {USER}\nadmin_password = {PASSWORD}\n"
            "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
        )
        return os.environ | {
            "MLFLOW_AUTH_CONFIG_PATH": str(config),
            "MLFLOW_FLASK_SERVER_SECRET_KEY": "only for this test",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "DO_NOT_TRACK": "true",
        }

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "mlflow.log").read_text()[-4000:]
        try:
            return httpx.get(f"{self.url}/health", timeout=5, trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        """SIGKILL for all of it: nothing may be needed to keep what it confirmed."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def ask(self, method: str, path: str, **content: Any) -> dict[str, Any]:
        """What an operator would ask it beside the marketplace."""
        auth = (USER, PASSWORD) if self._asks_who else None
        where = {"params": content} if method == "GET" else {"json": content}
        url = f"{self.url}/api/2.0/mlflow/{path}"
        response = httpx.request(method, url, auth=auth, timeout=60, trust_env=False, **where)  # type: ignore[arg-type]
        assert response.is_success, response.text
        found: dict[str, Any] = response.json()
        return found

    def models(self) -> dict[str, dict[str, Any]]:
        """All registered models by name, each with its tags and aliases as mappings, and its versions by number."""
        found: dict[str, dict[str, Any]] = {}
        for model in self.ask("GET", "registered-models/search", max_results=1000).get("registered_models", []):
            versions = self.ask("GET", "model-versions/search", filter=f"name = '{model['name']}'", max_results=1000)
            found[model["name"]] = {
                "description": model.get("description", ""),
                "tags": _tags(model),
                "aliases": {each["alias"]: int(each["version"]) for each in model.get("aliases", [])},
                "versions": {int(each["version"]): _tags(each) for each in versions.get("model_versions", [])},
            }
        return found


def _tags(found: dict[str, Any]) -> dict[str, str]:
    return {each["key"]: each.get("value", "") for each in found.get("tags", [])}
