"""DBOS at rest: threads end whose work a marketplace does not have.

DBOS looks at the database five times a second for queues, schedules, delayed workflows and timeouts. Of these we use
only its internal queue, and only at the start: it hands over the workflows that were left unfinished.
Whoever puts workflows on that queue later wakes its thread.
"""

import asyncio
import threading

import sqlalchemy as sa
import structlog
from dbos import DBOS
from dbos._queue import queue_thread

log = structlog.get_logger(__name__)

_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 60.0


def wake(engine: DBOS) -> None:
    """Look at the queue again, for a workflow that was put there; `rest_when_recovered` ends that."""
    stop = threading.Event()
    engine.background_thread_stop_events.append(stop)
    thread = threading.Thread(target=queue_thread, args=(stop, engine), name="workflows retried", daemon=True)
    thread.start()
    engine._background_threads.append(thread)


async def rest_when_recovered(engine: DBOS, executor: str, version: str) -> None:
    """End DBOS's polling threads as soon as all unfinished workflows run here again."""
    engine._background_jobs_stop_event.set()  # delayed workflows and timeouts; DBOS has no setting for it
    pause = _FIRST_PAUSE_SECONDS
    while not await _has_recovered(engine, executor, version):
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
    for ending in list(engine.background_thread_stop_events):
        ending.set()


async def _has_recovered(engine: DBOS, executor: str, version: str) -> bool:
    """Whether no workflow waits to be taken up. The database is asked first: what ends meanwhile counts as running.

    The order is DBOS's own: it moves what was left from pending into the queue, and out of the queue runs it. Asked the
    other way round, a workflow that is moved between the two questions is in neither answer.
    """
    try:
        pending = await DBOS.list_workflows_async(
            status="PENDING", app_version=version, executor_id=executor, load_input=False, load_output=False
        )
        waiting = await DBOS.list_workflows_async(
            status="ENQUEUED", app_version=version, limit=1, load_input=False, load_output=False
        )
    except sa.exc.DBAPIError as error:
        log.warning("unfinished workflows could not be listed; this is tried again", error=str(error))
        return False
    running = set(engine._active_workflows_set.activeList())
    return not waiting and all(workflow.workflow_id in running for workflow in pending)
