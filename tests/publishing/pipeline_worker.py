"""A worker that a test kills: `pipeline_worker.py DATABASE_URL RULES [MOMENT]`.

MOMENT is `in N`: step N (counted from 0) has done its work and its result is not recorded yet; `after N`: it is.
Without one the worker runs until it is told to stop.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta

from mercato.adapters.workflows_dbos import DbosWorkflows
from mercato.platform import Database, Json, Outbox, OutboxFeed, Steps, SystemClock, SystemIds, Workflow
from mercato.publishing import CedarPolicy, CredentialSeal, LiveCalls, Pipeline, PipelineStarter

DATABASE_URL, RULES, *MOMENT = sys.argv[1:]


class DeadlySteps:
    """Passes steps on, and dies at the moment."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self._number = -1

    async def run(self, name: str, action: Callable[[], Awaitable[Json]]) -> Json:
        self._number += 1
        number = self._number

        async def act() -> Json:
            result = await action()
            die_at(f"in {number}")
            return result

        result = await self._steps.run(name, act)
        die_at(f"after {number}")
        return result

    async def wait(self, topic: str, timeout: timedelta) -> Json | None:
        return await self._steps.wait(topic, timeout)


def die_at(moment: str) -> None:
    if [moment] == MOMENT:
        os.kill(os.getpid(), signal.SIGKILL)


async def main() -> None:
    database, clock = Database(DATABASE_URL), SystemClock()
    pipeline = Pipeline(
        database,
        clock,
        SystemIds(clock),
        Outbox(clock),
        LiveCalls(CredentialSeal(bytes(32)), allow_private=True),
        CedarPolicy(RULES),
    )
    workflow = pipeline.workflow()

    async def run(steps: Steps, subject: str) -> None:
        await workflow.run(DeadlySteps(steps), subject)

    engine = DbosWorkflows(DATABASE_URL, [Workflow(workflow.name, run)], executor="worker", version="1")
    await engine.open()
    feed = OutboxFeed(database)
    await feed.start([PipelineStarter(engine).subscriber()], [])
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    await feed.close()
    await engine.close()
    await database.close()


asyncio.run(main())
