"""The SQL of adjustments."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert

from mercato.billing.amounts import Amounts
from mercato.billing.models import Adjustment, Journal, Posting
from mercato.billing.sales import account_id
from mercato.platform import Session
from mercato.subscriptions import Subscription

_LOCK = 4_017_202_614  # any number, the same in every process that adjusts


@dataclass(frozen=True, slots=True)
class ChargedDay:
    """What a subscription was charged for the calls of one day; `fee_nanos` is the marketplace's share of it."""

    day: date
    amounts: Amounts
    fee_nanos: int


class AdjustmentRows:
    """Rows of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def lock(self, subscription_id: str) -> None:
        """One adjustment of a subscription at a time, until the transaction ends."""
        await self._session.execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended(:subscription, :seed))"),
            {"subscription": subscription_id, "seed": _LOCK},
        )

    async def find_reference(self, organisation_id: str, reference: str) -> Adjustment | None:
        return await self._session.scalar(
            select(Adjustment).where(Adjustment.organisation_id == organisation_id, Adjustment.reference == reference)
        )

    async def add(self, row: Adjustment) -> bool:
        """Write it; whether its reference was free."""
        values = {column.name: getattr(row, column.name) for column in Adjustment.__table__.columns}
        query = insert(Adjustment).values(values).on_conflict_do_nothing().returning(Adjustment.id)
        return await self._session.scalar(query) is not None

    async def of_subscription(self, subscription_id: str, since: date, until: date) -> list[Adjustment]:
        """Those of days in [`since`, `until`), oldest first."""
        return list(
            await self._session.scalars(
                select(Adjustment)
                .where(
                    Adjustment.subscription_id == subscription_id, Adjustment.since >= since, Adjustment.until <= until
                )
                .order_by(Adjustment.id)
            )
        )

    async def of_events(self, event_ids: Collection[str]) -> list[Adjustment]:
        return list(
            await self._session.scalars(
                select(Adjustment).where(Adjustment.event_id.in_(event_ids)).order_by(Adjustment.id)
            )
        )

    async def list_all(
        self, side: Literal["consumer", "vendor", "marketplace"], organisation_id: str, after: str | None, limit: int
    ) -> list[Adjustment]:
        query = select(Adjustment).order_by(Adjustment.id).limit(limit)
        if side != "marketplace":
            whose = Adjustment.consumer_id if side == "consumer" else Adjustment.vendor_id
            query = query.where(whose == organisation_id)
        return list(await self._session.scalars(query if after is None else query.where(Adjustment.id > after)))

    async def charged(self, subscription: Subscription, currency: str, since: date, until: date) -> list[ChargedDay]:
        """By day in [`since`, `until`): the usage postings of the consumer, and the fee among the vendor's."""
        owed = account_id("consumer", subscription.consumer_id, currency)
        earned = account_id("vendor", subscription.vendor_id, currency)

        def total(column: Any, account: str, item: str) -> Any:
            condition = (Posting.account_id == account) & (Posting.item == item)
            return func.coalesce(func.sum(column).filter(condition), 0)

        rows = await self._session.execute(
            select(
                Posting.day,
                *(
                    total(column, owed, "usage")
                    for column in (Posting.calls, Posting.tokens_in, Posting.tokens_out, Posting.amount_nanos)
                ),
                total(Posting.amount_nanos, earned, "fee"),
            )
            .join(Journal, Journal.id == Posting.journal_id)
            .where(
                Journal.kind == "usage",
                Posting.account_id.in_([owed, earned]),
                Posting.subscription_id == subscription.id,
                Posting.day >= since,
                Posting.day < until,
            )
            .group_by(Posting.day)
        )
        return [ChargedDay(row[0], Amounts(*(int(value) for value in row[1:5])), int(row[5])) for row in rows]

    async def take_rate_bp(self, journal_id: str) -> int:
        """The marketplace's share in this journal."""
        return int(await self._session.scalar(select(Journal.take_rate_bp).where(Journal.id == journal_id)) or 0)
