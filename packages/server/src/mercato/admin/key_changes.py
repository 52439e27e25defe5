"""Changes of the marketplace's keys, which commands make."""

from typing import Literal

from mercato.admin.news import SecretChanged
from mercato.platform import Outbox, RingKey, Session


async def tell_key_change(
    session: Session, outbox: Outbox, key: RingKey, change: Literal["added", "retired"], *, by: str
) -> None:
    """For the audit log, once this transaction commits."""
    news = SecretChanged(by=by, secret_id=key.id, change=change, since=key.since_text)
    await outbox.add(session, news)
