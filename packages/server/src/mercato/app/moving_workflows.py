"""From PostgreSQL to another engine of workflows: what is under way is started anew there."""

import asyncio

import structlog
from sqlalchemy.exc import SQLAlchemyError

from mercato.adapters.dbos_records import DbosRecords
from mercato.platform import Database, Workflows, WorkflowsAway

log = structlog.get_logger(__name__)

_PAUSE_SECONDS = 5.0


async def move_unfinished(database: Database, workflows: Workflows) -> None:
    """Start in `workflows` all that PostgreSQL has under way; an engine or a database that is away is waited for.

    What was moved stands as cancelled in PostgreSQL. Steps may run twice, which they do not mind. No worker may be at
    work on PostgreSQL's engine meanwhile.
    """
    records = DbosRecords(database)
    while True:
        try:
            for workflow_id in await records.unfinished():
                workflow, _, subject = workflow_id.partition(":")
                await workflows.start(workflow, subject)
                await records.let_go(workflow_id)
                log.info("a workflow that PostgreSQL had under way is in the new engine", workflow=workflow_id)
        except (WorkflowsAway, SQLAlchemyError, OSError) as error:
            log.warning("workflows could not be moved to the new engine; this is tried again", error=str(error))
            await asyncio.sleep(_PAUSE_SECONDS)
        else:
            return
