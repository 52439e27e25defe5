"""Questions about what keeps deployments out of routing."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import delete, literal_column, select
from sqlalchemy.dialects.postgresql import insert

from mercato.platform import Question, Session, ask_together
from mercato.publishing.models import Deployment, DeploymentHold, Release


class HoldRepository:
    """Who keeps which deployment out of routing."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def put(self, deployment_id: str, holder: str, reason: str, at: datetime) -> bool:
        """Returns whether it is a new hold; an existing one gets the new reason and keeps its time."""
        fresh = insert(DeploymentHold).values(deployment_id=deployment_id, holder=holder, reason=reason, held_at=at)
        # `xmax` is 0 in a row that this statement wrote anew, and this transaction's number in one that it updated.
        written = await self._session.scalar(
            fresh.on_conflict_do_update(
                index_elements=[DeploymentHold.deployment_id, DeploymentHold.holder], set_={"reason": reason}
            ).returning(literal_column("(xmax = 0)"))
        )
        return bool(written)

    async def remove(self, deployment_id: str, holder: str) -> bool:
        """Returns whether there was one."""
        gone = await self._session.scalar(
            delete(DeploymentHold)
            .where(DeploymentHold.deployment_id == deployment_id, DeploymentHold.holder == holder)
            .returning(DeploymentHold.holder)
        )
        return gone is not None

    async def of(self, deployment_ids: Collection[str]) -> dict[str, list[DeploymentHold]]:
        found: dict[str, list[DeploymentHold]] = {}
        question = holds_question(deployment_ids)
        for row in (await ask_together(self._session, question)).of(question):
            found.setdefault(row.deployment_id, []).append(row)
        return found

    async def held_of(self, service_ids: Collection[str]) -> set[str]:
        """The held deployments of these services."""
        return set(
            await self._session.scalars(
                select(DeploymentHold.deployment_id)
                .distinct()
                .join(Deployment, Deployment.id == DeploymentHold.deployment_id)
                .join(Release, Release.id == Deployment.release_id)
                .where(Release.service_id.in_(service_ids))
            )
        )


def holds_question(deployment_ids: Collection[str]) -> Question[DeploymentHold]:
    """Who holds these, the oldest hold first."""
    query = select(DeploymentHold).where(DeploymentHold.deployment_id.in_(deployment_ids))
    return Question(query, DeploymentHold, lambda row: (row.held_at, row.holder))
