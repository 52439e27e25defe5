"""Recomputes a period from its usage events and adjustments, and checks everything that must agree with them.

Every event is priced again by the one pricing function and compared with its own price; its journal, the ledger's sums,
invoices, payouts, adjustments and quota counters are compared in turn. Disagreements are listed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from mercato.billing.amounts import price_of_call
from mercato.billing.reconcile_rows import ReconcileRows
from mercato.billing.refusals import PeriodMalformed
from mercato.billing.repository import LedgerRepository
from mercato.identity import Caller, Permission
from mercato.metering import PeriodDigest, PeriodUsage, SumKey, billed_sums, digest_period
from mercato.platform import Session
from mercato.publishing import Catalogue, Plan

_LONGEST_ASKED = timedelta(days=31)
_MOST = 100
"""The most disagreements listed per kind and day; the first already shows that something is wrong."""
_DAY = timedelta(days=1)
_NOTHING = (0, 0)


@dataclass(frozen=True, slots=True)
class Difference:
    """A day, consumer, vendor, service and currency in which events and ledger disagree."""

    key: SumKey
    event_calls: int
    posted_calls: int
    event_nanos: int
    posted_nanos: int


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One disagreement.

    `kind`: `event_price` (its price differs when computed again), `event_plan` (its plan is unknown), `rollup` (events
    and the sums that pages show), `journal` (events and postings of one batch differ), `unbalanced`, `document` (an
    invoice or payout), `adjustment`, `counter`.
    """

    kind: str
    id: str
    expected: int
    found: int
    detail: str


@dataclass(slots=True)
class Recounted:
    """Calls, tokens and money of one consumer, vendor, service and currency, priced anew; `adjusted` is beside it."""

    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    nanos: int = 0
    adjusted_nanos: int = 0


Progress = Callable[[date, int], None]
"""Called with a day and how many more of its events were priced."""


def _silent(day: date, events: int) -> None:
    """Ignores progress."""


PartyKey = tuple[str, str, str, str]
"""Consumer, vendor, service, currency."""


@dataclass(slots=True)
class Reconciliation:
    """The period's totals and digest from its events, and all disagreements; none if all is well."""

    digest: PeriodDigest
    differences: list[Difference] = field(default_factory=list)
    disagreements: list[Disagreement] = field(default_factory=list)
    totals: dict[PartyKey, Recounted] = field(default_factory=dict)

    @property
    def agrees(self) -> bool:
        return not self.differences and not self.disagreements


class Reconciling:
    """Compares. For operators."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._ledger = LedgerRepository(session)
        self._rows = ReconcileRows(session)
        self._usage = PeriodUsage(session)
        self._catalogue = Catalogue(session)
        self._plans: dict[str, Plan | None] = {}

    async def reconcile_month(self, caller: Caller, period: str) -> Reconciliation:
        """A whole month such as `2026-11`. Raises `PeriodMalformed`."""
        caller.require(Permission.MARKETPLACE_READ)
        try:
            since, until = month_days(period)
        except ValueError:
            raise PeriodMalformed(f"{period!r} is not a month such as 2026-11.") from None
        return await self.reconcile(since, until)

    async def reconcile_days(self, caller: Caller, since: date, until: date) -> Reconciliation:
        """The days from `since` until before `until`, at most 31. Raises `PeriodMalformed`."""
        caller.require(Permission.MARKETPLACE_READ)
        if not timedelta(0) < until - since <= _LONGEST_ASKED:
            raise PeriodMalformed("Give a first day and a later one before which the period ends, at most 31 days on.")
        return await self.reconcile(since, until)

    async def reconcile(self, since: date, until: date, progress: Progress = _silent) -> Reconciliation:
        """The days from `since` until before `until`, UTC, a day at a time; `progress` hears of each page of events."""
        found = Reconciliation(await digest_period(self._session, _midnight(since), _midnight(until)))
        day = since
        while day < until:
            await self._reconcile_day(found, day, progress)
            day += _DAY
        for row in await self._rows.adjusted(since, until):
            found.totals.setdefault((row[0], row[1], row[2], row[3]), Recounted()).adjusted_nanos = int(row[4])
        await self._check_documents(found, since, until)
        await self._check_counters(found, since, until)
        return found

    async def _reconcile_day(self, found: Reconciliation, day: date, progress: Progress) -> None:
        begin, end = _midnight(day), _midnight(day + _DAY)
        async for page in self._usage.events(begin, end):
            await self._learn_plans({row.plan_id for row in page if row.plan_id not in self._plans})
            for row in page:
                self._recount(found, row)
            progress(day, len(page))
        found.differences += _differences(await self._usage.sums(begin, end), await self._posted_sums(day, day + _DAY))
        found.disagreements += await self._compare_sums(begin, end)
        await self._check_journals(found, day, begin, end)
        for journal, off in await self._rows.unbalanced(day, day + _DAY, _MOST):
            found.disagreements.append(Disagreement("unbalanced", journal, 0, int(off), f"its postings of {day}"))
        for one in await self._rows.adjustments(day, day + _DAY):
            if (one[1], one[3]) != (int(one[2]), int(one[4])):
                found.disagreements.append(
                    Disagreement("adjustment", one[0], one[1], int(one[2]), f"fee {one[3]}, posted {one[4]}")
                )

    async def _posted_sums(self, since: date, until: date) -> dict[SumKey, tuple[int, int]]:
        posted = await self._ledger.posted_sums(since, until)
        services = await self._catalogue.find_services({service for _, _, service, _ in posted})
        vendors = {service.id: service.vendor_id for service in services}
        return {
            (day, consumer, vendors[service], service, currency): amounts
            for (day, consumer, service, currency), amounts in posted.items()
            if service in vendors
        }

    async def _check_journals(self, found: Reconciliation, day: date, begin: datetime, end: datetime) -> None:
        events = await self._usage.journals(begin, end)
        posted = await self._rows.journals(day, day + _DAY)
        differ = [
            journal for journal in events.keys() | posted.keys()
            if events.get(journal, _NOTHING) != posted.get(journal, _NOTHING)
        ]  # fmt: skip
        for journal in sorted(differ)[:_MOST]:
            (calls, nanos), (posted_calls, posted_nanos) = events.get(journal, _NOTHING), posted.get(journal, _NOTHING)
            text = f"{calls} calls in the events of {day}, {posted_calls} in its postings"
            found.disagreements.append(Disagreement("journal", journal, nanos, posted_nanos, text))

    async def _compare_sums(self, begin: datetime, end: datetime) -> list[Disagreement]:
        """The sums of usage by the quarter hour beside the events."""
        sums = await billed_sums(self._session, begin, end)
        events = {key[1:]: counted for key, counted in (await self._usage.sums(begin, end)).items()}
        return [
            Disagreement(
                "rollup", " ".join(key), events.get(key, _NOTHING)[1], sums.get(key, _NOTHING)[1],
                f"{begin:%Y-%m-%d}: {events.get(key, _NOTHING)[0]} calls in the events,"
                f" {sums.get(key, _NOTHING)[0]} in the sums",
            )
            for key in sorted(sums.keys() | events.keys())
            if sums.get(key, _NOTHING) != events.get(key, _NOTHING)
        ][:_MOST]  # fmt: skip

    def _recount(self, found: Reconciliation, row: Any) -> None:
        # One row of `PeriodUsage.events`, unpacked once: this runs for every call of the period.
        _, event_id, consumer, vendor, service, currency, plan_id, journal, status, included, into, out, price = row
        plan = self._plans[plan_id]
        if plan is None and journal is not None:
            found.disagreements.append(Disagreement("event_plan", event_id, 0, price, f"no plan {plan_id}"))
        if journal is None or plan is None:
            own = 0
        else:
            own = price_of_call(plan, status=status, included=included, tokens_in=into, tokens_out=out)
        if own != price and len(found.disagreements) < _MOST * 10:
            found.disagreements.append(Disagreement("event_price", event_id, own, price, "priced anew"))
        total = found.totals.setdefault((consumer, vendor, service, currency), Recounted())
        total.calls += 1
        total.tokens_in += into
        total.tokens_out += out
        total.nanos += own

    async def _learn_plans(self, plan_ids: set[str]) -> None:
        if plan_ids:
            known = {plan.id: plan for plan in await self._catalogue.find_plans(plan_ids)}
            self._plans |= {plan_id: known.get(plan_id) for plan_id in plan_ids}

    async def _check_documents(self, found: Reconciliation, since: date, until: date) -> None:
        months, month = [], since.replace(day=1)
        while month < until:
            months.append(f"{month:%Y-%m}")
            month = (month + timedelta(days=32)).replace(day=1)
        for document, total, lines, posted in await self._rows.documents(months, _MOST):
            text = f"its lines sum to {int(lines)}"
            found.disagreements.append(Disagreement("document", document, int(posted), int(total), text))

    async def _check_counters(self, found: Reconciliation, since: date, until: date) -> None:
        for odd in await self._usage.odd_counters(_midnight(since), _midnight(until), _MOST):
            text = f"since {odd.start:%Y-%m-%d}; the events say {odd.least} to {odd.most}"
            expected = odd.most if odd.used > odd.most else odd.least
            found.disagreements.append(Disagreement("counter", odd.scope, expected, odd.used, text))


def _differences(
    events: Mapping[SumKey, tuple[int, int]], posted: Mapping[SumKey, tuple[int, int]]
) -> list[Difference]:
    return [
        Difference(key, *_crossed(events.get(key, _NOTHING), posted.get(key, _NOTHING)))
        for key in sorted(events.keys() | posted.keys())
        if events.get(key, _NOTHING) != posted.get(key, _NOTHING)
    ]


def month_days(period: str) -> tuple[date, date]:
    """The first day of `2026-11` and of the month after; raises `ValueError` for anything else."""
    first = datetime.strptime(period, "%Y-%m").replace(tzinfo=UTC).date()
    return first, (first + timedelta(days=32)).replace(day=1)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _crossed(event: tuple[int, int], posted: tuple[int, int]) -> tuple[int, int, int, int]:
    return event[0], posted[0], event[1], posted[1]
