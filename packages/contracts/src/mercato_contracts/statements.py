"""An organisation's money under `/api`: statement, balance, what is not billed yet, and what plans would cost."""

from datetime import date
from typing import Literal

from mercato_contracts.calls import EntryView
from mercato_contracts.metering import UsageSide
from mercato_contracts.wire import Wire


class StatementAnswer(Wire):
    """Postings of [`since`, `until`), the newest first; ask on with `after` set to `next`.

    Positive is what you owe, negative what you are owed. `opening_nanos` is what stood before the period, and
    `closing_nanos` after it, by currency.
    """

    side: UsageSide
    since: date
    until: date
    opening_nanos: dict[str, int]
    closing_nanos: dict[str, int]
    items: list[EntryView]
    next: str | None


class StandingView(Wire):
    """An account: all that was posted, and the part of it that stands on no invoice or payout yet."""

    account_id: str
    kind: Literal["consumer", "vendor", "revenue"]
    organisation_id: str | None
    organisation: str
    currency: str
    balance_nanos: int
    unbilled_nanos: int


class BalanceAnswer(Wire):
    """What your organisation stands at; positive is what it owes."""

    items: list[StandingView]


class UnbilledLineView(Wire):
    """What the next invoice, or payout, would have as a line."""

    month: str
    account_id: str
    currency: str
    item: Literal["usage", "monthly", "adjustment", "fee"]
    service_id: str
    service: str
    subscription_id: str
    plan_id: str
    plan: str
    calls: int
    tokens_in: int
    tokens_out: int
    included: int
    amount_nanos: int


class UnbilledAnswer(Wire):
    """All that stands on no document yet, and its sum by currency."""

    side: Literal["consumer", "vendor"]
    totals: dict[str, int]
    items: list[UnbilledLineView]
