"""The question for a vendor's listed services."""

from sqlalchemy import select

from mercato.platform import Session
from mercato.publishing.models import Service


async def listed_of(session: Session, vendor_id: str) -> list[Service]:
    """By name."""
    query = select(Service).where(Service.vendor_id == vendor_id, Service.status == "listed")
    return list(await session.scalars(query.order_by(Service.name)))
