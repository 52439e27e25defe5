"""Events that a room above sends to chosen organisations, in the transaction of the change."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from mercato.platform import Clock, Ids, Session
from mercato.webhooks.endpoints import new_delivery, new_message
from mercato.webhooks.events import matches
from mercato.webhooks.models import WebhookDelivery
from mercato.webhooks.repository import WebhookRepository


async def announce_to(
    session: Session,
    clock: Clock,
    ids: Ids,
    organisation_ids: Collection[str],
    event_type: str,
    data: dict[str, Any],
) -> None:
    """A message to each endpoint of these organisations that wants this type of event."""
    rows = WebhookRepository(session)
    deliveries: list[WebhookDelivery] = []
    for endpoint in await rows.enabled_of(set(organisation_ids)):
        if matches(endpoint.event_types, event_type):
            message = new_message(ids, clock, endpoint.organisation_id, event_type, data)
            await rows.add(message)
            deliveries.append(new_delivery(ids, clock, endpoint.id, message.id))
    await rows.add_deliveries(deliveries)


async def count_due(session: Session) -> tuple[int, datetime | None]:
    """How many deliveries are under way, and when the first of them is due: for the marketplace's own health."""
    return await WebhookRepository(session).count_pending()
