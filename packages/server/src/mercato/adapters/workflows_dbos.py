"""Durable workflows on PostgreSQL, by DBOS.

DBOS is one per process and brings its own threads; it lives here on an event loop of its own, in a thread of its own.
Steps run on the loop that opened the engine, where the process's connections belong.

DBOS records each call of a step under its name and its arguments (`portfolio 3`, see `name_call`) with its result, and
replays those records when a workflow resumes. A workflow that is under way during an upgrade therefore resumes as long
as it calls the same steps in the same order; a call that differs from its record ends the workflow with an error.

An engine resumes what an engine of the same `executor` and `version` left unfinished, so a worker keeps its name over
restarts, and `version` changes only when the steps of a workflow change. What an engine of another version left is
started anew without its records, which is safe because a step may run twice. What a worker left that does not return
is taken over by another one (`take_over`); who does not return, `dbos_presence.py` knows.
"""

import asyncio
import contextlib
import contextvars
import logging
import threading
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import Future
from datetime import timedelta
from typing import Any, TypeVar

import psycopg
import sqlalchemy as sa
import structlog
from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer, SetWorkflowID, error

from mercato.adapters.dbos_rest import rest_when_recovered, wake
from mercato.platform import LIVELY, Json, Workflow, WorkflowNotFound, copy_json, driver_url, name_call

log = structlog.get_logger(__name__)

T = TypeVar("T")
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 30.0
_CONNECTIONS, _CONNECTIONS_AT_REST = 10, 3
_CONNECT_SECONDS = 10
_MOST_RESTARTS = 1_000
"""A workflow resumed that often is one that kills its worker; DBOS then sets it aside."""


_RETRIED = frozenset({"ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"})
_CANCELLED = frozenset({"PENDING", "ENQUEUED"})
_OUTDATED = "outdated"
"""The attribute of a workflow that is cancelled only to be started anew, not by a person."""


class DbosWorkflows:
    """`mercato.platform.Workflows` by DBOS. One may be open in a process at a time.

    `executor` names this worker, the same at each start and different from every other worker's.
    """

    def __init__(
        self,
        database_url: str,
        workflows: Sequence[Workflow],
        *,
        executor: str,
        version: str,
        close_within_seconds: float = 20.0,
    ) -> None:
        self._database_url = database_url
        self._workflows = workflows
        self._executor = executor
        self._version = version
        self._close_within_seconds = close_within_seconds
        self._functions: dict[str, Callable[[str], Coroutine[Any, Any, None]]] = {}
        self._engine = _LoopThread()
        self._records: sa.Engine | None = None
        self._resting: asyncio.Task[None] | None = None
        self._dbos: DBOS | None = None
        self._home: asyncio.AbstractEventLoop | None = None
        self._closing = asyncio.Event()
        self._in_hand = _InHand()
        self.waiting: set[tuple[str, asyncio.Task[Any]]] = set()
        """Workflows that wait for a message, by their ids, and their tasks. Used on the engine's loop."""

    async def open(self) -> None:
        self._home = asyncio.get_running_loop()
        self._closing = asyncio.Event()
        self._engine.start()
        await self._engine.call(self._launch())

    async def close(self) -> None:
        self._closing.set()
        await self._engine.call(self._stop())
        await asyncio.to_thread(DBOS.destroy, destroy_registry=True)
        await asyncio.to_thread(self._engine.stop)
        if self._records is not None:
            await asyncio.to_thread(self._records.dispose)

    async def start(self, workflow: str, subject: str) -> None:
        await self._engine.call(self._start(workflow, subject))

    async def send(self, workflow: str, subject: str, topic: str, value: Json, *, once: str) -> None:
        copied = copy_json(value, f"the message on {topic}")
        await self._engine.call(self._send(_name(workflow, subject), topic, copied, once))

    async def retry(self, workflow_id: str) -> None:
        await self._engine.call(self._retry(workflow_id))

    async def cancel(self, workflow_id: str) -> None:
        await self._engine.call(self._cancel(workflow_id))

    async def take_over(self, executors: Sequence[str]) -> None:
        """Go on with what these engines of our version left: they are dead. Other engines may get the same call."""
        await self._engine.call(self._take_over(list(executors)))

    async def start_anew(self, executors: Sequence[str]) -> None:
        """Work from the beginning on what these engines of other versions left, of which none lives."""
        await self._engine.call(self._start_outdated_anew(list(executors)))
        self._wake()

    async def _take_over(self, executors: list[str]) -> None:
        await asyncio.to_thread(DBOS._recover_pending_workflows, executors)
        self._wake()

    def _wake(self) -> None:
        assert self._dbos is not None
        wake(self._dbos)
        self._rest(self._dbos)

    async def _retry(self, workflow_id: str) -> None:
        found = await DBOS.get_workflow_status_async(workflow_id)
        if found is None or found.status not in _RETRIED:
            return
        after = 1
        if found.app_version == self._version:
            # Behind the last step that ended: its results, and the messages that it had, are kept.
            steps = await DBOS.list_workflow_steps_async(workflow_id)
            after += max((step["function_id"] for step in steps), default=0)
        await DBOS.rewind_workflow_async(workflow_id, start_step=after, application_version=self._version)
        self._wake()

    async def _cancel(self, workflow_id: str) -> None:
        found = await DBOS.get_workflow_status_async(workflow_id)
        if found is not None and found.status in _CANCELLED:
            await DBOS.update_workflow_attributes_async(workflow_id, None)
            await DBOS.cancel_workflow_async(workflow_id)
            # It would sleep on, and go on beside what retries it once its message comes.
            for waiting, task in self.waiting:
                if waiting == workflow_id:
                    task.cancel()

    def _rest(self, engine: DBOS) -> None:
        if self._resting is not None:
            self._resting.cancel()
        self._resting = asyncio.create_task(rest_when_recovered(engine, self._executor, self._version))

    async def _launch(self) -> None:
        # With a handler there DBOS adds none of its own; its lines then pass our masking.
        logging.getLogger("dbos").addHandler(logging.NullHandler())
        self._in_hand = _InHand()
        self._records = self._open_records()
        engine = DBOS(config=self._config(self._records))
        for workflow in self._workflows:
            function = self._as_function(workflow)
            self._functions[workflow.name] = DBOS.workflow(name=workflow.name, max_recovery_attempts=_MOST_RESTARTS)(
                function
            )
        # Called where a loop runs, so that DBOS runs workflows on this loop.
        DBOS.launch()
        await self._start_outdated_anew([self._executor])
        self._dbos = engine
        self._rest(engine)

    async def _start_outdated_anew(self, executors: list[str]) -> None:
        # DBOS rewinds only what has ended, so it is cancelled first, and marked before that: what is found cancelled
        # with the mark is from an engine that died between the two calls, without it a person cancelled it.
        left = await DBOS.list_workflows_async(
            status=["PENDING", "ENQUEUED", "CANCELLED"], executor_id=executors, load_input=False, load_output=False
        )
        for workflow in left:
            by_a_person = workflow.status == "CANCELLED" and _OUTDATED not in (workflow.attributes or {})
            if by_a_person or workflow.app_version == self._version:
                continue
            log.warning("a workflow is started anew", workflow=workflow.workflow_id, left_by=workflow.app_version)
            await DBOS.update_workflow_attributes_async(workflow.workflow_id, {_OUTDATED: True})
            await DBOS.cancel_workflow_async(workflow.workflow_id)
            await DBOS.rewind_workflow_async(workflow.workflow_id, application_version=self._version)

    def _config(self, records: sa.Engine) -> DBOSConfig:
        return {
            "name": "mercato",
            "system_database_url": self._database_url,
            "system_database_engine": records,
            "application_version": self._version,
            "executor_id": self._executor,
            "serializer": DBOSPortableJSONSerializer(),
            "log_level": "WARNING",
            # Streams and events, which no workflow of ours uses; by default a thread wakes a hundred times a second.
            "notification_coalesce_sec": 1.0,
        }

    def _open_records(self) -> sa.Engine:
        """The connections on which DBOS keeps its records."""
        engine = sa.create_engine(
            driver_url(self._database_url),
            pool_size=_CONNECTIONS_AT_REST,
            max_overflow=_CONNECTIONS - _CONNECTIONS_AT_REST,
            pool_pre_ping=True,
            connect_args={
                **LIVELY,
                "application_name": "mercato workflows",
                "connect_timeout": _CONNECT_SECONDS,
                "options": "-c idle_in_transaction_session_timeout=60000",
            },
        )
        sa.event.listen(engine, "handle_error", self._know_as_lost)
        return engine

    def _know_as_lost(self, failure: sa.ExceptionContext) -> None:
        """A connection that cannot be made is a lost one: DBOS then waits for the database and tries again.

        Without this it looks for words in the driver's message that psycopg 3.3 does not use, takes the outage for
        the workflow's own failure, and ends the workflow for good. An engine that is closing does not wait.
        """
        cannot_connect = failure.connection is None and isinstance(failure.original_exception, psycopg.OperationalError)
        if cannot_connect and not self._closing.is_set():
            failure.is_disconnect = True

    def _as_function(self, workflow: Workflow) -> Callable[[str], Coroutine[Any, Any, None]]:
        async def run(subject: str) -> None:
            try:
                await workflow.run(_DbosSteps(self, workflow, subject), subject)
            except error.DBOSWorkflowConflictIDError:
                log.warning("another worker has taken over a workflow", workflow=workflow.name, subject=subject)
                raise
            except Exception as failure:
                # DBOS records the exception as the workflow's end, and nobody else reads it.
                log.error("a workflow failed for good", workflow=workflow.name, subject=subject, exc_info=failure)
                raise

        return run

    async def _stop(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._close_within_seconds):
                await self._in_hand.nothing()
        # Cut off where they wait: what is not recorded is done at the next start.
        running = asyncio.all_tasks() - {asyncio.current_task()}
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _start(self, workflow: str, subject: str) -> None:
        with SetWorkflowID(_name(workflow, subject)):
            await DBOS.start_workflow_async(self._functions[workflow], subject)

    async def _send(self, name: str, topic: str, value: Json, once: str) -> None:
        try:
            # The key of a message is unique among all workflows.
            await DBOS.send_async(name, value, topic, idempotency_key=f"{name}:{topic}:{once}")
        except error.DBOSNonExistentWorkflowError:
            raise WorkflowNotFound(f"There is no workflow {name}.") from None

    async def run_step(self, name: str, action: Callable[[], Awaitable[Json]]) -> Json:
        """One step, on the engine's loop; its action on the loop that opened the engine."""

        async def act() -> Json:
            assert self._home is not None
            return await asyncio.wrap_future(_submit(self._until_done(name, action), self._home))

        if self._closing.is_set():
            raise asyncio.CancelledError
        with self._in_hand:
            try:
                return await DBOS.run_step_async({"name": name}, act)
            except sa.exc.DBAPIError:
                if self._closing.is_set():
                    # Not the workflow's failure: what could not be recorded is done at the next start.
                    raise asyncio.CancelledError from None
                raise

    async def _until_done(self, name: str, action: Callable[[], Awaitable[Json]]) -> Json:
        """The result of `action`, which is retried as long as it raises: an exception is never a result."""
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                return await action()
            except Exception as failure:
                log.warning("a step failed and is tried again", step=name, pause_seconds=pause, exc_info=failure)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._closing.wait()
                raise asyncio.CancelledError
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)


class _DbosSteps:
    """`mercato.platform.Steps` of one running workflow."""

    def __init__(self, engine: DbosWorkflows, workflow: Workflow, subject: str) -> None:
        self._engine = engine
        self._workflow = workflow
        self._subject = subject

    async def run(self, step: str, *arguments: Json) -> Json:
        function = self._workflow.get_step(step)
        copied = copy_json(list(arguments), f"an argument of the step {step}")

        async def act() -> Json:
            return copy_json(await function(self._subject, *copied), f"the result of the step {step}")

        return await self._engine.run_step(name_call(step, *copied), act)

    async def wait(self, topic: str, timeout: timedelta) -> Json | None:
        task = asyncio.current_task()
        assert task is not None
        here = _name(self._workflow.name, self._subject), task
        self._engine.waiting.add(here)
        try:
            return await DBOS.recv_async(topic, timeout.total_seconds())
        finally:
            self._engine.waiting.discard(here)


class _InHand:
    """Counts the steps that are running, to wait until none is. Used on one loop."""

    def __init__(self) -> None:
        self._count = 0
        self._none = asyncio.Event()
        self._none.set()

    def __enter__(self) -> None:
        self._count += 1
        self._none.clear()

    def __exit__(self, *_: object) -> None:
        self._count -= 1
        if self._count == 0:
            self._none.set()

    async def nothing(self) -> None:
        """Returns once no step is in hand."""
        await self._none.wait()


class _LoopThread:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="workflows", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        assert self._loop is not None
        assert self._thread is not None
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """The result of `coroutine`, run on this loop; awaited on the caller's."""
        assert self._loop is not None
        return await asyncio.wrap_future(_submit(coroutine, self._loop))


def _submit(coroutine: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop) -> "Future[T]":
    """Run on another loop, in an empty context: DBOS must not take our code for a part of its workflow."""
    return contextvars.Context().run(asyncio.run_coroutine_threadsafe, coroutine, loop)


def _name(workflow: str, subject: str) -> str:
    return f"{workflow}:{subject}"
