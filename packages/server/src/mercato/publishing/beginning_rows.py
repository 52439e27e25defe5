"""The SQL of first submissions and releases."""

from datetime import datetime

from sqlalchemy import func, select

from mercato.platform import Session
from mercato.publishing.models import Release, Service, Submission


class BeginningRows:
    """Questions of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def since(self, since: datetime) -> list[tuple[str, str, str | None, datetime, datetime | None]]:
        """Vendor, name, id of the service, when it was first submitted, and when first released."""
        submitted = (
            select(Submission.vendor_id, Submission.service_name, func.min(Submission.created_at).label("at"))
            .group_by(Submission.vendor_id, Submission.service_name)
            .having(func.min(Submission.created_at) >= since)
            .subquery()
        )
        released = (
            select(Release.service_id, func.min(Release.released_at).label("at"))
            .group_by(Release.service_id)
            .subquery()
        )
        is_same = (Service.vendor_id == submitted.c.vendor_id) & (Service.name == submitted.c.service_name)
        rows = await self._session.execute(
            select(submitted.c.vendor_id, submitted.c.service_name, Service.id, submitted.c.at, released.c.at)
            .outerjoin(Service, is_same)
            .outerjoin(released, released.c.service_id == Service.id)
            .order_by(submitted.c.at, submitted.c.vendor_id, submitted.c.service_name)
        )
        return [(row[0], row[1], row[2], row[3], row[4]) for row in rows]
