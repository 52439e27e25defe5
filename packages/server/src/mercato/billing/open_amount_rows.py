"""Billing's questions to the database about what an organisation has not settled."""

from datetime import datetime

from sqlalchemy import exists, select

from mercato.billing.models import Account, Invoice, InvoicedPosting, PaidPosting, Posting
from mercato.platform import Session


class OpenAmountRows:
    """Rows of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def has_unbilled(self, organisation_id: str) -> bool:
        """Whether something that it used or sold stands on no invoice and no payout yet."""
        settled = {"consumer": InvoicedPosting.posting, "vendor": PaidPosting.posting}
        for kind, on in settled.items():
            open_one = (
                select(Posting.number)
                .join(Account, Account.id == Posting.account_id)
                .where(
                    Account.organisation_id == organisation_id,
                    Account.kind == kind,
                    Posting.amount_nanos != 0,
                    ~exists().where(on == Posting.number),
                )
            )
            if await self._session.scalar(select(exists(open_one))):
                return True
        return False

    async def invoices_since(self, organisation_id: str, since: datetime) -> list[str]:
        """Invoices over an amount that were issued after this time."""
        query = select(Invoice.id).where(
            Invoice.consumer_id == organisation_id, Invoice.issued_at > since, Invoice.total_nanos != 0
        )
        return list(await self._session.scalars(query.order_by(Invoice.id)))
