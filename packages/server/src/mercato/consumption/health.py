"""Health of services: calls, failures and latencies by minute and hour, written with the usage that they come from.

Only the vendor's own faults count against it: a 5xx response, none in time, no connection (the gateway's 504 and 502),
or a response that broke off. A caller's mistakes (4xx), a client that left, a stream that a limit ended and our own
refusals do not count; the last are not even usage events.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from mercato.consumption.health_rows import HealthRows, Tally
from mercato.metering import BUCKETS, EPOCH, Appraised, bucket_of, quantile_us
from mercato.platform import Session
from mercato_contracts.dataplane import UsageEvent

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
MINUTES_KEPT = timedelta(days=2)
HOURS_KEPT = timedelta(days=100)
_CLIENT_LEFT = 499


@dataclass(frozen=True, slots=True)
class Health:
    """Counts of some calls. `latency` has the buckets of `latency.BOUNDS_US` for answers without an error.

    Latency is the vendor's own: without the time spent in the gateway; of a stream, until its first byte.
    """

    calls: int = 0
    failed: int = 0
    latency: list[int] = field(default_factory=lambda: [0] * BUCKETS)

    @property
    def error_rate_bp(self) -> int:
        """Failed calls in ten thousand, rounded up; 0 without a call."""
        return -(-self.failed * 10_000 // self.calls) if self.calls else 0

    @property
    def availability_bp(self) -> int | None:
        """Calls that did not fail, in ten thousand, rounded down; `None` without a call."""
        return (self.calls - self.failed) * 10_000 // self.calls if self.calls else None

    @property
    def p95_us(self) -> int | None:
        """The latency that 95 of 100 answers did not pass, in microseconds; `None` without an answer."""
        return quantile_us(self.latency, 9_500)


def is_vendors_fault(event: UsageEvent) -> bool:
    """Whether this call counts against the service's availability."""
    broke_off = event.source == "partial" and not event.client_left and event.ended_by is None
    return event.status >= 500 or broke_off


def latency_us(event: UsageEvent) -> int:
    """The vendor's time in microseconds: to the first byte of a stream, to the last byte of any other answer."""
    took = event.first_byte_us if event.streamed else event.duration_us
    return max(0, took - event.overhead_us)


class ServiceHealthBook:
    """Writes and reads services' health, in the caller's transaction."""

    def __init__(self, session: Session) -> None:
        self._rows = HealthRows(session)

    async def add(self, calls: Iterable[Appraised]) -> None:
        """Count these calls. The rows stay locked until the transaction ends: call it last."""
        minutes: dict[tuple[str, str, int], Tally] = {}
        for call in calls:
            if call.billable and not (call.event.client_left and call.event.status == _CLIENT_LEFT):
                _count(minutes, call.event)
        if minutes:
            await self._rows.add([*minutes.values(), *_hours(minutes.values())])

    async def of_service(self, service_id: str, since: datetime, until: datetime) -> Health:
        """Calls that began in [`since`, `until`), widened to whole minutes; for more than a day, from a whole hour."""
        return whole((await self.of_releases(service_id, since, until)).values())

    async def of_releases(self, service_id: str, since: datetime, until: datetime) -> dict[str, Health]:
        """The same by release; those without a call are left out."""
        return (await self.of_services([service_id], since, until)).get(service_id, {})

    async def of_services(
        self, service_ids: Collection[str], since: datetime, until: datetime
    ) -> dict[str, dict[str, Health]]:
        """By service and release."""
        begin = floor_to(since, MINUTE if until - since <= timedelta(days=1) else HOUR)
        end = floor_to(until, MINUTE)
        end = end if end == until else end + MINUTE
        first_hour, last_hour = floor_to(begin - timedelta(microseconds=1), HOUR) + HOUR, floor_to(end, HOUR)
        if first_hour >= last_hour:
            spans = [(60, begin, end)]
        else:
            spans = [(60, begin, first_hour), (3600, first_hour, last_hour), (60, last_hour, end)]
        found: dict[str, dict[str, Health]] = {}
        for row in await self._rows.sums(service_ids, spans):
            found.setdefault(row.service_id, {})[row.release_id] = Health(row.calls, row.failed, row.latency)
        return found

    async def by_day(self, service_id: str, since: datetime) -> dict[date, Health]:
        """Calls and failures by day, UTC, from `since`, without latencies; days without a call are left out."""
        return {row[0]: Health(row[1], row[2]) for row in await self._rows.days(service_id, since)}

    async def called_since(self, since: datetime) -> list[str]:
        """Services with a call in an hour that began since, in the order of their ids."""
        return await self._rows.called_since(since)

    async def forget(self, now: datetime) -> int:
        """Delete minutes older than two days and hours older than a hundred; returns how many rows went."""
        return await self._rows.forget(60, now - MINUTES_KEPT) + await self._rows.forget(3600, now - HOURS_KEPT)


def floor_to(at: datetime, span: timedelta) -> datetime:
    """The start of the minute or hour that `at` lies in, UTC."""
    moment = at.astimezone(UTC).replace(second=0, microsecond=0)
    return moment if span == MINUTE else moment.replace(minute=0)


def _count(minutes: dict[tuple[str, str, int], Tally], event: UsageEvent) -> None:
    """Runs for every call: the minute is computed from the id's milliseconds, and made a date once per row."""
    number = int(event.id[-32:-20], 16) // 60_000
    key = (event.service_id, event.release_id, number)
    tally = minutes.get(key)
    if tally is None:
        start = EPOCH + number * MINUTE
        tally = minutes[key] = Tally(event.service_id, event.release_id, 60, start, 0, 0, [0] * BUCKETS)
    tally.calls += 1
    if is_vendors_fault(event):
        tally.failed += 1
    elif event.status < 400:
        tally.latency[bucket_of(latency_us(event))] += 1


def _hours(minutes: Iterable[Tally]) -> list[Tally]:
    hours: dict[tuple[str, str, datetime], Tally] = {}
    for part in minutes:
        start = part.start.replace(minute=0)
        key = (part.service_id, part.release_id, start)
        tally = hours.get(key)
        if tally is None:
            hours[key] = Tally(
                part.service_id, part.release_id, 3600, start, part.calls, part.failed, list(part.latency)
            )
            continue
        tally.calls += part.calls
        tally.failed += part.failed
        tally.latency = [one + other for one, other in zip(tally.latency, part.latency, strict=True)]
    return list(hours.values())


def whole(parts: Iterable[Health]) -> Health:
    """All of it as one."""
    sums = Health()
    for part in parts:
        sums = Health(
            sums.calls + part.calls,
            sums.failed + part.failed,
            [one + other for one, other in zip(sums.latency, part.latency, strict=True)],
        )
    return sums
