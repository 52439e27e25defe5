"""The ledger's questions to the database."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any

import msgspec
from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert

from mercato.billing.models import Account, Journal, Posting
from mercato.billing.sales import Sale, accounts_of, postings_of
from mercato.platform import Session

_COLUMNS = ", ".join(column.name for column in Posting.__table__.columns if column.name != "number")
# One statement for all lines: a trigger checks that what a statement adds to a journal sums to zero.
_ADD_POSTINGS = text(
    f"INSERT INTO postings ({_COLUMNS})"  # noqa: S608  (names of our own columns)
    f" SELECT {_COLUMNS} FROM json_populate_recordset(NULL::postings, CAST(:rows AS json))"
)


class LedgerRepository:
    """Rows of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add_journal(self, journal_id: str, kind: str, reference: str, *, at: datetime, take_rate_bp: int) -> bool:
        """Write the journal unless its reference has one; whether it was written."""
        query = (
            insert(Journal)
            .values(id=journal_id, kind=kind, reference=reference, at=at, take_rate_bp=take_rate_bp)
            .on_conflict_do_nothing()
            .returning(Journal.id)
        )
        return await self._session.scalar(query) is not None

    async def find_references(self, kind: str, references: Collection[str]) -> set[str]:
        """Those of `references` that have a journal of this kind."""
        query = select(Journal.reference).where(Journal.kind == kind, Journal.reference.in_(references))
        return set(await self._session.scalars(query))

    async def add_postings(self, journal_id: str, sales: Sequence[Sale]) -> None:
        """Write the lines of these sales, and the accounts that are new."""
        # In the order of their ids: two transactions that open the same accounts wait, and never deadlock.
        await self._session.execute(insert(Account).values(accounts_of(sales)).on_conflict_do_nothing())
        rows = [row for sale in sales for row in postings_of(journal_id, sale)]
        await self._session.execute(_ADD_POSTINGS, {"rows": msgspec.json.encode(rows).decode()})

    async def balances(self) -> list[tuple[Account, int]]:
        """Every account with the sum of its postings, in the order of ids."""
        rows = await self._session.execute(
            select(Account, func.coalesce(func.sum(Posting.amount_nanos), 0))
            .join(Posting, Posting.account_id == Account.id, isouter=True)
            .group_by(Account.id)
            .order_by(Account.id)
        )
        return [(account, int(balance)) for account, balance in rows]

    async def posted_sums(self, since: date, until: date) -> dict[tuple[date, str, str, str], tuple[int, int]]:
        """Calls and nano-units that consumers were charged for usage, by day, consumer, service and currency."""
        key: list[Any] = [Posting.day, Account.organisation_id, Posting.service_id, Account.currency]
        rows = await self._session.execute(
            select(*key, func.sum(Posting.calls), func.sum(Posting.amount_nanos))
            .join(Account, Account.id == Posting.account_id)
            .where(Account.kind == "consumer", Posting.item == "usage", Posting.day >= since, Posting.day < until)
            .group_by(*key)
        )
        return {(row[0], row[1], row[2], row[3]): (int(row[4]), int(row[5])) for row in rows}
