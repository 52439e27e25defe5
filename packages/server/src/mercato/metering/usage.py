"""What was used: by whom, of what, on which day. Consumers see their calls, vendors the calls of their services."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from mercato.identity import Caller, Permission, newest_keys
from mercato.metering.events import event_time, is_event_id
from mercato.metering.models import MeteredCall, UsageDispute
from mercato.metering.refusals import GroupRefused, PeriodRefused
from mercato.metering.repository import UsageFilter, UsageRepository, UsageSum
from mercato.platform import Malformed, Session

Side = Literal["consumer", "vendor", "marketplace"]
Group = Literal["service", "day", "key", "subscription", "consumer", "vendor"]

_LONGEST = timedelta(days=400)
# A vendor does not learn the keys of those who call.
_GROUPS: dict[Side, tuple[Group, ...]] = {
    "consumer": ("service", "day", "key", "subscription", "vendor"),
    "vendor": ("service", "day", "subscription", "consumer"),
    "marketplace": ("service", "day", "subscription", "consumer", "vendor"),
}


@dataclass(frozen=True, slots=True)
class UsageSummary:
    """Sums by group and the totals of the same calls, one for each currency."""

    items: list[UsageSum]
    totals: list[UsageSum]


class Usage:
    """Questions about usage. Each is scoped by `side`: what the caller's organisation is in these calls."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._rows = UsageRepository(session)

    async def summarise(
        self,
        caller: Caller,
        *,
        side: Side,
        group: Group,
        since: datetime,
        until: datetime,
        service_id: str | None = None,
    ) -> UsageSummary:
        """Sums of the period [`since`, `until`). Raises `GroupRefused`, `PeriodRefused`."""
        wanted = _scope(caller, side, since, until, service_id=service_id)
        if group not in _GROUPS[side]:
            raise GroupRefused(f"The {side}'s usage is not grouped by {group}.", groups=list(_GROUPS[side]))
        items = await self._rows.sum_usage(wanted, group)
        if group == "key":
            items = await self._by_lineage(items)
        return UsageSummary(items, await self._rows.sum_usage(wanted, None))

    async def _by_lineage(self, items: Sequence[UsageSum]) -> list[UsageSum]:
        """What a key used and what the keys used that it was rotated from is one sum, under the newest key."""
        newest = await newest_keys(self._session, {item.group for item in items})
        sums: dict[tuple[str, str], UsageSum] = {}
        for item in items:
            key = newest.get(item.group, item.group), item.currency
            sums[key] = sums[key].plus(item) if key in sums else replace(item, group=key[0])
        return sorted(sums.values(), key=lambda item: (item.group, item.currency))

    async def list_events(
        self,
        caller: Caller,
        *,
        side: Side,
        since: datetime,
        until: datetime,
        after: str | None = None,
        limit: int = 50,
        request_id: str | None = None,
        service_id: str | None = None,
    ) -> list[MeteredCall]:
        """Single calls in the order of their times, after the one with the id `after`."""
        wanted = _scope(caller, side, since, until, service_id=service_id, request_id=request_id)
        if after is not None and not is_event_id(after):
            raise Malformed("`after` is no id of a usage event.")
        place = None if after is None else (event_time(after), after)
        return await self._rows.list_events(wanted, place, limit)

    async def list_disputes(self, caller: Caller, *, after: str | None, limit: int) -> list[UsageDispute]:
        """Events on which a gateway and the control plane disagreed. For operators."""
        caller.require(Permission.MARKETPLACE_READ)
        return await self._rows.list_disputes(after, limit)


async def find_call(session: Session, event_id: str) -> MeteredCall | None:
    """The event of this id, whoever's it is: for rooms that act for the marketplace."""
    return await UsageRepository(session).find_event(event_id, event_time(event_id)) if is_event_id(event_id) else None


@dataclass(frozen=True, slots=True)
class ReleaseCalls:
    """What was metered of one release; `p95_us` is the time to the first byte in microseconds, none of no call."""

    calls: int
    failed: int
    p95_us: int | None


async def calls_of_release(
    session: Session, *, vendor_id: str, service_id: str, release_id: str, since: datetime, until: datetime
) -> ReleaseCalls:
    """Calls of [`since`, `until`); failed are those that were answered with 500 and above, or not at all."""
    wanted = UsageFilter(since, until, vendor_id=vendor_id, service_id=service_id)
    return ReleaseCalls(*await UsageRepository(session).sum_release(wanted, release_id))


def _scope(
    caller: Caller,
    side: Side,
    since: datetime,
    until: datetime,
    *,
    service_id: str | None = None,
    request_id: str | None = None,
) -> UsageFilter:
    caller.require(Permission.MARKETPLACE_READ if side == "marketplace" else Permission.USAGE_READ)
    if since.tzinfo is None or until.tzinfo is None:
        raise Malformed("Times carry their offset, such as 2026-11-01T00:00:00Z.")
    if not timedelta(0) < until - since <= _LONGEST:
        raise PeriodRefused("The period ends before it begins, or is longer than 400 days.")
    return UsageFilter(
        since,
        until,
        consumer_id=caller.organisation_id if side == "consumer" else None,
        vendor_id=caller.organisation_id if side == "vendor" else None,
        service_id=service_id,
        request_id=request_id,
    )
