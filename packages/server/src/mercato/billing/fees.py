"""Monthly fees: owed for every calendar month, UTC, in which a subscription was in force, if only for a moment."""

from collections.abc import Sequence
from datetime import datetime

from mercato.billing.ledger import Ledger
from mercato.billing.sales import Sale, Sold, fee_of
from mercato.metering import month_start
from mercato.platform import Clock, DurableSubscriber, Event, Ids, Session
from mercato.publishing import Catalogue
from mercato.subscriptions import SubscriptionChanged, SubscriptionTerms, Terms

_PAGE = 500


class MonthlyFees:
    """Posts fees, each once per subscription and month, however often it is asked."""

    def __init__(self, session: Session, clock: Clock, ids: Ids, *, take_rate_bp: int) -> None:
        self._clock = clock
        self._take_rate_bp = take_rate_bp
        self._ledger = Ledger(session, clock, ids, take_rate_bp=take_rate_bp)
        self._terms = SubscriptionTerms(session, Catalogue(session))

    async def charge_due(self) -> int:
        """The fees of the present month for all subscriptions in force in it; returns how many were posted now."""
        month = month_start(self._clock.now())
        posted, after = 0, ""
        while page := await self._terms.in_force_since(month, after=after, limit=_PAGE):
            # One query per page: this runs every minute, and nearly all fees are charged already.
            charged = await self._ledger.find_monthly({_reference(terms, month) for terms in page})
            due = [terms for terms in page if _reference(terms, month) not in charged]
            posted += sum([await self.charge(terms, month) for terms in due])
            after = page[-1].subscription.id
        return posted

    async def charge_changed(self, changes: Sequence[tuple[str, datetime]]) -> None:
        """The fees of these subscriptions for the months in which they changed."""
        found = await self._terms.find({subscription_id for subscription_id, _ in changes})
        for subscription_id, at in changes:
            if subscription_id in found:
                await self.charge(found[subscription_id], month_start(at))

    async def charge(self, terms: Terms, month: datetime) -> bool:
        """The fee of one month; whether it was posted now."""
        plan, subscription = terms.plan, terms.subscription
        if plan.monthly_nanos == 0:
            return False
        sold = Sold(
            "monthly",
            subscription.consumer_id,
            subscription.vendor_id,
            subscription.service_id,
            subscription.id,
            plan.id,
            plan.currency,
            month.date(),
        )
        gross = plan.monthly_nanos
        sale = Sale(sold, gross_nanos=gross, fee_nanos=fee_of(gross, self._take_rate_bp))
        return await self._ledger.post_monthly(_reference(terms, month), sale)


def _reference(terms: Terms, month: datetime) -> str:
    return fee_reference(terms.subscription.id, month)


def fee_reference(subscription_id: str, month: datetime) -> str:
    """What the ledger knows the fee of a subscription and month by."""
    return f"{subscription_id}:{month:%Y-%m}"


def fee_subscriber(clock: Clock, ids: Ids, *, take_rate_bp: int) -> DurableSubscriber[SubscriptionChanged]:
    """Charges the first month as soon as somebody subscribes. Runs in the worker."""

    async def handle(session: Session, events: Sequence[Event[SubscriptionChanged]]) -> None:
        fees = MonthlyFees(session, clock, ids, take_rate_bp=take_rate_bp)
        await fees.charge_changed([(event.news.subscription_id, event.at) for event in events])

    return DurableSubscriber("billing.monthly_fees", (SubscriptionChanged,), handle)
