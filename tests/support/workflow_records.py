"""What the engine of durable workflows has in its records: DBOS in the test's database, or Temporal."""

import asyncio
import json
import os
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg

from mercato.adapters.temporal_address import read_address
from tests.support.engines import VARIABLE

_DBOS = {"SUCCESS": "done", "ERROR": "failed", "CANCELLED": "cancelled"}
_TEMPORAL = {"COMPLETED": "done", "FAILED": "failed", "TERMINATED": "cancelled"}


def recorded_steps(database_url: str, workflow: str) -> list[str]:
    """The calls of steps that were recorded of this workflow, `NAME:SUBJECT`, in their order.

    A workflow that is under way resumes after an upgrade if it makes the same calls, so a test pins these names.
    """
    if VARIABLE in os.environ:
        return list(_ask(_temporal_steps(workflow)))
    with psycopg.connect(_libpq(database_url)) as connection:
        rows = connection.execute(
            "SELECT function_name FROM dbos.operation_outputs"
            " WHERE workflow_uuid = %s AND function_name NOT LIKE 'DBOS.%%' ORDER BY function_id",
            [workflow],
        )
        return [row[0] for row in rows]


def ended_as(database_url: str, workflow: str) -> str | None:
    """`done`, `failed` or `cancelled`; `None` while it is under way or before it began."""
    if VARIABLE in os.environ:
        return str(found) if (found := _ask(_temporal_state(workflow))) else None
    with psycopg.connect(_libpq(database_url)) as connection:
        if connection.execute("SELECT to_regclass('dbos.workflow_status')").fetchone() == (None,):
            return None
        query = "SELECT status FROM dbos.workflow_status WHERE workflow_uuid = %s"
        row = connection.execute(query, [workflow]).fetchone()
        return None if row is None else _DBOS.get(row[0])


def history_of(workflow: str) -> str:
    """Everything that Temporal keeps of this workflow, as one text."""
    return str(_ask(_temporal_history(workflow)))


def _libpq(database_url: str) -> str:
    return database_url.replace("postgresql+psycopg://", "postgresql://")


def _ask(question: Coroutine[Any, Any, Any]) -> Any:
    """On a loop of its own: those who ask do not await."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, question).result()


async def _temporal_steps(workflow: str) -> list[str]:
    from temporalio.api.enums.v1 import EventType
    from temporalio.client import Client

    place = read_address(os.environ[VARIABLE])
    client = await Client.connect(place.target, namespace=place.namespace)
    calls: dict[int, str] = {}
    ended: list[int] = []
    async for event in client.get_workflow_handle(workflow).fetch_history_events():
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            scheduled = event.activity_task_scheduled_event_attributes
            name = scheduled.activity_type.name.partition("/")[2]
            _, *arguments = json.loads(scheduled.input.payloads[0].data)
            calls[event.event_id] = " ".join([name, *map(json.dumps, arguments)])
        elif event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
            ended.append(event.activity_task_completed_event_attributes.scheduled_event_id)
    return [calls[each] for each in ended]


async def _temporal_history(workflow: str) -> str:
    from temporalio.client import Client

    place = read_address(os.environ[VARIABLE])
    client = await Client.connect(place.target, namespace=place.namespace)
    return "".join([str(each) async for each in client.get_workflow_handle(workflow).fetch_history_events()])


async def _temporal_state(workflow: str) -> str | None:
    from temporalio.client import Client
    from temporalio.service import RPCError, RPCStatusCode

    place = read_address(os.environ[VARIABLE])
    client = await Client.connect(place.target, namespace=place.namespace)
    try:
        found = await client.get_workflow_handle(workflow).describe()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return None
    assert found.status is not None
    return _TEMPORAL.get(found.status.name)
