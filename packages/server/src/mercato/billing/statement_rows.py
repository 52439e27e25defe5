"""The SQL of statements: postings of an organisation's own accounts, each with the document that it stands on."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, func, or_, select, tuple_

from mercato.billing.models import (
    Account,
    Invoice,
    InvoicedPosting,
    Journal,
    PaidPosting,
    Payout,
    Posting,
)
from mercato.metering import Side
from mercato.platform import LineFormat, Session, line_of, stream_lines

_KINDS: dict[Side, tuple[str, ...]] = {
    "consumer": ("consumer",),
    "vendor": ("vendor",),
    "marketplace": ("consumer", "vendor", "revenue"),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A posting, the journal that it came with, and the invoice or payout that it stands on; positive is debit."""

    number: int
    day: date
    posted_at: datetime
    account_id: str
    organisation_id: str | None
    currency: str
    journal_id: str
    kind: str
    reference: str
    item: str
    service_id: str
    subscription_id: str
    plan_id: str
    calls: int
    tokens_in: int
    tokens_out: int
    included: int
    amount_nanos: int
    document_id: str | None
    document_number: int | None


@dataclass(frozen=True, slots=True)
class Standing:
    """An account: all that was posted, and the part of it that stands on no invoice or payout yet."""

    account_id: str
    kind: str
    organisation_id: str | None
    currency: str
    balance_nanos: int
    unbilled_nanos: int


@dataclass(frozen=True, slots=True)
class UnbilledLine:
    """What the next invoice or payout would have as a line."""

    month: str
    account_id: str
    currency: str
    item: str
    service_id: str
    subscription_id: str
    plan_id: str
    calls: int
    tokens_in: int
    tokens_out: int
    included: int
    amount_nanos: int


def _entries() -> Any:
    return (
        select(
            Posting.number, Posting.day, Journal.at, Posting.account_id, Account.organisation_id, Account.currency,
            Posting.journal_id, Journal.kind, Journal.reference, Posting.item, Posting.service_id,
            Posting.subscription_id, Posting.plan_id, Posting.calls, Posting.tokens_in, Posting.tokens_out,
            Posting.included, Posting.amount_nanos, func.coalesce(Invoice.id, Payout.id),
            func.coalesce(Invoice.number, Payout.number),
        )
        .join(Account, Account.id == Posting.account_id)
        .join(Journal, Journal.id == Posting.journal_id)
        .join(InvoicedPosting, InvoicedPosting.posting == Posting.number, isouter=True)
        .join(Invoice, Invoice.id == InvoicedPosting.invoice_id, isouter=True)
        .join(PaidPosting, PaidPosting.posting == Posting.number, isouter=True)
        .join(Payout, Payout.id == PaidPosting.payout_id, isouter=True)
    )  # fmt: skip


class StatementRows:
    """Questions of one transaction. `owner` is the organisation whose accounts count, `None` everybody's."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def page(
        self, side: Side, owner: str | None, since: date, until: date, before: tuple[date, int] | None, limit: int
    ) -> list[Entry]:
        """The newest first."""
        query = self._statement(side, owner, since, until).limit(limit)
        if before is not None:
            query = query.where(Posting.day <= before[0], tuple_(Posting.day, Posting.number) < before)
        return [Entry(*row) for row in await self._session.execute(query)]

    async def lines(
        self, kind: LineFormat, side: Side, owner: str | None, since: date, until: date
    ) -> AsyncIterator[bytes]:
        """All of a period as lines of a file, in the order of the fields of `Entry`."""
        query = self._statement(side, owner, since, until)
        named = [(field.name, column) for field, column in zip(fields(Entry), query.selected_columns, strict=True)]
        async for some in stream_lines(self._session, query.with_only_columns(line_of(kind, named))):
            yield some

    def _statement(self, side: Side, owner: str | None, since: date, until: date) -> Any:
        query = _entries().where(Posting.day >= since, Posting.day < until, Posting.account_id.in_(_own(side, owner)))
        return query.order_by(Posting.day.desc(), Posting.number.desc())

    async def sum_before(self, side: Side, owner: str | None, day: date) -> dict[str, int]:
        """By currency, all that was posted for days before."""
        query = (
            select(Account.currency, func.sum(Posting.amount_nanos))
            .join(Account, Account.id == Posting.account_id)
            .where(Posting.account_id.in_(_own(side, owner)), Posting.day < day)
            .group_by(Account.currency)
        )
        return {row[0]: int(row[1]) for row in await self._session.execute(query)}

    async def of_call(
        self, journal_id: str, subscription_id: str, day: date, side: Side, owner: str | None
    ) -> list[Entry]:
        """What was posted for the calls of this subscription on this day, with this batch."""
        query = _entries().where(
            Posting.journal_id == journal_id,
            Posting.subscription_id == subscription_id,
            Posting.day == day,
            Posting.account_id.in_(_own(side, owner)),
        )
        return [Entry(*row) for row in await self._session.execute(query.order_by(Posting.number))]

    async def of_adjustments(self, adjustment_ids: Sequence[str], side: Side, owner: str | None) -> list[Entry]:
        if not adjustment_ids:
            return []
        query = _entries().where(
            Journal.kind == "adjustment",
            Journal.reference.in_(adjustment_ids),
            Posting.account_id.in_(_own(side, owner)),
        )
        return [Entry(*row) for row in await self._session.execute(query.order_by(Posting.number))]

    async def standings(self, side: Side, owner: str | None) -> list[Standing]:
        unbilled = func.sum(Posting.amount_nanos).filter(
            or_(Account.kind == "revenue", InvoicedPosting.posting.is_(None) & PaidPosting.posting.is_(None))
        )
        query = (
            select(
                Account.id, Account.kind, Account.organisation_id, Account.currency,
                func.coalesce(func.sum(Posting.amount_nanos), 0), func.coalesce(unbilled, 0),
            )
            .join(Posting, Posting.account_id == Account.id, isouter=True)
            .join(InvoicedPosting, InvoicedPosting.posting == Posting.number, isouter=True)
            .join(PaidPosting, PaidPosting.posting == Posting.number, isouter=True)
            .where(Account.id.in_(_own(side, owner)))
            .group_by(Account.id)
            .order_by(Account.id)
        )  # fmt: skip
        return [
            Standing(row[0], row[1], row[2], row[3], int(row[4]), int(row[5]))
            for row in await self._session.execute(query)
        ]

    async def unbilled(self, side: Side, owner: str) -> list[UnbilledLine]:
        """What stands on no document yet, as the next one would show it."""
        month = func.to_char(Posting.day, "YYYY-MM").label("month")
        key = (
            month, Posting.account_id, Account.currency, Posting.item, Posting.service_id, Posting.subscription_id,
            Posting.plan_id,
        )  # fmt: skip
        sums = (Posting.calls, Posting.tokens_in, Posting.tokens_out, Posting.included, Posting.amount_nanos)
        marks = InvoicedPosting.posting if side == "consumer" else PaidPosting.posting
        query = (
            select(*key, *(func.sum(column) for column in sums))
            .join(Account, Account.id == Posting.account_id)
            .join(marks.class_, marks == Posting.number, isouter=True)
            .where(Posting.account_id.in_(_own(side, owner)), marks.is_(None))
            .group_by(*key)
            .order_by(*key)
        )
        return [
            UnbilledLine(*row[:7], *(int(value) for value in row[7:])) for row in await self._session.execute(query)
        ]


def _own(side: Side, owner: str | None) -> Select[str]:
    query = select(Account.id).where(Account.kind.in_(_KINDS[side]))
    return query if owner is None else query.where(Account.organisation_id == owner)
