"""What an organisation has not settled. Payments are not recorded, so an invoice counts as open until its term ends."""

from dataclasses import dataclass
from datetime import timedelta

from mercato.billing.open_amount_rows import OpenAmountRows
from mercato.platform import Clock, Session

TIME_TO_PAY = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class OpenAmounts:
    """Invoices within their time to pay, and whether more is to come."""

    invoices: list[str]
    unbilled: bool

    def __bool__(self) -> bool:
        return self.unbilled or bool(self.invoices)


async def find_open_amounts(session: Session, clock: Clock, organisation_id: str) -> OpenAmounts:
    """Of this organisation, as consumer and as vendor."""
    rows = OpenAmountRows(session)
    return OpenAmounts(
        invoices=await rows.invoices_since(organisation_id, clock.now() - TIME_TO_PAY),
        unbilled=await rows.has_unbilled(organisation_id),
    )
