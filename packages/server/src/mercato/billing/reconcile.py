"""Does the ledger say what the usage events say? Both are added up anew and compared."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from mercato.billing.refusals import PeriodMalformed
from mercato.billing.repository import LedgerRepository, SumKey
from mercato.identity import Caller, Permission
from mercato.metering import PeriodDigest, digest_period
from mercato.platform import Session


@dataclass(frozen=True, slots=True)
class Difference:
    """A day, consumer, vendor, service and currency in which events and ledger disagree."""

    key: SumKey
    event_calls: int
    posted_calls: int
    event_nanos: int
    posted_nanos: int


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The period's totals and hash from its events, and where the ledger differs; nowhere, if all is well."""

    digest: PeriodDigest
    differences: list[Difference]


class Reconciling:
    """Compares. For operators."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._rows = LedgerRepository(session)

    async def reconcile_month(self, caller: Caller, period: str) -> Reconciliation:
        """A whole month such as `2026-11`. Raises `PeriodMalformed`."""
        caller.require(Permission.MARKETPLACE_READ)
        try:
            since, until = month_days(period)
        except ValueError:
            raise PeriodMalformed(f"{period!r} is not a month such as 2026-11.") from None
        return await self.reconcile(since, until)

    async def reconcile(self, since: date, until: date) -> Reconciliation:
        """The days from `since` until before `until`, UTC."""
        begin, end = (datetime(day.year, day.month, day.day, tzinfo=UTC) for day in (since, until))
        digest = await digest_period(self._session, begin, end)
        events = await self._rows.event_sums(begin, end)
        posted = await self._rows.posted_sums(since, until)
        nothing = (0, 0)
        differences = [
            Difference(key, *_crossed(events.get(key, nothing), posted.get(key, nothing)))
            for key in sorted(events.keys() | posted.keys())
            if events.get(key, nothing) != posted.get(key, nothing)
        ]
        return Reconciliation(digest, differences)


def month_days(period: str) -> tuple[date, date]:
    """The first day of `2026-11` and of the month after; raises `ValueError` for anything else."""
    first = datetime.strptime(period, "%Y-%m").replace(tzinfo=UTC).date()
    return first, (first + timedelta(days=32)).replace(day=1)


def _crossed(event: tuple[int, int], posted: tuple[int, int]) -> tuple[int, int, int, int]:
    return event[0], posted[0], event[1], posted[1]
