"""The SQL of the agreement between sums of usage, usage events and ledger, a day at a time."""

from datetime import date, datetime

from sqlalchemy import func, or_, select, text
from sqlalchemy.dialects.postgresql import insert

from mercato.billing.agreement_models import UsageAgreement
from mercato.billing.models import Account, Adjustment, Posting
from mercato.metering import MeteredCall, UsageDayState, UsageQuarter
from mercato.platform import Question, Session
from mercato.publishing import Service

PartyKey = tuple[str, str, str, str]
"""Consumer, vendor, service, currency."""
Sums = dict[PartyKey, tuple[int, int]]
"""Calls that stand in the ledger, and nano-units with all adjustments."""


class AgreementRows:
    """Questions of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def hold_still(self) -> None:
        """Read everything that follows from one snapshot. Must come first in a transaction."""
        await self._session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))

    async def due_days(self, most: int) -> list[date]:
        """Days that were summed and not compared since, newest first."""
        query = (
            select(UsageDayState.day)
            .join(UsageAgreement, UsageAgreement.day == UsageDayState.day, isouter=True)
            .where(or_(UsageAgreement.day.is_(None), UsageAgreement.checked_at < UsageDayState.made_at))
            .order_by(UsageDayState.day.desc())
            .limit(most)
        )
        return list(await self._session.scalars(query))

    async def of_events(self, begin: datetime, end: datetime) -> Sums:
        """Of the usage events and the adjustments themselves."""
        key = (MeteredCall.consumer_id, MeteredCall.vendor_id, MeteredCall.service_id, MeteredCall.currency)
        rows = await self._session.execute(
            select(*key, func.count(), func.sum(MeteredCall.price_nanos))
            .where(MeteredCall.at >= begin, MeteredCall.at < end, MeteredCall.journal_id.is_not(None))
            .group_by(*key)
        )
        found: Sums = {(row[0], row[1], row[2], row[3]): (row[4], int(row[5])) for row in rows}
        party = (Adjustment.consumer_id, Adjustment.vendor_id, Adjustment.service_id, Adjustment.currency)
        adjusted = await self._session.execute(
            select(*party, func.sum(Adjustment.nanos))
            .where(Adjustment.since >= begin.date(), Adjustment.since < end.date())
            .group_by(*party)
        )
        for one in adjusted:
            calls, nanos = found.get((one[0], one[1], one[2], one[3]), (0, 0))
            found[one[0], one[1], one[2], one[3]] = calls, nanos + int(one[4])
        return found

    async def of_quarters(self, begin: datetime, end: datetime) -> Sums:
        """Of the sums by the quarter hour."""
        key = (UsageQuarter.consumer_id, UsageQuarter.vendor_id, UsageQuarter.service_id, UsageQuarter.currency)
        nanos = func.sum(UsageQuarter.price_nanos + UsageQuarter.adjusted_nanos)
        rows = await self._session.execute(
            select(*key, func.sum(UsageQuarter.billed), nanos)
            .where(UsageQuarter.start >= begin, UsageQuarter.start < end)
            .group_by(*key)
        )
        return {(row[0], row[1], row[2], row[3]): (int(row[4]), int(row[5])) for row in rows}

    async def of_postings(self, since: date, until: date) -> Sums:
        """Of what consumers were charged for usage, and its corrections."""
        key = (Account.organisation_id, Service.vendor_id, Posting.service_id, Account.currency)
        rows = await self._session.execute(
            select(
                *key, func.coalesce(func.sum(Posting.calls).filter(Posting.item == "usage"), 0),
                func.sum(Posting.amount_nanos),
            )
            .join(Account, Account.id == Posting.account_id)
            .join(Service, Service.id == Posting.service_id)
            .where(
                Account.kind == "consumer", Posting.item.in_(["usage", "adjustment"]), Posting.day >= since,
                Posting.day < until,
            )
            .group_by(*key)
        )  # fmt: skip
        return {(row[0] or "", row[1], row[2], row[3]): (int(row[4]), int(row[5])) for row in rows}

    async def put(self, row: UsageAgreement) -> None:
        """The day's newest result."""
        values = {column.name: getattr(row, column.name) for column in UsageAgreement.__table__.columns}
        changed = {name: value for name, value in values.items() if name != "day"}
        await self._session.execute(
            insert(UsageAgreement).values(values).on_conflict_do_update(index_elements=["day"], set_=changed)
        )

    async def page(self, before: date | None, limit: int) -> list[UsageAgreement]:
        """The newest day first."""
        query = select(UsageAgreement).order_by(UsageAgreement.day.desc()).limit(limit)
        return list(await self._session.scalars(query if before is None else query.where(UsageAgreement.day < before)))

    def last_day_question(self) -> Question[UsageAgreement]:
        """The newest day that was compared."""
        query = select(UsageAgreement).order_by(UsageAgreement.day.desc()).limit(1)
        return Question(query, UsageAgreement, lambda row: row.day)

    async def newest(self) -> UsageAgreement | None:
        """The day that was compared last."""
        return await self._session.scalar(select(UsageAgreement).order_by(UsageAgreement.checked_at.desc()).limit(1))
