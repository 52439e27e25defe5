"""A worker that a test kills: `training_worker.py DATABASE_URL FOLDER [MOMENT]`; RUNPOD names a cloud, as JSON.

MOMENT is `in STEP`: the step has done its work and its result is not recorded yet; `after STEP`: it is.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

from mercato.adapters.training_local import LocalProvider
from mercato.adapters.workflows_dbos import DbosWorkflows
from mercato.platform import Database, Json, Outbox, OutboxFeed, Steps, SystemClock, Workflow
from mercato.training import Provider, TrainingStarter, TrainingWork

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.training.conftest import runpod_in, store_in

DATABASE_URL, FOLDER, *MOMENT = sys.argv[1:]
RUNNER = (sys.executable, str(Path(__file__).with_name("mini_runner.py")))


class DeadlySteps:
    """Passes steps on, and dies at the moment."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps

    async def run(self, name: str, action: Callable[[], Awaitable[Json]]) -> Json:
        async def act() -> Json:
            result = await action()
            die_at(f"in {name}")
            return result

        result = await self._steps.run(name, act)
        die_at(f"after {name}")
        return result

    async def wait(self, topic: str, timeout: timedelta) -> Json | None:
        return await self._steps.wait(topic, timeout)


def die_at(moment: str) -> None:
    if [moment] == MOMENT:
        os.kill(os.getpid(), signal.SIGKILL)


async def main() -> None:
    database, clock, folder = Database(DATABASE_URL), SystemClock(), Path(FOLDER)
    providers: dict[str, Provider] = {
        "local": LocalProvider(folder / "runs", nanos_per_hour=3_600_000_000_000, runner=RUNNER)
    }
    if "RUNPOD" in os.environ:
        providers["runpod"] = runpod_in(folder, **json.loads(os.environ["RUNPOD"]))
    workflow = TrainingWork(database, clock, Outbox(clock), store_in(folder), providers).workflow()

    async def run(steps: Steps, subject: str) -> None:
        await workflow.run(DeadlySteps(steps), subject)

    engine = DbosWorkflows(
        DATABASE_URL, [Workflow(workflow.name, run)], executor="worker", version="1", close_within_seconds=1
    )
    await engine.open()
    feed = OutboxFeed(database)
    await feed.start([TrainingStarter(engine).subscriber()], [])
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    await feed.close()
    await engine.close()
    await database.close()


asyncio.run(main())
