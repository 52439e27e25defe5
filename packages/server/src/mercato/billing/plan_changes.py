"""What another plan would cost: at once, from the next month on, and for the calls of the last 30 days."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from mercato.billing.estimates import PlanEstimate, Workload, estimate
from mercato.billing.fees import fee_reference
from mercato.billing.ledger import Ledger
from mercato.identity import Caller
from mercato.metering import month_start, month_usage
from mercato.platform import Session
from mercato.publishing import Plan
from mercato.subscriptions import WantedPlan

_DAYS = 30
_INTO_NEXT_MONTH = timedelta(days=32)


@dataclass(frozen=True, slots=True)
class PlanCost:
    """One of the two plans. `charged_nanos` is this month's fee where it stands in the ledger, `due_nanos` what the
    change itself adds to it, `next_nanos` the fee at the beginning of the next month, and `usage` what the workload
    would have cost."""

    plan: Plan
    charged_nanos: int
    due_nanos: int
    next_nanos: int
    usage: PlanEstimate


@dataclass(frozen=True, slots=True)
class PlanChangeCost:
    """Both plans, side by side. The fee of the present one is owed for the whole month and not given back."""

    change: WantedPlan
    present: PlanCost
    wanted: PlanCost
    next_at: datetime
    since: datetime
    workload: Workload


class PlanChanges:
    """Prices a change of plan before it is made. It reads the ledger and posts nothing."""

    def __init__(self, session: Session, ledger: Ledger, now: datetime) -> None:
        self._session = session
        self._ledger = ledger
        self._now = now

    async def price(self, caller: Caller, change: WantedPlan) -> PlanChangeCost:
        """`change` was found for the caller, so its organisation's own usage is read."""
        month, subscription = month_start(self._now), change.subscription
        today = self._now.replace(hour=0, minute=0, second=0, microsecond=0)
        since = today - timedelta(days=_DAYS)
        used = await month_usage(self._session, caller.organisation_id, subscription.service_id, since, self._now)
        workload = Workload(*used)
        ids = {subscription.id} | ({change.earlier.id} if change.earlier else set())
        references = {fee_reference(each, month): each for each in ids}
        charged = {references[found] for found in await self._ledger.find_monthly(set(references))}
        stays = change.present.id == change.wanted.id
        already = change.earlier is not None and change.earlier.id in charged
        return PlanChangeCost(
            change=change,
            present=_cost(change.present, subscription.id in charged, change.present.monthly_nanos if stays else 0,
                          workload, due=False),
            wanted=_cost(change.wanted, already, change.wanted.monthly_nanos, workload, due=not stays),
            next_at=month_start(month + _INTO_NEXT_MONTH),
            since=since,
            workload=workload,
        )  # fmt: skip


def _cost(plan: Plan, is_charged: bool, next_nanos: int, workload: Workload, *, due: bool) -> PlanCost:
    return PlanCost(
        plan=plan,
        charged_nanos=plan.monthly_nanos if is_charged else 0,
        due_nanos=plan.monthly_nanos if due and not is_charged else 0,
        next_nanos=next_nanos,
        usage=estimate(plan, workload),
    )
