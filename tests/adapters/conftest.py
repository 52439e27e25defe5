"""Engines of durable workflows that tests open, and what they did."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from mercato.platform import StepFunction, Workflow, WorkflowFunction, Workflows
from tests.support.engines import engine_of_test

OpenEngine = Callable[..., contextlib.AbstractAsyncContextManager[Workflows]]


@pytest.fixture
def open_engine(workflow_engine: str, database_url: str) -> OpenEngine:
    """Opens an engine with these workflows; each opening in a test takes up what the one before left."""

    @contextlib.asynccontextmanager
    async def opened(*workflows: Workflow, version: str = "1") -> AsyncIterator[Workflows]:
        engine = engine_of_test(database_url, workflows, executor="test", version=version, close_within_seconds=5)
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
