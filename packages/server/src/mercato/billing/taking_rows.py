"""The SQL of the marketplace's share."""

from datetime import date

from sqlalchemy import Date, case, cast, func, select

from mercato.billing.models import Account, Posting
from mercato.platform import Session


class TakingRows:
    """Questions of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def by_month(self, since: date) -> list[tuple[date, str, int, int]]:
        """Month, currency, what consumers owe, what is the marketplace's."""
        month = cast(func.date_trunc("month", Posting.day), Date)
        charged = func.sum(case((Account.kind == "consumer", Posting.amount_nanos), else_=0))
        taken = -func.sum(case((Account.kind == "revenue", Posting.amount_nanos), else_=0))
        rows = await self._session.execute(
            select(month, Account.currency, charged, taken)
            .join(Account, Account.id == Posting.account_id)
            .where(Posting.day >= since, Account.kind.in_(("consumer", "revenue")))
            .group_by(month, Account.currency)
            .order_by(month, Account.currency)
        )
        return [(row[0], row[1], int(row[2]), int(row[3])) for row in rows]
