"""News becomes messages, and a delivery for every endpoint that wants it, in the transaction that reads the news."""

from collections.abc import Sequence

from mercato.platform import Clock, DurableSubscriber, Event, Ids, News, Session
from mercato.webhooks.endpoints import new_delivery, new_message
from mercato.webhooks.events import KINDS, matches
from mercato.webhooks.models import WebhookDelivery
from mercato.webhooks.repository import WebhookRepository


def webhook_subscriber(clock: Clock, ids: Ids) -> DurableSubscriber[News]:
    """Runs in the worker; each event is announced exactly once, whichever process dies."""

    async def handle(session: Session, events: Sequence[Event[News]]) -> None:
        await announce(session, events, clock, ids)

    return DurableSubscriber("webhooks", tuple(KINDS), handle)


async def announce(session: Session, events: Sequence[Event[News]], clock: Clock, ids: Ids) -> None:
    """Write the messages and deliveries of these events."""
    rows = WebhookRepository(session)
    audiences = [(event, KINDS[type(event.news)]) for event in events]
    organisations = {organisation for event, kind in audiences for organisation in kind.audience(event.news)}
    endpoints = await rows.enabled_of(organisations) if organisations else []
    deliveries: list[WebhookDelivery] = []
    for event, kind in audiences:
        for organisation_id in sorted(kind.audience(event.news)):
            wanted = [
                endpoint
                for endpoint in endpoints
                if endpoint.organisation_id == organisation_id and matches(endpoint.event_types, kind.event_type)
            ]
            if wanted:
                data = kind.content(event.news)
                message = new_message(ids, clock, organisation_id, kind.event_type, data)
                await rows.add(message)
                deliveries += [new_delivery(ids, clock, endpoint.id, message.id) for endpoint in wanted]
    await rows.add_deliveries(deliveries)
