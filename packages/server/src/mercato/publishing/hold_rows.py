"""The question who holds deployments, to be asked together with others."""

from collections.abc import Collection

from sqlalchemy import select

from mercato.platform import Question
from mercato.publishing.models import DeploymentHold


def holds_question(deployment_ids: Collection[str]) -> Question[DeploymentHold]:
    """Who holds these, the oldest hold first."""
    query = select(DeploymentHold).where(DeploymentHold.deployment_id.in_(deployment_ids))
    return Question(query, DeploymentHold, lambda row: (row.held_at, row.holder))
