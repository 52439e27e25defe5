"""Subscriptions' questions to the database."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import func, or_, select

from mercato.platform import Session
from mercato.subscriptions.models import Subscription


class SubscriptionRepository:
    """Rows of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, row: Subscription) -> None:
        """Write the row with this transaction."""
        self._session.add(row)

    async def find(self, subscription_id: str, *, lock: bool = False) -> Subscription | None:
        query = select(Subscription).where(Subscription.id == subscription_id)
        return await self._session.scalar(query.with_for_update() if lock else query)

    async def find_many(self, ids: Collection[str]) -> list[Subscription]:
        return list(await self._session.scalars(select(Subscription).where(Subscription.id.in_(ids))))

    async def lock_of_service(self, consumer_id: str, service_id: str) -> list[Subscription]:
        """All subscriptions that the consumer ever had to this service; no concurrent one can be made until the
        transaction ends.
        """
        lock = func.hashtextextended(f"subscribe {consumer_id} {service_id}", 0)
        await self._session.execute(select(func.pg_advisory_xact_lock(lock)))
        return await self._of_service(consumer_id, service_id, lock=True)

    async def of_service(self, consumer_id: str, service_id: str) -> list[Subscription]:
        """All that the consumer ever had of this service."""
        return await self._of_service(consumer_id, service_id, lock=False)

    async def _of_service(self, consumer_id: str, service_id: str, *, lock: bool) -> list[Subscription]:
        query = (
            select(Subscription)
            .where(Subscription.consumer_id == consumer_id, Subscription.service_id == service_id)
            .order_by(Subscription.id)
            .execution_options(populate_existing=True)
        )
        return list(await self._session.scalars(query.with_for_update() if lock else query))

    async def active_of(self, consumer_id: str) -> list[Subscription]:
        return list(
            await self._session.scalars(
                select(Subscription)
                .where(Subscription.consumer_id == consumer_id, Subscription.status == "active")
                .order_by(Subscription.id)
            )
        )

    async def consumers_of(self, vendor_ids: Collection[str]) -> list[str]:
        return list(
            await self._session.scalars(
                select(Subscription.consumer_id)
                .where(Subscription.vendor_id.in_(vendor_ids), Subscription.status == "active")
                .distinct()
                .order_by(Subscription.consumer_id)
            )
        )

    async def count_of_service(self, service_id: str) -> int:
        query = select(func.count(Subscription.consumer_id.distinct())).where(
            Subscription.service_id == service_id, Subscription.status == "active"
        )
        return await self._session.scalar(query) or 0

    async def page(
        self, *, consumer_id: str | None, vendor_id: str | None, after: str | None, limit: int
    ) -> list[Subscription]:
        query = select(Subscription).order_by(Subscription.id).limit(limit)
        if consumer_id is not None:
            query = query.where(Subscription.consumer_id == consumer_id)
        if vendor_id is not None:
            query = query.where(Subscription.vendor_id == vendor_id)
        return list(await self._session.scalars(query if after is None else query.where(Subscription.id > after)))

    async def in_force_since(self, at: datetime, after: str, limit: int) -> list[Subscription]:
        """Active now, or cancelled at or after `at`."""
        return list(
            await self._session.scalars(
                select(Subscription)
                .where(
                    Subscription.id > after,
                    or_(Subscription.status == "active", Subscription.cancelled_at >= at),
                )
                .order_by(Subscription.id)
                .limit(limit)
            )
        )

    async def flush(self) -> None:
        await self._session.flush()
