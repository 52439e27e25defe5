"""What DBOS wrote down about workflows, read where DBOS does not run."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, column, func, literal_column, select, table, text, update

from mercato.platform import Database, Session, WorkflowRecord, WorkflowState

_STATES: dict[str, WorkflowState] = {
    "ENQUEUED": "waiting",
    "DELAYED": "waiting",
    "PENDING": "running",
    "SUCCESS": "done",
    "ERROR": "failed",
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": "failed",
    "CANCELLED": "cancelled",
}
_UNDER_WAY = [name for name, state in _STATES.items() if state in ("waiting", "running")]
_STATUS = table(
    "workflow_status",
    *(column(name) for name in ("workflow_uuid", "status", "error", "executor_id")),
    column("created_at", BigInteger),
    column("updated_at", BigInteger),
    schema="dbos",
)
_STEPS = table("operation_outputs", column("workflow_uuid"), column("function_name"), schema="dbos")
_OUTPUT = table("workflow_output", column("workflow_uuid"), column("error"), schema="dbos")
_LONGEST_ERROR = 500


class DbosRecords:
    """`mercato.platform.WorkflowRecords` over DBOS's tables. Before the first worker ran there are none."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, *, state: WorkflowState | None, before: str | None, limit: int) -> list[WorkflowRecord]:
        """The newest first."""
        query = _records().order_by(_STATUS.c.created_at.desc(), _STATUS.c.workflow_uuid.desc()).limit(limit)
        if state is not None:
            query = query.where(_STATUS.c.status.in_([name for name, each in _STATES.items() if each == state]))
        if before is not None:
            at, _, workflow_id = before.partition(":")
            place = func.row(_STATUS.c.created_at, _STATUS.c.workflow_uuid)
            query = query.where(place < func.row(int(at) if at.isdecimal() else 0, workflow_id))
        return [_record(row) for row in await self._rows(query)]

    async def find(self, workflow_id: str) -> WorkflowRecord | None:
        """The one of this id."""
        rows = await self._rows(_records().where(_STATUS.c.workflow_uuid == workflow_id))
        return _record(rows[0]) if rows else None

    async def count(self) -> dict[WorkflowState, tuple[int, datetime]]:
        """How many are not over, and since when the oldest is there, by state."""
        query = (
            select(_STATUS.c.status, func.count(), func.min(_STATUS.c.created_at))
            .where(_STATUS.c.status.in_(_UNDER_WAY))
            .group_by(_STATUS.c.status)
        )
        found: dict[WorkflowState, tuple[int, datetime]] = {}
        for status, count, oldest in await self._rows(query):
            state, at = _STATES[status], _time(oldest)
            before, since = found.get(state, (0, at))
            found[state] = before + count, min(since, at)
        return found

    async def unfinished(self) -> list[str]:
        """The ids of those that are under way, the oldest first."""
        query = select(_STATUS.c.workflow_uuid).where(_STATUS.c.status.in_(_UNDER_WAY)).order_by(_STATUS.c.created_at)
        return [row.workflow_uuid for row in await self._rows(query)]

    async def let_go(self, workflow_id: str) -> None:
        """Another engine works on it now. Only while no worker of DBOS does."""
        mine = _STATUS.c.workflow_uuid == workflow_id, _STATUS.c.status.in_(_UNDER_WAY)
        async with self._database.transaction() as session:
            await session.execute(update(_STATUS).where(*mine).values(status="CANCELLED"))

    async def _rows(self, query: Any) -> Sequence[Any]:
        async with self._database.transaction() as session:
            return (await session.execute(query)).all() if await _exist(session) else []


async def _exist(session: Session) -> bool:
    return await session.scalar(text("SELECT to_regclass('dbos.workflow_status') IS NOT NULL")) is True


def _records() -> Any:
    own = _STEPS.c.workflow_uuid == _STATUS.c.workflow_uuid
    # DBOS records its own waiting beside the steps.
    steps = select(func.count()).where(own, _STEPS.c.function_name.not_like("DBOS.%")).scalar_subquery()
    kept = select(_OUTPUT.c.error).where(_OUTPUT.c.workflow_uuid == _STATUS.c.workflow_uuid).limit(1).scalar_subquery()
    error = func.left(func.coalesce(_STATUS.c.error, kept), literal_column(str(_LONGEST_ERROR)))
    return select(
        _STATUS.c.workflow_uuid, _STATUS.c.status, _STATUS.c.executor_id, _STATUS.c.created_at, _STATUS.c.updated_at,
        error.label("error"), steps.label("steps"),
    )  # fmt: skip


def _record(row: Any) -> WorkflowRecord:
    workflow, _, subject = row.workflow_uuid.partition(":")
    return WorkflowRecord(
        id=row.workflow_uuid,
        workflow=workflow,
        subject=subject,
        state=_STATES.get(row.status, "failed"),
        steps=int(row.steps),
        error=row.error or "",
        worker=row.executor_id or "",
        started_at=_time(row.created_at),
        changed_at=_time(row.updated_at),
    )


def _time(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
