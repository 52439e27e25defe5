"""Corrections: wrong charges are credited, missing ones charged, by separate postings. Nothing is edited.

An adjustment is about one usage event, or about the days of one month of one subscription. Credits can always be
distributed over their events without crediting any of them more than it was charged: for every span of days, the
credits that concern only days within it are at most what was charged in it. (That this suffices is Hall's theorem for
intervals.)
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from mercato.billing.adjustment_rows import AdjustmentRows, ChargedDay
from mercato.billing.amounts import Amounts, find_excess, price_of
from mercato.billing.models import Adjustment
from mercato.billing.news import ChargeAdjusted
from mercato.billing.refusals import (
    AdjustmentExceedsCharge,
    AdjustmentNothing,
    AdjustmentPeriodMalformed,
    AdjustmentReferenceReused,
    AdjustmentTargetUnknown,
    ChargeNeedsOperator,
)
from mercato.billing.repository import LedgerRepository
from mercato.billing.sales import Sale, Sold, fee_of
from mercato.identity import Caller, Permission
from mercato.metering import DaysAdjusted, MeteredCall, Rollups, find_call, month_start, next_month
from mercato.platform import Clock, Ids, Outbox, Session
from mercato.publishing import Catalogue
from mercato.subscriptions import SubscriptionTerms, Terms
from mercato_contracts import ids as id_prefix
from mercato_contracts.pricing import is_owed

Direction = Literal["credit", "charge"]
_MOST_NANOS = 10**15


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: `amounts` not negative, its `nanos` `None` where the units shall be priced.

    Either of one event, or of a subscription's days from `since` until before `until`, both in one month, UTC.
    """

    reference: str
    direction: Direction
    reason: str
    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    nanos: int | None = None
    event_id: str | None = None
    subscription_id: str | None = None
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class _Target:
    terms: Terms
    since: date
    until: date
    event: MeteredCall | None


class Adjusting:
    """Posts adjustments: operators any, vendors only credits on calls of their own services."""

    def __init__(self, session: Session, clock: Clock, ids: Ids, outbox: Outbox) -> None:
        self._session = session
        self._clock = clock
        self._ids = ids
        self._outbox = outbox
        self._rows = AdjustmentRows(session)
        self._ledger = LedgerRepository(session)
        self._terms = SubscriptionTerms(session, Catalogue(session))
        self._rollups = Rollups(session, clock)

    async def adjust(self, caller: Caller, wanted: Wanted) -> Adjustment:
        """Post it, once per `reference` of the caller's organisation; a repeat returns the same adjustment.

        Raises `AdjustmentTargetUnknown`, `ChargeNeedsOperator`, `AdjustmentPeriodMalformed`, `AdjustmentNothing`,
        `AdjustmentExceedsCharge`, `AdjustmentReferenceReused`.
        """
        is_operator = caller.may(Permission.MARKETPLACE_WRITE)
        if not is_operator:
            caller.require(Permission.BILLING_CREDIT)
        if wanted.direction == "charge" and not (is_operator and wanted.event_id is not None):
            raise ChargeNeedsOperator("Only operators may charge more, and only for one event.")
        target = await self._find(caller, wanted, is_operator=is_operator)
        await self._rows.lock(target.terms.subscription.id)
        before = await self._rows.find_reference(caller.organisation_id, wanted.reference)
        if before is not None:
            return _same(before, wanted, target)
        row = await self._draft(caller, wanted, target)
        if not await self._rows.add(row):
            raise AdjustmentReferenceReused(f"The reference {wanted.reference} is taken.", reference=wanted.reference)
        await self._post(row)
        await self._add_up(row, target.event)
        return row

    async def give_back(self, caller: Caller, event_id: str, *, reference: str, reason: str) -> Adjustment | None:
        """Credit all that the call was charged and that no adjustment has credited yet; `None` if nothing is left.

        Raises `AdjustmentTargetUnknown`, `AdjustmentReferenceReused`.
        """
        wanted = Wanted(reference, "credit", reason, event_id=event_id)
        target = await self._find(caller, wanted, is_operator=caller.may(Permission.MARKETPLACE_WRITE))
        # The lock comes before the reading: another credit of the same charge may be under way.
        await self._rows.lock(target.terms.subscription.id)
        left = _still_charged(target, await self._charged(target), await self._earlier(target))
        if left.nanos <= 0:
            return None
        units = replace(wanted, calls=left.calls, tokens_in=left.tokens_in, tokens_out=left.tokens_out)
        return await self.adjust(caller, replace(units, nanos=left.nanos))

    async def list_all(
        self, caller: Caller, *, side: Literal["consumer", "vendor", "marketplace"], after: str | None, limit: int
    ) -> list[Adjustment]:
        """Adjustments of the organisation's own calls, of its services' calls, or of all calls (operators)."""
        caller.require(Permission.MARKETPLACE_READ if side == "marketplace" else Permission.BILLING_READ)
        return await self._rows.list_all(side, caller.organisation_id, after, limit)

    async def _find(self, caller: Caller, wanted: Wanted, *, is_operator: bool) -> _Target:
        event = None if wanted.event_id is None else await find_call(self._session, wanted.event_id)
        subscription_id = wanted.subscription_id if event is None else event.subscription_id
        terms = (await self._terms.find([subscription_id])).get(subscription_id) if subscription_id else None
        is_there = terms is not None and (wanted.event_id is None or (event is not None and event.journal_id))
        if terms is None or not is_there or not (is_operator or terms.subscription.vendor_id == caller.organisation_id):
            raise AdjustmentTargetUnknown("There is no such charge that you may adjust.")
        if event is not None:
            day = event.at.astimezone(UTC).date()
            return _Target(terms, day, day + timedelta(days=1), event)
        return _Target(terms, *_days(wanted.since, wanted.until), event=None)

    async def _draft(self, caller: Caller, wanted: Wanted, target: _Target) -> Adjustment:
        subscription, plan = target.terms.subscription, target.terms.plan
        sign = -1 if wanted.direction == "credit" else 1
        charged, earlier = await self._charged(target), await self._earlier(target)
        amounts = self._amounts(wanted, target, earlier, sign)
        if amounts == Amounts():
            raise AdjustmentNothing("Neither units nor money would change.")
        if sign < 0:
            _check(target, amounts, charged, earlier)
        return Adjustment(
            id=self._ids.new(id_prefix.ADJUSTMENT),
            organisation_id=caller.organisation_id,
            posted_by=caller.actor,
            at=self._clock.now(),
            reference=wanted.reference,
            reason=wanted.reason,
            event_id=wanted.event_id,
            consumer_id=subscription.consumer_id,
            vendor_id=subscription.vendor_id,
            service_id=subscription.service_id,
            subscription_id=subscription.id,
            plan_id=plan.id,
            currency=plan.currency,
            since=target.since,
            until=target.until,
            calls=amounts.calls,
            tokens_in=amounts.tokens_in,
            tokens_out=amounts.tokens_out,
            nanos=amounts.nanos,
            fee_nanos=await self._fee(target, amounts.nanos, charged, earlier),
        )

    async def _charged(self, target: _Target) -> list[ChargedDay]:
        terms = target.terms
        return await self._rows.charged(terms.subscription, terms.plan.currency, *_month_of(target))

    async def _earlier(self, target: _Target) -> list[Adjustment]:
        return await self._rows.of_subscription(target.terms.subscription.id, *_month_of(target))

    def _amounts(self, wanted: Wanted, target: _Target, earlier: Sequence[Adjustment], sign: int) -> Amounts:
        """Signed: a credit is negative. Units without an amount of money are priced by the one pricing function."""
        units = Amounts(sign * wanted.calls, sign * wanted.tokens_in, sign * wanted.tokens_out, 0)
        if wanted.nanos is not None:
            return replace(units, nanos=sign * min(wanted.nanos, _MOST_NANOS))
        if target.event is None:
            return replace(units, nanos=sign * price_of(target.terms.plan, -units if sign < 0 else units, included=0))
        if not is_owed(target.event.status):
            return Amounts()
        before = _left_of(target.event, earlier)
        after = before + units
        if after.least_unit() < 0:
            raise AdjustmentExceedsCharge("More units than the call has left.", left=before.units())
        included = target.event.included
        nanos = price_of(target.terms.plan, after, included) - price_of(target.terms.plan, before, included)
        return replace(units, nanos=nanos)

    async def _fee(
        self, target: _Target, nanos: int, charged: Sequence[ChargedDay], earlier: Sequence[Adjustment]
    ) -> int:
        """The marketplace's share that is returned or added, in the same proportion as in the charge."""
        if target.event is not None:
            assert target.event.journal_id is not None
            rate = await self._rows.take_rate_bp(target.event.journal_id)
            before = _left_of(target.event, earlier).nanos
            return fee_of(before + nanos, rate) - fee_of(before, rate)
        within = [day for day in charged if target.since <= day.day < target.until]
        inside = [one for one in earlier if target.since <= one.since and one.until <= target.until]
        gross = sum(day.amounts.nanos for day in within) + sum(one.nanos for one in inside)
        fee = sum(day.fee_nanos for day in within) + sum(one.fee_nanos for one in inside)
        return nanos * fee // gross if gross else 0

    async def _post(self, row: Adjustment) -> None:
        sold = Sold(
            "adjustment",
            row.consumer_id,
            row.vendor_id,
            row.service_id,
            row.subscription_id,
            row.plan_id,
            row.currency,
            row.since,
        )
        sale = Sale(sold, row.calls, row.tokens_in, row.tokens_out, 0, row.nanos, row.fee_nanos)
        journal_id = self._ids.new(id_prefix.JOURNAL)
        await self._ledger.add_journal(journal_id, "adjustment", row.id, at=row.at, take_rate_bp=0)
        await self._ledger.add_postings(journal_id, [sale])
        news = ChargeAdjusted(
            by=row.posted_by,
            adjustment_id=row.id,
            consumer_id=row.consumer_id,
            vendor_id=row.vendor_id,
            nanos=row.nanos,
            currency=row.currency,
        )
        await self._outbox.add(self._session, news)

    async def _add_up(self, row: Adjustment, event: MeteredCall | None) -> None:
        """Add it to the sums of usage, beside the original charge."""
        if event is not None:
            await self._rollups.adjust_call(event, row.nanos)
            return
        of = DaysAdjusted(
            row.consumer_id, row.vendor_id, row.service_id, row.subscription_id, row.currency, day=row.since
        )
        await self._rollups.adjust_days(of, row.nanos)


class Adjusted:
    """Adjustments for other rooms."""

    def __init__(self, session: Session) -> None:
        self._rows = AdjustmentRows(session)

    async def of_events(self, event_ids: Sequence[str]) -> dict[str, list[Adjustment]]:
        """The adjustments of single events, oldest first, by event; those without any are left out."""
        found: dict[str, list[Adjustment]] = {}
        for row in await self._rows.of_events(event_ids) if event_ids else []:
            found.setdefault(row.event_id or "", []).append(row)
        return found


def _days(since: date | None, until: date | None) -> tuple[date, date]:
    if since is None or until is None or since >= until:
        raise AdjustmentPeriodMalformed("A period has a first day, and a later day before which it ends.")
    last = until - timedelta(days=1)
    if (since.year, since.month) != (last.year, last.month):
        raise AdjustmentPeriodMalformed("A period lies within one calendar month.")
    return since, until


def _month_of(target: _Target) -> tuple[date, date]:
    first = month_start(datetime(target.since.year, target.since.month, 1, tzinfo=UTC))
    return first.date(), next_month(first).date()


def _left_of(event: MeteredCall, earlier: Sequence[Adjustment]) -> Amounts:
    """The event's charge with its own adjustments."""
    left = Amounts(1, event.tokens_in, event.tokens_out, event.price_nanos)
    for one in earlier:
        if one.event_id == event.id:
            left += Amounts.of(one)
    return left


def _check(target: _Target, credit: Amounts, charged: Sequence[ChargedDay], earlier: Sequence[Adjustment]) -> None:
    if target.event is not None:
        left = _left_of(target.event, earlier)
        if (left + credit).least() < 0:
            raise AdjustmentExceedsCharge("More than the call was charged, less what was credited.", left=left.units())
    excess = _excess(target, credit, charged, earlier)
    if excess is not None:
        since, until, left = excess
        raise AdjustmentExceedsCharge(
            f"More than was charged from {since} until before {until}, less what was credited.", left=left.units()
        )


def _excess(
    target: _Target, credit: Amounts, charged: Sequence[ChargedDay], earlier: Sequence[Adjustment]
) -> tuple[date, date, Amounts] | None:
    by_day = {day.day: day.amounts for day in charged}
    given = []
    for one in earlier:
        if one.nanos > 0:
            by_day[one.since] = by_day.get(one.since, Amounts()) + Amounts.of(one)
        else:
            given.append((one.since, one.until, Amounts.of(one)))
    return find_excess(by_day, given, (target.since, target.until, credit))


def _still_charged(target: _Target, charged: Sequence[ChargedDay], earlier: Sequence[Adjustment]) -> Amounts:
    """The most that can be credited of the event: credits of whole days may have taken a part of it."""
    assert target.event is not None
    left = _left_of(target.event, earlier)
    while (excess := _excess(target, -left, charged, earlier)) is not None:
        left = left.at_most(excess[2])
    return left


def _same(before: Adjustment, wanted: Wanted, target: _Target) -> Adjustment:
    sign = -1 if wanted.direction == "credit" else 1
    same = (
        before.event_id == wanted.event_id
        and before.subscription_id == target.terms.subscription.id
        and (before.since, before.until) == (target.since, target.until)
        and before.reason == wanted.reason
        and (before.calls, before.tokens_in, before.tokens_out)
        == (sign * wanted.calls, sign * wanted.tokens_in, sign * wanted.tokens_out)
        and (wanted.nanos is None or before.nanos == sign * wanted.nanos)
    )
    if not same:
        raise AdjustmentReferenceReused(
            f"The reference {before.reference} was used for another adjustment.", reference=before.reference
        )
    return before
