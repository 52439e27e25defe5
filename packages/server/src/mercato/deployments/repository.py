"""The deployments room's questions to the database."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import func, select

from mercato.deployments.models import DeploymentLink
from mercato.platform import Question, Session


def links_question(deployment_ids: Collection[str]) -> Question[DeploymentLink]:
    """The links of these, where they have one."""
    query = select(DeploymentLink).where(DeploymentLink.deployment_id.in_(deployment_ids))
    return Question(query, DeploymentLink, lambda row: row.deployment_id)


class LinkRepository:
    """Links of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def find(self, deployment_id: str, *, lock: bool = False) -> DeploymentLink | None:
        query = select(DeploymentLink).where(DeploymentLink.deployment_id == deployment_id)
        return await self._session.scalar(query.with_for_update() if lock else query)

    async def lock_overdue(self, now: datetime, limit: int) -> list[DeploymentLink]:
        """Links of overdue deployments, locked; those that another worker has locked are left out."""
        query = (
            select(DeploymentLink)
            .where(DeploymentLink.due_at <= now, DeploymentLink.state != "stale")
            .order_by(DeploymentLink.due_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return list(await self._session.scalars(query))

    async def find_next_due(self) -> datetime | None:
        """When the next deployment will be overdue, unless a heartbeat arrives."""
        return await self._session.scalar(
            select(func.min(DeploymentLink.due_at)).where(DeploymentLink.state != "stale")
        )

    def add(self, row: DeploymentLink) -> None:
        """Write the row with this transaction."""
        self._session.add(row)

    async def flush(self) -> None:
        """Send what was added and changed."""
        await self._session.flush()
