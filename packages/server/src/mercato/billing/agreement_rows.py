"""The SQL of the agreement between sums of usage, usage events and ledger, a day at a time."""

from datetime import date

from sqlalchemy import func, or_, select, text
from sqlalchemy.dialects.postgresql import insert

from mercato.billing.agreement_models import UsageAgreement
from mercato.billing.models import Account, Adjustment, Posting
from mercato.metering import PartyKey, summed_days
from mercato.platform import Question, Session


class AgreementRows:
    """Questions of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def hold_still(self) -> None:
        """Read everything that follows from one snapshot. Must come first in a transaction."""
        await self._session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))

    async def due_days(self, most: int) -> list[date]:
        """Days that were summed and not compared since, newest first."""
        day, made_at = summed_days.c.day, summed_days.c.made_at
        query = (
            select(day)
            .join(UsageAgreement, UsageAgreement.day == day, isouter=True)
            .where(or_(UsageAgreement.day.is_(None), UsageAgreement.checked_at < made_at))
            .order_by(day.desc())
            .limit(most)
        )
        return list(await self._session.scalars(query))

    async def of_adjustments(self, since: date, until: date) -> dict[PartyKey, int]:
        """Nano-units of the corrections to usage of [`since`, `until`)."""
        party = (Adjustment.consumer_id, Adjustment.vendor_id, Adjustment.service_id, Adjustment.currency)
        rows = await self._session.execute(
            select(*party, func.sum(Adjustment.nanos))
            .where(Adjustment.since >= since, Adjustment.since < until)
            .group_by(*party)
        )
        return {(row[0], row[1], row[2], row[3]): int(row[4]) for row in rows}

    async def of_postings(self, since: date, until: date) -> dict[tuple[str, str, str], tuple[int, int]]:
        """Calls and nano-units that consumers were charged for usage, with corrections, by consumer, service and
        currency."""
        key = (Account.organisation_id, Posting.service_id, Account.currency)
        rows = await self._session.execute(
            select(
                *key, func.coalesce(func.sum(Posting.calls).filter(Posting.item == "usage"), 0),
                func.sum(Posting.amount_nanos),
            )
            .join(Account, Account.id == Posting.account_id)
            .where(
                Account.kind == "consumer", Posting.item.in_(["usage", "adjustment"]), Posting.day >= since,
                Posting.day < until,
            )
            .group_by(*key)
        )  # fmt: skip
        return {(row[0] or "", row[1], row[2]): (int(row[3]), int(row[4])) for row in rows}

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
