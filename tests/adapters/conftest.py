"""Engines of durable workflows that tests open, and what they did."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from mercato.platform import StepFunction, Workflow, WorkflowFunction, Workflows
from tests.support.engines import engine_of_test
from tests.support.waiting import SECONDS

_WORKER = Path(__file__).with_name("workflows_worker.py")
OpenEngine = Callable[..., contextlib.AbstractAsyncContextManager[Workflows]]


@pytest.fixture
def open_engine(workflow_engine: str, database_url: str) -> OpenEngine:
    """Opens an engine with these workflows; each opening in a test takes up what the one before left."""

    @contextlib.asynccontextmanager
    async def opened(*workflows: Workflow, version: str = "1", executor: str = "test") -> AsyncIterator[Workflows]:
        engine = engine_of_test(database_url, workflows, executor=executor, version=version, close_within_seconds=5)
        await engine.open()
        try:
            yield engine
        finally:
            await engine.close()

    return opened


class Diary:
    """Writes down what was done, on which loop."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.loops: set[asyncio.AbstractEventLoop] = set()

    async def write(self, subject: str, line: str, result: Any = None) -> Any:
        """The step `write`."""
        self.lines.append(line)
        self.loops.add(asyncio.get_running_loop())
        return result

    def workflow(self, name: str, run: WorkflowFunction, **steps: StepFunction) -> Workflow:
        """With the step `write`, and these."""
        return Workflow(name, run, {"write": self.write, **steps})


async def kill_and_go_on(database_url: str, folder: Path, moment: str) -> None:
    """A worker kills itself with SIGKILL at `moment`; a new one of the same name ends the work."""
    diary = folder / "diary"
    first = await _worker(database_url, diary, "start", f"die {moment}")
    assert await first.wait() == -signal.SIGKILL
    second = await _worker(database_url, diary, "send")
    async with asyncio.timeout(SECONDS):
        assert await second.wait() == 0
    done = diary.read_text().split()
    assert list(dict.fromkeys(done)) == ["1", "2", "3", "4"]
    # Only the step that was cut off may stand there twice.
    assert sorted(done) == sorted(["1", "2", "3", "4"] + ([moment[-1]] if moment.startswith("in") else []))


async def _worker(database_url: str, diary: Path, *orders: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, str(_WORKER), database_url, str(diary), *orders, env=os.environ
    )
