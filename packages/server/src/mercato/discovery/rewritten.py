"""Texts of a listing that were changed in place, such as by the erasure of a person."""

from mercato.discovery.news import DocumentChanged
from mercato.platform import Outbox, Session


async def tell_rewritten(session: Session, outbox: Outbox, service_id: str, *, by: str) -> None:
    """Every index reads the listing's row again."""
    await outbox.add(session, DocumentChanged(by=by, service_id=service_id))
