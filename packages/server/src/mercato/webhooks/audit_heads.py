"""Signed heads of the audit log, sent to organisations that keep them: nobody can rewrite what they cover unnoticed."""

from mercato.platform import Clock, Ids, Session
from mercato.webhooks.endpoints import new_delivery, new_message
from mercato.webhooks.events import AUDIT_SEALED
from mercato.webhooks.models import WebhookDelivery
from mercato.webhooks.repository import WebhookRepository
from mercato_contracts.audit import AuditHead


async def announce_audit_head(session: Session, clock: Clock, ids: Ids, head: AuditHead) -> int:
    """A message to every endpoint that names this type of event; returns how many.

    An empty choice does not include it.
    """
    rows = WebhookRepository(session)
    deliveries: list[WebhookDelivery] = []
    for endpoint in await rows.enabled_for(AUDIT_SEALED):
        message = new_message(ids, clock, endpoint.organisation_id, AUDIT_SEALED, head.model_dump(mode="json"))
        await rows.add(message)
        deliveries.append(new_delivery(ids, clock, endpoint.id, message.id))
    await rows.add_deliveries(deliveries)
    return len(deliveries)
