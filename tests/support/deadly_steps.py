"""Workers that tests kill: a step that dies at its moment, and a worker's life."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

from mercato.adapters.workflows_dbos import DbosWorkflows
from mercato.platform import Database, DurableSubscriber, Json, OutboxFeed, Steps, Workflow


class DeadlySteps:
    """Passes steps on, and kills its own process at the moment: `in STEP`, when the step has done its work and its
    result is not recorded yet, or `after STEP`, when it is. A step is named, or numbered from 0.
    """

    def __init__(self, steps: Steps, moment: Sequence[str]) -> None:
        self._steps = steps
        self._moment = moment
        self._number = -1

    async def run(self, name: str, action: Callable[[], Awaitable[Json]]) -> Json:
        self._number += 1
        names = (name, str(self._number))

        async def act() -> Json:
            result = await action()
            self._die("in", names)
            return result

        result = await self._steps.run(name, act)
        self._die("after", names)
        return result

    async def wait(self, topic: str, timeout: timedelta) -> Json | None:
        return await self._steps.wait(topic, timeout)

    def _die(self, when: str, names: tuple[str, str]) -> None:
        if any([f"{when} {name}"] == list(self._moment) for name in names):
            os.kill(os.getpid(), signal.SIGKILL)


def deadly(workflow: Workflow, moment: Sequence[str]) -> Workflow:
    """The workflow, with steps that die at the moment."""

    async def run(steps: Steps, subject: str) -> None:
        await workflow.run(DeadlySteps(steps, moment), subject)

    return Workflow(workflow.name, run)


async def work_until_told(database: Database, engine: DbosWorkflows, starter: DurableSubscriber[Any]) -> None:
    """Reads the outbox and runs workflows until SIGTERM, then closes everything."""
    await engine.open()
    feed = OutboxFeed(database)
    await feed.start([starter], [])
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    await feed.close()
    await engine.close()
    await database.close()
