"""The engines of durable workflows that tests run, one behind the other: DBOS in the test's database, and Temporal.

A worker that a test starts as a process of its own finds its engine by the setting `MERCATO_WORKFLOWS_URL`, which the
fixture `workflow_engine` sets.
"""

import contextlib
import os
from collections.abc import Iterator, Sequence
from datetime import timedelta

from mercato.adapters.dbos_records import DbosRecords
from mercato.adapters.temporal_address import read_address
from mercato.adapters.workflows_dbos import DbosWorkflows
from mercato.platform import Database, Workflow, WorkflowRecords, Workflows

VARIABLE = "MERCATO_WORKFLOWS_URL"
_HEARTBEAT = timedelta(seconds=5)
"""How long a killed worker's step waits for the next worker: short, and long enough for a busy machine."""


def engine_of_test(
    database_url: str,
    workflows: Sequence[Workflow],
    *,
    executor: str = "worker",
    version: str = "1",
    close_within_seconds: float = 20.0,
) -> Workflows:
    """Not open yet."""
    temporal = os.environ.get(VARIABLE)
    if temporal is None:
        return DbosWorkflows(
            database_url, workflows, executor=executor, version=version, close_within_seconds=close_within_seconds
        )
    from mercato.adapters.workflows_temporal import TemporalWorkflows

    return TemporalWorkflows(
        read_address(temporal), workflows, executor=executor, version=version,
        close_within_seconds=close_within_seconds, heartbeat=_HEARTBEAT,
    )  # fmt: skip


@contextlib.contextmanager
def elsewhere() -> Iterator[None]:
    """Within the block workers run on DBOS: what the other engine shall come to, in a copy of the database."""
    temporal = os.environ.pop(VARIABLE, None)
    try:
        yield
    finally:
        if temporal is not None:
            os.environ[VARIABLE] = temporal


def records_of_test(database: Database) -> WorkflowRecords:
    """Of the engine that the test's workers run on."""
    temporal = os.environ.get(VARIABLE)
    if temporal is None:
        return DbosRecords(database)
    from mercato.adapters.workflows_temporal import TemporalConnection, TemporalRecords

    return TemporalRecords(TemporalConnection(read_address(temporal), "test"))
