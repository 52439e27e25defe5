"""A real Jaeger and a real VictoriaLogs of a test, on free ports, compiled by scripts/observability-tools."""

import contextlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.e2e.processes import until
from tests.support.ports import free_ports
from tests.support.reader import ROOT

_FOLDER = ROOT / ".tools/observability"


def _program(name: str) -> str | None:
    own = _FOLDER / name
    return str(own) if own.is_file() else shutil.which(name)


def why_not(name: str) -> str | None:
    """What is missing to run this one here."""
    return None if _program(name) else f"{name} is not there: scripts/observability-tools compiles it"


@contextmanager
def _running(command: list[str], log: Path, ready: str) -> Iterator[None]:
    with log.open("ab") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL)

    def answers() -> bool:
        assert process.poll() is None, log.read_text()[-4000:]
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(ready, timeout=30).is_success
        return False

    try:
        until(answers, 600, what=f"{command[0]} answers")
        yield
    finally:
        process.terminate()
        process.wait()


@dataclass(frozen=True)
class Span:
    """A span as Jaeger gives it back."""

    service: str
    name: str
    id: str
    parent: str | None
    kind: str


@dataclass(frozen=True)
class Jaeger:
    """`otlp` is where spans are sent to (OTLP over HTTP), `url` where it is asked."""

    otlp: str
    url: str

    def services(self) -> set[str]:
        """Names of what sent spans."""
        return set(self._ask("/api/services") or ())

    def trace(self, trace_id: str) -> list[Span]:
        """The spans of this trace that have arrived."""
        found = self._ask(f"/api/traces/{trace_id}")
        return [_read_span(span, trace["processes"]) for trace in found or () for span in trace["spans"]]

    def _ask(self, path: str) -> Any:
        answer = httpx.get(self.url + path, timeout=60)
        return None if answer.status_code == 404 else answer.raise_for_status().json()["data"]


def _read_span(span: dict[str, Any], processes: dict[str, Any]) -> Span:
    parents = [each["spanID"] for each in span["references"] if each["refType"] == "CHILD_OF"]
    tags = {tag["key"]: tag["value"] for tag in span["tags"]}
    service = processes[span["processID"]]["serviceName"]
    return Span(service, span["operationName"], span["spanID"], next(iter(parents), None), tags.get("span.kind", ""))


@contextmanager
def jaeger(folder: Path) -> Iterator[Jaeger]:
    """With its storage in memory, while the block lasts."""
    otlp, query, grpc = (f"127.0.0.1:{port}" for port in free_ports(3))
    pipeline = {"receivers": ["otlp"], "exporters": ["jaeger_storage_exporter"]}
    config = {
        "service": {
            "extensions": ["jaeger_storage", "jaeger_query"],
            "pipelines": {"traces": pipeline},
            "telemetry": {"metrics": {"level": "none"}},
        },
        "extensions": {
            "jaeger_query": {
                "storage": {"traces": "kept"}, "http": {"endpoint": query}, "grpc": {"endpoint": grpc}
            },
            "jaeger_storage": {"backends": {"kept": {"memory": {"max_traces": 10_000}}}},
        },
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": otlp}}}},
        "exporters": {"jaeger_storage_exporter": {"trace_storage": "kept"}},
    }  # fmt: skip
    (folder / "jaeger.yaml").write_text(yaml.safe_dump(config))
    command = [str(_program("jaeger")), f"--config={folder}/jaeger.yaml"]
    with _running(command, folder / "jaeger.log", f"http://{query}/api/services"):
        yield Jaeger(f"http://{otlp}", f"http://{query}")


@dataclass(frozen=True)
class VictoriaLogs:
    """Takes lines of JSON, as a shipper of logs sends them."""

    url: str

    def take(self, role: str, log: Path, *, time_field: str) -> int:
        """The lines of JSON of this process's log, in the stream `role`; how many they are."""
        lines = [line for line in log.read_text().splitlines() if line.startswith("{")]
        named = {
            "_stream_fields": "role", "_time_field": time_field, "_msg_field": "event", "extra_fields": f"role={role}"
        }  # fmt: skip
        body = "\n".join(lines).encode()
        httpx.post(f"{self.url}/insert/jsonline", params=named, content=body, timeout=60).raise_for_status()
        return len(lines)

    def find(self, query: str) -> list[dict[str, Any]]:
        """The lines that LogsQL finds."""
        answer = httpx.post(f"{self.url}/select/logsql/query", data={"query": query}, timeout=60)
        return [json.loads(line) for line in answer.raise_for_status().text.splitlines()]


@contextmanager
def victoria_logs(folder: Path) -> Iterator[VictoriaLogs]:
    """With its storage in `folder`, while the block lasts."""
    (port,) = free_ports(1)
    address = f"127.0.0.1:{port}"
    words = [f"-storageDataPath={folder}/logs-kept", f"-httpListenAddr={address}", "-retentionPeriod=30d"]
    command = [str(_program("victoria-logs")), *words]
    with _running(command, folder / "victoria-logs.log", f"http://{address}/health"):
        yield VictoriaLogs(f"http://{address}")
