"""What usage comes to by who owes it to whom, from events and from sums, as the ledger is compared with them."""

from datetime import datetime

from sqlalchemy import func, select

from mercato.metering.models import MeteredCall
from mercato.metering.rollup_models import UsageDayState, UsageQuarter
from mercato.platform import Session

PartyKey = tuple[str, str, str, str]
"""Consumer, vendor, service, currency."""
Sums = dict[PartyKey, tuple[int, int]]
"""Billable calls, and nano-units."""

summed_days = select(UsageDayState.day, UsageDayState.made_at).subquery("summed_days")
"""Days, UTC, whose usage was summed, and when: other rooms join these two columns."""


class PartySums:
    """Questions of one transaction, about [`begin`, `end`)."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def of_events(self, begin: datetime, end: datetime) -> Sums:
        """Of the usage events themselves, before any adjustment."""
        key = (MeteredCall.consumer_id, MeteredCall.vendor_id, MeteredCall.service_id, MeteredCall.currency)
        rows = await self._session.execute(
            select(*key, func.count(), func.sum(MeteredCall.price_nanos))
            .where(MeteredCall.at >= begin, MeteredCall.at < end, MeteredCall.journal_id.is_not(None))
            .group_by(*key)
        )
        return {(row[0], row[1], row[2], row[3]): (row[4], int(row[5])) for row in rows}

    async def of_quarters(self, begin: datetime, end: datetime) -> Sums:
        """Of the sums by the quarter hour, with all adjustments."""
        key = (UsageQuarter.consumer_id, UsageQuarter.vendor_id, UsageQuarter.service_id, UsageQuarter.currency)
        nanos = func.sum(UsageQuarter.price_nanos + UsageQuarter.adjusted_nanos)
        rows = await self._session.execute(
            select(*key, func.sum(UsageQuarter.billed), nanos)
            .where(UsageQuarter.start >= begin, UsageQuarter.start < end)
            .group_by(*key)
        )
        return {(row[0], row[1], row[2], row[3]): (int(row[4]), int(row[5])) for row in rows}
