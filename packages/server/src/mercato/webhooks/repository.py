"""Webhooks' questions to the database."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert

from mercato.platform import Bell, Session
from mercato.webhooks.models import (
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookMessage,
    WebhookSecret,
)

CHANNEL = "mercato_webhooks"
"""The channel of the bell that rings when a delivery is due."""

# At most a few deliveries per endpoint at once: one that hangs must not take every place.
_CLAIM = text(
    "WITH due AS (SELECT id, row_number() OVER (PARTITION BY endpoint_id ORDER BY next_at, id) AS place FROM"
    " (SELECT id, endpoint_id, next_at FROM webhook_deliveries WHERE state = 'pending' AND next_at <= :now"
    " ORDER BY next_at LIMIT 1000) AS soonest),"
    " busy AS (SELECT * FROM unnest(CAST(:endpoints AS text[]), CAST(:counts AS bigint[])) AS held (endpoint, count)),"
    " mine AS (SELECT deliveries.id FROM webhook_deliveries AS deliveries JOIN due ON due.id = deliveries.id"
    " WHERE place + coalesce((SELECT count FROM busy WHERE endpoint = endpoint_id), 0) <= :each AND state = 'pending'"
    " AND next_at <= :now ORDER BY next_at LIMIT :most"
    " FOR UPDATE OF deliveries SKIP LOCKED)"
    " UPDATE webhook_deliveries AS taken SET attempts = attempts + 1, next_at = :again FROM mine"
    " WHERE taken.id = mine.id RETURNING taken.id"
)


@dataclass(frozen=True, slots=True)
class Due:
    """A claimed delivery, with everything that is needed to send it."""

    delivery: WebhookDelivery
    message: WebhookMessage
    endpoint: WebhookEndpoint
    sealed: list[bytes]


class WebhookRepository:
    """Rows of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, *rows: WebhookEndpoint | WebhookSecret | WebhookMessage | WebhookAttempt) -> None:
        """Write these now, in their order."""
        for row in rows:
            self._session.add(row)
            await self._session.flush()

    async def count(self, organisation_id: str) -> int:
        """The organisation's endpoints, with a lock until the transaction ends: two cannot both be the last."""
        lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 4017202616))")
        await self._session.execute(lock, {"name": organisation_id})
        query = select(func.count()).where(WebhookEndpoint.organisation_id == organisation_id)
        return int(await self._session.scalar(query) or 0)

    async def find(self, organisation_id: str, endpoint_id: str, *, lock: bool = False) -> WebhookEndpoint | None:
        query = select(WebhookEndpoint).where(
            WebhookEndpoint.id == endpoint_id, WebhookEndpoint.organisation_id == organisation_id
        )
        return await self._session.scalar(query.with_for_update(key_share=True) if lock else query)

    async def lock(self, endpoint_id: str) -> bool:
        """Whether it still exists; takes the same lock as changes do, to avoid a deadlock."""
        query = select(WebhookEndpoint.id).where(WebhookEndpoint.id == endpoint_id)
        return await self._session.scalar(query.with_for_update(key_share=True)) is not None

    async def list_all(self, organisation_id: str) -> list[WebhookEndpoint]:
        query = select(WebhookEndpoint).where(WebhookEndpoint.organisation_id == organisation_id)
        return list(await self._session.scalars(query.order_by(WebhookEndpoint.id)))

    async def enabled_of(self, organisation_ids: Collection[str]) -> list[WebhookEndpoint]:
        """Enabled endpoints of these organisations."""
        query = select(WebhookEndpoint).where(
            WebhookEndpoint.organisation_id.in_(organisation_ids), WebhookEndpoint.disabled_at.is_(None)
        )
        return list(await self._session.scalars(query.order_by(WebhookEndpoint.id)))

    async def enabled_for(self, event_type: str) -> list[WebhookEndpoint]:
        """Enabled endpoints of every organisation that name this type of event."""
        named = WebhookEndpoint.event_types.contains([event_type])
        query = select(WebhookEndpoint).where(named, WebhookEndpoint.disabled_at.is_(None))
        return list(await self._session.scalars(query.order_by(WebhookEndpoint.id)))

    async def remove(self, endpoint: WebhookEndpoint) -> None:
        """With its secrets and deliveries."""
        await self._session.execute(delete(WebhookEndpoint).where(WebhookEndpoint.id == endpoint.id))

    async def secrets(self, endpoint_id: str) -> list[WebhookSecret]:
        """The newest first."""
        query = select(WebhookSecret).where(WebhookSecret.endpoint_id == endpoint_id)
        return list(await self._session.scalars(query.order_by(WebhookSecret.number.desc())))

    async def forget_secrets(self, endpoint_id: str, now: datetime) -> None:
        """Delete expired secrets."""
        await self._session.execute(
            delete(WebhookSecret).where(WebhookSecret.endpoint_id == endpoint_id, WebhookSecret.expires_at <= now)
        )

    async def add_deliveries(self, deliveries: Sequence[WebhookDelivery]) -> None:
        """Write those; one endpoint gets one message once."""
        if deliveries:
            values = [
                {column.name: getattr(row, column.name) for column in WebhookDelivery.__table__.columns}
                for row in deliveries
            ]
            await self._session.execute(insert(WebhookDelivery).values(values).on_conflict_do_nothing())
            await self.ring()

    async def ring(self) -> None:
        """Say at commit that something is due."""
        await Bell(CHANNEL).ring_at_commit(self._session)

    async def find_next_at(self) -> datetime | None:
        """When the next delivery is due, claimed ones included."""
        query = select(func.min(WebhookDelivery.next_at)).where(WebhookDelivery.state == "pending")
        return await self._session.scalar(query)

    async def find_delivery(self, endpoint_id: str, delivery_id: str) -> WebhookDelivery | None:
        query = select(WebhookDelivery).where(
            WebhookDelivery.id == delivery_id, WebhookDelivery.endpoint_id == endpoint_id
        )
        return await self._session.scalar(query.with_for_update())

    async def list_deliveries(
        self, endpoint_id: str, before: str | None, limit: int
    ) -> list[tuple[WebhookDelivery, WebhookMessage]]:
        """The newest first."""
        query = (
            select(WebhookDelivery, WebhookMessage)
            .join(WebhookMessage, WebhookMessage.id == WebhookDelivery.message_id)
            .where(WebhookDelivery.endpoint_id == endpoint_id)
            .order_by(WebhookDelivery.id.desc())
            .limit(limit)
        )
        if before is not None:
            query = query.where(WebhookDelivery.id < before)
        return [(row[0], row[1]) for row in await self._session.execute(query)]

    async def attempts(self, delivery_ids: Collection[str]) -> dict[str, list[WebhookAttempt]]:
        """By delivery, oldest first."""
        query = select(WebhookAttempt).where(WebhookAttempt.delivery_id.in_(delivery_ids)).order_by(WebhookAttempt.id)
        found: dict[str, list[WebhookAttempt]] = {}
        for row in await self._session.scalars(query):
            found.setdefault(row.delivery_id, []).append(row)
        return found

    async def claim(
        self, now: datetime, *, lease: timedelta, each: int, most: int, busy: Mapping[str, int]
    ) -> list[Due]:
        """Claim what is due; it is due again when the lease ends, unless it was settled.

        `each` is the most per endpoint, including those that are in flight already according to `busy`.
        """
        given: dict[str, object] = {"now": now, "again": now + lease, "each": each, "most": most}
        given |= {"endpoints": list(busy), "counts": list(busy.values())}
        ids = list(await self._session.scalars(_CLAIM, given))
        rows = await self._session.execute(
            select(WebhookDelivery, WebhookMessage, WebhookEndpoint)
            .join(WebhookMessage, WebhookMessage.id == WebhookDelivery.message_id)
            .join(WebhookEndpoint, WebhookEndpoint.id == WebhookDelivery.endpoint_id)
            .where(WebhookDelivery.id.in_(ids))
            .order_by(WebhookDelivery.id)
        )
        return [Due(row[0], row[1], row[2], await self._sealed(row[2].id, now)) for row in rows]

    async def _sealed(self, endpoint_id: str, now: datetime) -> list[bytes]:
        query = select(WebhookSecret.sealed).where(
            WebhookSecret.endpoint_id == endpoint_id,
            or_(WebhookSecret.expires_at.is_(None), WebhookSecret.expires_at > now),
        )
        return list(await self._session.scalars(query.order_by(WebhookSecret.number.desc())))

    async def settle(
        self, delivery: WebhookDelivery, *, state: str, next_at: datetime, ended_at: datetime | None
    ) -> bool:
        """Write the outcome of an attempt; false if another worker has taken over since."""
        query = (
            update(WebhookDelivery)
            .where(
                WebhookDelivery.id == delivery.id,
                WebhookDelivery.state == "pending",
                WebhookDelivery.attempts == delivery.attempts,
            )
            .values(state=state, next_at=next_at, ended_at=ended_at)
            .returning(WebhookDelivery.id)
        )
        return await self._session.scalar(query) is not None

    async def note_success(self, endpoint_id: str) -> None:
        """It delivers again."""
        await self._session.execute(
            update(WebhookEndpoint)
            .where(WebhookEndpoint.id == endpoint_id, WebhookEndpoint.failing_since.is_not(None))
            .values(failing_since=None)
        )

    async def note_failure(self, endpoint_id: str, at: datetime) -> datetime | None:
        """Since when nothing was delivered; `None` where the endpoint is gone."""
        query = (
            update(WebhookEndpoint)
            .where(WebhookEndpoint.id == endpoint_id)
            .values(failing_since=func.coalesce(WebhookEndpoint.failing_since, at))
            .returning(WebhookEndpoint.failing_since)
        )
        return await self._session.scalar(query)

    async def disable(self, endpoint_id: str, reason: str, at: datetime) -> bool:
        """Disable it and fail its pending deliveries; returns whether it was enabled."""
        query = (
            update(WebhookEndpoint)
            .where(WebhookEndpoint.id == endpoint_id, WebhookEndpoint.disabled_at.is_(None))
            .values(disabled_at=at, disabled_reason=reason)
            .returning(WebhookEndpoint.id)
        )
        was_on = await self._session.scalar(query) is not None
        await self._session.execute(
            update(WebhookDelivery)
            .where(WebhookDelivery.endpoint_id == endpoint_id, WebhookDelivery.state == "pending")
            .values(state="failed", ended_at=at)
        )
        return was_on

    async def forget(self, before: datetime) -> int:
        """Delete older messages with their deliveries; returns how many."""
        gone = await self._session.execute(
            delete(WebhookMessage).where(WebhookMessage.at < before).returning(WebhookMessage.id)
        )
        return len(gone.all())

    async def count_pending(self) -> tuple[int, datetime | None]:
        """How many deliveries are under way, at most 10,000 counted, and when the first of them is due."""
        waiting = select(WebhookDelivery.next_at).where(WebhookDelivery.state == "pending").limit(10_000).subquery()
        count, first = (
            await self._session.execute(select(func.count(), func.min(waiting.c.next_at)).select_from(waiting))
        ).one()
        return int(count), first
