"""Usage added up by the quarter hour, in the transaction that takes it: what every page and export adds up further."""

import hashlib
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from mercato.metering.events import Appraised
from mercato.metering.latency import bucket_of
from mercato.metering.models import MeteredCall
from mercato.metering.rollup_models import DIMENSIONS, MEASURES
from mercato.metering.rollup_rows import RollupRows
from mercato.metering.windows import EPOCH
from mercato.platform import Clock, Session
from mercato_contracts.dataplane import UsageEvent

QUARTER = timedelta(minutes=15)
SLOTS = 8
_MOST = 10**12
_MOST_NANOS = 10**15
"""A gateway's fault may claim any figure of a call that nobody is billed for: sums must not overflow by it."""


@dataclass(slots=True)
class QuarterTally:
    """Calls of one quarter hour that share all `dimensions`; `adjusted_nanos` is what was corrected of them later."""

    quarter: int
    dimensions: tuple[str, ...]
    calls: int = 0
    billed: int = 0
    failed: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    duration_us: int = 0
    included: int = 0
    price_nanos: int = 0
    unpaid_nanos: int = 0
    adjusted_nanos: int = 0
    latency: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DaysAdjusted:
    """Whose charges of which days were corrected, where no single call was: the day is the first."""

    consumer_id: str
    vendor_id: str
    service_id: str
    subscription_id: str
    currency: str
    day: date


class Rollups:
    """Adds to the sums, in the caller's transaction."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._rows = RollupRows(session)
        self._clock = clock

    async def add(self, calls: Iterable[Appraised], gateway: str) -> None:
        """Count these calls, one statement for all. Their rows stay locked until the transaction ends."""
        tallies = tally(calls)
        if tallies:
            await self._rows.add([_row(one, zlib.crc32(gateway.encode()) % SLOTS) for one in tallies])
            await self._touch({_day(one.quarter) for one in tallies})

    async def adjust_call(self, call: MeteredCall, nanos: int) -> None:
        """What was charged for this call changes by `nanos`."""
        quarter = int(call.id[-32:-20], 16) // 900_000
        one = QuarterTally(quarter, _dimensions(call), adjusted_nanos=nanos)
        await self._rows.add([_row(one, 0)])
        await self._touch({_day(quarter)})

    async def adjust_days(self, of: DaysAdjusted, nanos: int) -> None:
        """What was charged on these days changes by `nanos`: it stands at the first one's midnight."""
        quarter = int(datetime(of.day.year, of.day.month, of.day.day, tzinfo=UTC).timestamp()) // 900
        parties = of.consumer_id, of.vendor_id, of.service_id
        one = QuarterTally(quarter, (*parties, "", "", "", of.subscription_id, "0", "", of.currency))
        one.adjusted_nanos = nanos
        await self._rows.add([_row(one, 0)])
        await self._touch({of.day})

    async def _touch(self, days: set[date]) -> None:
        """Days that may have been added up already are named, so that they are added up again."""
        today = self._clock.now().astimezone(UTC).date()
        await self._rows.touch(sorted(day for day in days if day < today))


async def billed_sums(
    session: Session, begin: datetime, end: datetime
) -> dict[tuple[str, str, str, str], tuple[int, int]]:
    """What the sums say of [`begin`, `end`): calls that stand in the ledger and their price, by consumer, vendor,
    service and currency."""
    return await RollupRows(session).billed_sums(begin, end)


async def remake_days(session: Session, days: Sequence[date]) -> None:
    """The rows of these days are not held to be true until the worker has made them anew."""
    await RollupRows(session).touch(days)


async def month_usage(
    session: Session, consumer_id: str, service_id: str, begin: datetime, end: datetime
) -> tuple[int, int, int]:
    """Calls that stand in the ledger and did not fail, and their tokens in and out."""
    return await RollupRows(session).owed_sums(consumer_id, service_id, begin, end)


def tally(calls: Iterable[Appraised]) -> list[QuarterTally]:
    """The sums of these calls. Runs for every call: the quarter is a number made from the id's own milliseconds."""
    found: dict[tuple[object, ...], QuarterTally] = {}
    for call in calls:
        event = call.event
        quarter = int(event.id[-32:-20], 16) // 900_000
        key = (
            quarter, event.key_id, event.subscription_id, event.operation, event.status // 100, event.service_id,
            event.release_id, event.consumer_id, event.vendor_id, event.protocol, event.currency,
        )  # fmt: skip
        one = found.get(key)
        if one is None:
            one = found[key] = QuarterTally(quarter, _dimensions(event))
        _count(one, call)
    return list(found.values())


def _count(one: QuarterTally, call: Appraised) -> None:
    event = call.event
    one.calls += 1
    one.billed += call.billable
    one.failed += event.status >= 500
    one.tokens_in += min(event.tokens_in, _MOST)
    one.tokens_out += min(event.tokens_out, _MOST)
    one.tokens_cached += min(event.tokens_cached, _MOST)
    one.bytes_in += min(event.bytes_in, _MOST)
    one.bytes_out += min(event.bytes_out, _MOST)
    one.duration_us += min(event.duration_us, _MOST)
    one.included += event.included
    one.price_nanos += event.price_nanos
    one.unpaid_nanos += min(event.unpaid_nanos, _MOST_NANOS)
    bucket = bucket_of(event.duration_us)
    one.latency[bucket] = one.latency.get(bucket, 0) + 1


def _dimensions(of: MeteredCall | UsageEvent) -> tuple[str, ...]:
    """In the order of `DIMENSIONS`, as text."""
    return (
        of.consumer_id, of.vendor_id, of.service_id, of.release_id, of.operation, of.key_id, of.subscription_id,
        str(of.status // 100), of.protocol, of.currency,
    )  # fmt: skip


def shape_of(dimensions: Sequence[str]) -> UUID:
    """What names a combination of dimensions."""
    return UUID(hashlib.md5("\x1f".join(dimensions).encode(), usedforsecurity=False).hexdigest())


def _day(quarter: int) -> date:
    return (EPOCH + quarter * QUARTER).date()


def _row(one: QuarterTally, slot: int) -> dict[str, Any]:
    buckets = sorted(one.latency)
    return {
        **dict(zip(DIMENSIONS, one.dimensions, strict=True)),
        **{name: getattr(one, name) for name in MEASURES},
        "start": (EPOCH + one.quarter * QUARTER).isoformat(),
        "slot": slot,
        "shape": str(shape_of(one.dimensions)),
        "latency_at": buckets,
        "latency_n": [one.latency[bucket] for bucket in buckets],
    }
