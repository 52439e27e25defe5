"""The double-entry ledger: journals are added, never changed, and each sums to zero."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial

from mercato.billing.figures import count_sales
from mercato.billing.repository import LedgerRepository
from mercato.billing.sales import Sale, add_up
from mercato.identity import Caller, Permission
from mercato.metering import Appraised
from mercato.platform import Clock, Ids, Session, after_commit
from mercato_contracts import ids as id_prefix


@dataclass(frozen=True, slots=True)
class AccountBalance:
    """An account and the sum of its postings; positive is debit: the organisation owes."""

    account_id: str
    kind: str
    organisation_id: str | None
    currency: str
    balance_nanos: int


@dataclass(frozen=True, slots=True)
class TrialBalance:
    """Every account. `sums` by currency are zero, or the ledger is broken."""

    accounts: list[AccountBalance]
    sums: dict[str, int]


class Ledger:
    """Posts sales. `take_rate_bp` is the marketplace's share in basis points."""

    def __init__(self, session: Session, clock: Clock, ids: Ids, *, take_rate_bp: int) -> None:
        self._session = session
        self._rows = LedgerRepository(session)
        self._clock = clock
        self._ids = ids
        self._take_rate_bp = take_rate_bp

    def new_journal_id(self) -> str:
        """The id of a future journal: usage events are written with it before the journal."""
        return self._ids.new(id_prefix.JOURNAL)

    async def post_usage(self, journal_id: str, calls: Sequence[Appraised]) -> None:
        """Post one journal for the billable ones of these calls; none if there are none."""
        sales = add_up((call for call in calls if call.billable), self._take_rate_bp)
        if sales:
            await self._post(journal_id, "usage", journal_id, sales)

    async def post_monthly(self, reference: str, sale: Sale) -> bool:
        """Post a monthly fee, once per `reference`; returns whether it was posted now."""
        return await self._post(self.new_journal_id(), "monthly", reference, [sale])

    async def find_monthly(self, references: Collection[str]) -> set[str]:
        """Those of `references` whose fee is posted."""
        return await self._rows.find_references("monthly", references)

    async def trial_balance(self, caller: Caller) -> TrialBalance:
        """All accounts and their sum. For operators."""
        caller.require(Permission.MARKETPLACE_READ)
        accounts = [
            AccountBalance(account.id, account.kind, account.organisation_id, account.currency, balance)
            for account, balance in await self._rows.balances()
        ]
        sums: dict[str, int] = {}
        for account in accounts:
            sums[account.currency] = sums.get(account.currency, 0) + account.balance_nanos
        return TrialBalance(accounts, sums)

    async def _post(self, journal_id: str, kind: str, reference: str, sales: Sequence[Sale]) -> bool:
        is_new = await self._rows.add_journal(
            journal_id, kind, reference, at=self._clock.now(), take_rate_bp=self._take_rate_bp
        )
        if is_new:
            await self._rows.add_postings(journal_id, sales)
            after_commit(self._session, partial(count_sales, sales))
        return is_new
