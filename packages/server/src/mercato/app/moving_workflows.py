"""From PostgreSQL to another engine of workflows: what is under way is started anew there."""

import asyncio
from dataclasses import dataclass, field

import structlog
from sqlalchemy.exc import SQLAlchemyError

from mercato.adapters.dbos_records import DbosRecords
from mercato.platform import Database, Workflows, WorkflowsAway

log = structlog.get_logger(__name__)

_PAUSE_SECONDS = 5.0


@dataclass(slots=True)
class Moved:
    """Ids of workflows: `moved` are in the new engine; `left` could not be moved and are still in PostgreSQL."""

    moved: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


async def move_unfinished(database: Database, workflows: Workflows) -> Moved:
    """Start in `workflows` all that PostgreSQL has under way; an engine or a database that is away is waited for.

    What was moved stands as cancelled in PostgreSQL. Steps may run twice, which they do not mind. A workflow that
    cannot be moved holds up no other; it is logged, and the next run tries it again. No worker may be at work on
    PostgreSQL's engine meanwhile.
    """
    found = Moved()
    while True:
        try:
            await _move_all(DbosRecords(database), workflows, found)
        except (WorkflowsAway, SQLAlchemyError, OSError) as error:
            log.warning(
                "workflows could not be moved to the new engine; this is tried again",
                error=str(error), moved=len(found.moved),
            )  # fmt: skip
            await asyncio.sleep(_PAUSE_SECONDS)
        else:
            break
    if found.left:
        log.error(
            "workflows are left in PostgreSQL, where none goes on; the next start of a worker tries them again",
            moved=len(found.moved), left=found.left,
        )  # fmt: skip
    return found


async def _move_all(records: DbosRecords, workflows: Workflows, found: Moved) -> None:
    found.left.clear()
    for workflow_id in await records.unfinished():
        workflow, _, subject = workflow_id.partition(":")
        try:
            await workflows.start(workflow, subject)
        except (WorkflowsAway, SQLAlchemyError, OSError):
            raise
        except Exception as error:
            found.left.append(workflow_id)
            log.error("a workflow could not be moved to the new engine", workflow=workflow_id, exc_info=error)
            continue
        await records.let_go(workflow_id)
        found.moved.append(workflow_id)
        log.info("a workflow that PostgreSQL had under way is in the new engine", workflow=workflow_id)
