"""Compares, for each day, the sums of usage, the usage events and the ledger, and keeps the result."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from mercato.billing.agreement_models import UsageAgreement
from mercato.billing.agreement_rows import AgreementRows
from mercato.identity import Caller, Permission
from mercato.metering import OddLevel, PartyKey, PartySums, Side, Sums, WindowCheck, remake_days
from mercato.platform import Clock, Question, Session
from mercato.publishing import Catalogue

_DAYS_AT_ONCE = 2
_NAMED = 100
_NOTHING = (0, 0)


@dataclass(frozen=True, slots=True)
class Agreement:
    """A day as the caller may see it: `figures` are everybody's, for operators; `differences` are its own."""

    day: date
    checked_at: datetime
    agrees: bool
    figures: UsageAgreement | None
    differences: list[dict[str, Any]]


class Agreements:
    """Compares in the worker, and shows the results."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._rows = AgreementRows(session)
        self._usage = PartySums(session)
        self._catalogue = Catalogue(session)
        self._days = WindowCheck(session)
        self._session = session
        self._clock = clock

    async def check_due(self) -> int:
        """Compare the newest days that were summed since their last comparison, a few at a time.

        Must come first in a transaction, to read everything as of one moment. Returns how many days disagree.
        """
        await self._rows.hold_still()
        disagreeing = 0
        for day in await self._rows.due_days(_DAYS_AT_ONCE):
            found = await self.check(day)
            await self._note_odd_days(day, found)
            await self._rows.put(found)
            disagreeing += found.differing > 0
        return disagreeing

    async def check(self, day: date) -> UsageAgreement:
        """Compare one day, UTC."""
        begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
        end = begin + timedelta(days=1)
        events = await self._of_events(begin, end)
        quarters = await self._usage.of_quarters(begin, end)
        posted = await self._of_postings(day, end.date())
        differing = [
            key
            for key in sorted(events.keys() | quarters.keys() | posted.keys())
            if len({part.get(key, _NOTHING) for part in (events, quarters, posted)}) > 1
        ]
        return UsageAgreement(
            day=day,
            checked_at=self._clock.now(),
            event_calls=_calls(events),
            rollup_calls=_calls(quarters),
            posted_calls=_calls(posted),
            differing=len(differing),
            event_nanos=_nanos(events),
            rollup_nanos=_nanos(quarters),
            posted_nanos=_nanos(posted),
            differences=[_difference(key, events, quarters, posted) for key in differing[:_NAMED]],
        )

    async def _of_events(self, begin: datetime, end: datetime) -> Sums:
        """Of the usage events and the adjustments themselves."""
        found = await self._usage.of_events(begin, end)
        for key, nanos in (await self._rows.of_adjustments(begin.date(), end.date())).items():
            calls, before = found.get(key, _NOTHING)
            found[key] = calls, before + nanos
        return found

    async def _of_postings(self, since: date, until: date) -> Sums:
        """Of what consumers were charged for usage, and its corrections."""
        posted = await self._rows.of_postings(since, until)
        services = await self._catalogue.find_services({service_id for _, service_id, _ in posted})
        vendors = {service.id: service.vendor_id for service in services}
        return {
            (consumer, vendors[service_id], service_id, currency): charged
            for (consumer, service_id, currency), charged in posted.items()
            if service_id in vendors
        }

    async def newest(self) -> UsageAgreement | None:
        """The day that was compared last, for the marketplace's own health."""
        return await self._rows.newest()

    async def _note_odd_days(self, day: date, found: UsageAgreement) -> None:
        """Report days whose rows do not add up to their quarter hours, without an organisation, and recompute them."""
        odd = await self._days.odd(day)
        if odd:
            await remake_days(self._session, [day])
            found.differing += len(odd)
            found.differences = [*found.differences, *(_odd_difference(one) for one in odd)][:_NAMED]

    async def page(self, caller: Caller, *, side: Side, before: date | None, limit: int) -> list[Agreement]:
        """The newest day first. An organisation sees whether its own figures agree, operators everybody's."""
        caller.require(Permission.MARKETPLACE_READ if side == "marketplace" else Permission.BILLING_READ)
        return [_seen(row, side, caller.organisation_id) for row in await self._rows.page(before, limit)]

    def last_day_question(self, caller: Caller) -> Question[UsageAgreement]:
        """The newest day, for operators, to be asked together with other things."""
        caller.require(Permission.MARKETPLACE_READ)
        return self._rows.last_day_question()


def _seen(row: UsageAgreement, side: Side, organisation_id: str) -> Agreement:
    if side == "marketplace":
        return Agreement(row.day, row.checked_at, row.differing == 0, row, row.differences)
    own = [one for one in row.differences if one[f"{side}_id"] == organisation_id]
    # Differences beyond the listed ones might be anybody's.
    return Agreement(row.day, row.checked_at, not own and row.differing <= _NAMED, None, own)


def _calls(sums: Sums) -> int:
    return sum(calls for calls, _ in sums.values())


def _nanos(sums: Sums) -> dict[str, int]:
    found: dict[str, int] = {}
    for key, (_, nanos) in sums.items():
        found[key[3]] = found.get(key[3], 0) + nanos
    return found


def _difference(key: PartyKey, events: Sums, quarters: Sums, posted: Sums) -> dict[str, Any]:
    names: Collection[str] = ("consumer_id", "vendor_id", "service_id", "currency")
    found: dict[str, Any] = dict(zip(names, key, strict=True))
    for name, sums in (("event", events), ("rollup", quarters), ("posted", posted)):
        found[f"{name}_calls"], found[f"{name}_nanos"] = sums.get(key, _NOTHING)
    return found


def _odd_difference(odd: OddLevel) -> dict[str, Any]:
    """Here the daily rows are the rollup; the quarter hours stand for the other two."""
    found: dict[str, Any] = {"consumer_id": "", "vendor_id": "", "service_id": "", "currency": odd.currency}
    return found | {
        "event_calls": odd.quarter_calls, "event_nanos": odd.quarter_nanos, "rollup_calls": odd.calls,
        "rollup_nanos": odd.nanos, "posted_calls": odd.quarter_calls, "posted_nanos": odd.quarter_nanos,
    }  # fmt: skip
