"""Training's queries."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from mercato.platform import Session
from mercato.training.models import OPEN, Artifact, Run, RunLog, RunStep

_IS_OPEN = text(OPEN)


class TrainingRepository:
    """Rows of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, row: Run | Artifact) -> None:
        """Write the row with this transaction."""
        self._session.add(row)

    async def flush(self) -> None:
        """Send what was added and changed."""
        await self._session.flush()

    async def find(self, run_id: str, *, lock: bool = False) -> Run | None:
        query = select(Run).where(Run.id == run_id)
        return await self._session.scalar(query.with_for_update() if lock else query)

    async def find_many(self, run_ids: Collection[str]) -> list[Run]:
        """In no order; unknown ones are left out."""
        return list(await self._session.scalars(select(Run).where(Run.id.in_(run_ids))))

    async def list_own(self, organisation_id: str, before: str | None, limit: int) -> list[Run]:
        """The newest first."""
        query = select(Run).where(Run.organisation_id == organisation_id).order_by(Run.id.desc()).limit(limit)
        return list(await self._session.scalars(query if before is None else query.where(Run.id < before)))

    async def count_open(self, organisation_id: str) -> int:
        """Counts runs under way. Locks the organisation, so two runs that start at once count each other."""
        lock = int.from_bytes(organisation_id.encode()[-7:], "big")
        await self._session.execute(select(func.pg_advisory_xact_lock(lock)))
        count = await self._session.scalar(
            select(func.count()).select_from(Run).where(Run.organisation_id == organisation_id, _IS_OPEN)
        )
        return count or 0

    async def change_open(self, run_id: str, **values: Any) -> bool:
        """Change a run that has not ended; returns whether there was one. An end is never taken back."""
        changed = await self._session.scalar(
            update(Run).where(Run.id == run_id, _IS_OPEN).values(**values).returning(Run.id)
        )
        return changed is not None

    async def lock_overdue(self, now: datetime, limit: int) -> list[Run]:
        """Runs past their deadline, locked; those that another worker has locked are left out."""
        query = select(Run).where(_IS_OPEN, Run.deadline_at <= now).order_by(Run.deadline_at).limit(limit)
        return list(await self._session.scalars(query.with_for_update(skip_locked=True)))

    async def find_next_deadline(self) -> datetime | None:
        """When the next run's state should be over."""
        return await self._session.scalar(select(func.min(Run.deadline_at)).where(_IS_OPEN))

    async def steps(self, run_id: str) -> list[RunStep]:
        rows = select(RunStep).where(RunStep.run_id == run_id).order_by(RunStep.step)
        return list(await self._session.scalars(rows))

    async def put_step(self, run_id: str, step: int, metrics: dict[str, float], at: datetime) -> None:
        """Write a step; the same step again replaces its metrics."""
        fresh = insert(RunStep).values(run_id=run_id, step=step, metrics=metrics, at=at)
        await self._session.execute(
            fresh.on_conflict_do_update(index_elements=[RunStep.run_id, RunStep.step], set_={"metrics": metrics})
        )

    async def put_log(self, run_id: str, place: int, stop: int, output: str) -> None:
        """Write a chunk of output; a chunk that exists stays as it is."""
        fresh = insert(RunLog).values(run_id=run_id, place=place, stop=stop, text=output)
        await self._session.execute(fresh.on_conflict_do_nothing())

    async def logs(self, run_id: str, after: int, limit: int) -> list[RunLog]:
        """Chunks of output from the place `after` on."""
        query = select(RunLog).where(RunLog.run_id == run_id, RunLog.place >= after).order_by(RunLog.place)
        return list(await self._session.scalars(query.limit(limit)))

    async def last_logs(self, run_id: str, limit: int) -> list[RunLog]:
        """The last chunks of output, the oldest first."""
        query = select(RunLog).where(RunLog.run_id == run_id).order_by(RunLog.place.desc()).limit(limit)
        return list(await self._session.scalars(query))[::-1]

    async def artifacts(self, run_id: str) -> list[Artifact]:
        rows = select(Artifact).where(Artifact.run_id == run_id).order_by(Artifact.name)
        return list(await self._session.scalars(rows))

    async def artifacts_of(self, run_ids: Collection[str]) -> list[Artifact]:
        """Of these runs, by name."""
        rows = select(Artifact).where(Artifact.run_id.in_(run_ids)).order_by(Artifact.run_id, Artifact.name)
        return list(await self._session.scalars(rows))

    async def put_artifact(self, artifact: Artifact) -> None:
        """A step that runs twice writes the same row."""
        await self._session.merge(artifact)
