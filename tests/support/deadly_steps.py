"""Workers that tests kill: a step that dies at its moment, and a worker's life."""

import asyncio
import os
import signal
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from mercato.adapters.workflows_dbos import DbosWorkflows
from mercato.platform import (
    Database,
    Json,
    OutboxFeed,
    OutsideSubscriber,
    StepFunction,
    Steps,
    Workflow,
    Workflows,
    follow_outside,
    name_call,
)


class DeadlySteps:
    """Passes steps on, and kills its own process at the moment: `in STEP`, when the step has done its work and its
    result is not recorded yet, or `after STEP`, when it is. A step is named as in the engine's records (`portfolio 3`),
    or numbered from 0.
    """

    def __init__(self, moment: Sequence[str]) -> None:
        self._moment = moment
        self._number = -1
        self._names: tuple[str, str] = ("", "")

    def over(self, steps: Steps) -> "_Watched":
        """These steps, each counted and named before it runs."""
        return _Watched(self, steps)

    def restart(self) -> None:
        """The workflow begins, or is replayed from its beginning."""
        self._number = -1

    def begin(self, name: str) -> None:
        """The step of this name comes next."""
        self._number += 1
        self._names = (name, str(self._number))

    def reach(self, when: str) -> None:
        """Die if this is the moment."""
        if any([f"{when} {name}"] == list(self._moment) for name in self._names):
            os.kill(os.getpid(), signal.SIGKILL)

    def deadly(self, function: StepFunction) -> StepFunction:
        """The step, which dies with its work done."""

        async def act(subject: str, *arguments: Json) -> Json:
            result = await function(subject, *arguments)
            self.reach("in")
            return result

        return act


class _Watched:
    """`Steps` that say to `DeadlySteps` which one runs."""

    def __init__(self, watch: DeadlySteps, steps: Steps) -> None:
        self._watch = watch
        self._steps = steps

    async def run(self, step: str, *arguments: Json) -> Json:
        self._watch.begin(name_call(step, *arguments))
        result = await self._steps.run(step, *arguments)
        self._watch.reach("after")
        return result

    async def wait(self, topic: str, timeout: timedelta) -> Json | None:
        return await self._steps.wait(topic, timeout)


def deadly(workflow: Workflow, moment: Sequence[str]) -> Workflow:
    """The workflow, with steps that die at the moment; for one subject at a time."""
    watch = DeadlySteps(moment)

    async def run(steps: Steps, subject: str) -> None:
        watch.restart()
        await workflow.run(watch.over(steps), subject)

    return Workflow(workflow.name, run, {name: watch.deadly(step) for name, step in workflow.steps.items()})


async def work_until_told(database: Database, engine: Workflows, asker: OutsideSubscriber[Any]) -> None:
    """Reads the outbox and runs workflows until SIGTERM, then closes everything. As a worker does: beside DBOS in the
    transaction that reads, and outside it for Temporal.
    """
    await engine.open()
    feed = OutboxFeed(database)
    is_inside = isinstance(engine, DbosWorkflows)
    await feed.start([asker.inside()] if is_inside else [], [])
    following = None if is_inside else asyncio.create_task(follow_outside(database, feed, [asker]))
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    if following is not None:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    await feed.close()
    await engine.close()
    await database.close()
