"""Looks at each hour that is over, and tells of what is unusual: of a consumer, of a service, of everything."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta

from mercato.identity import Caller, Permission
from mercato.metering.news import UsageAnomalyFound, UsageCalledNormal
from mercato.metering.refusals import AnomalyNotFound
from mercato.metering.unusual import FLOORS, WEEKS, Unusual, judge, sentence
from mercato.metering.unusual_models import UsageAnomaly
from mercato.metering.unusual_rows import UnusualRows
from mercato.metering.usage import Side
from mercato.platform import Clock, Ids, Outbox, Session
from mercato_contracts import ids as id_prefix

_BY = "usage-watch"
_HOUR, _WEEK = timedelta(hours=1), timedelta(days=7)
_SETTLED = timedelta(minutes=10)
"""So long gateways may take to ship what they metered."""
_WINDOWS = 2
_NORMAL_FOR = timedelta(days=90)
_AS_MUCH_AGAIN = 1.25

_Scope = tuple[str, str, str]
"""Kind, id, and whose it is."""
_Hours = dict[_Scope, dict[str, list[int]]]
"""By scope and metric: the sums of each span."""


class WatchUsage:
    """In the worker, each hour once, whatever the number of workers."""

    def __init__(self, session: Session, clock: Clock, ids: Ids, outbox: Outbox) -> None:
        self._session = session
        self._rows = UnusualRows(session)
        self._clock = clock
        self._ids = ids
        self._outbox = outbox

    async def watch(self) -> int:
        """How many scopes had an unusual hour that was reported."""
        now = self._clock.now().astimezone(UTC)
        end = (now - _SETTLED).replace(minute=0, second=0, microsecond=0)
        if not await self._rows.claim(end - _HOUR, now):
            return 0
        hours = _fold(await self._rows.hours(_spans(end)))
        return sum([await self._look(scope, by_metric, end, now) for scope, by_metric in sorted(hours.items())])

    async def _look(self, scope: _Scope, by_metric: dict[str, list[int]], end: datetime, now: datetime) -> bool:
        for metric in FLOORS:
            if judge(metric, _windows(by_metric[metric], WEEKS)) is None:
                continue
            # Weeks before its first call say nothing of it.
            first = await self._rows.first_seen(*scope)
            weeks = 0 if first is None else min(WEEKS, (end - first) // _WEEK)
            found = judge(metric, _windows(by_metric[metric], weeks))
            if found is not None and not await self._is_normal(scope, metric, found, now):
                return await self._tell(scope, metric, found, end - _HOUR, now)
        return False

    async def _is_normal(self, scope: _Scope, metric: str, found: Unusual, now: datetime) -> bool:
        known = await self._rows.normal(scope[0], scope[1], metric, found.kind, now - _NORMAL_FOR)
        if found.kind == "more":
            return any(found.value <= value * _AS_MUCH_AGAIN for value in known)
        return any(found.value * _AS_MUCH_AGAIN >= value for value in known)

    async def _tell(self, scope: _Scope, metric: str, found: Unusual, hour: datetime, now: datetime) -> bool:
        kind, scope_id, owner = scope
        row = UsageAnomaly(
            id=self._ids.new(id_prefix.USAGE_ANOMALY), scope=kind, scope_id=scope_id, organisation_id=owner,
            day=hour.date(), hour=hour, metric=metric, kind=found.kind, value=found.value, usual=found.usual,
            weeks=found.weeks, score_percent=round(found.score * 100), found_at=now, normal_since=None, normal_by=None,
            sentence=sentence(metric, found, hour.strftime("%Y-%m-%d %H:%M")),
        )  # fmt: skip
        if not await self._rows.add(row):
            return False
        await self._outbox.add(self._session, UsageAnomalyFound(by=_BY, anomaly_id=row.id, organisation_id=owner))
        return True


_MAY_CALL_NORMAL = (Permission.SUBSCRIPTIONS_WRITE, Permission.SERVICES_PUBLISH, Permission.MARKETPLACE_WRITE)


class Anomalies:
    """What people see of it, and what they say to it."""

    def __init__(self, session: Session, clock: Clock, outbox: Outbox) -> None:
        self._session = session
        self._rows = UnusualRows(session)
        self._clock = clock
        self._outbox = outbox

    async def page(self, caller: Caller, *, side: Side, before: str | None, limit: int) -> list[UsageAnomaly]:
        """The newest first: of the caller's own calls, of its services, or everybody's."""
        caller.require(Permission.MARKETPLACE_READ if side == "marketplace" else Permission.USAGE_READ)
        if side == "marketplace":
            return await self._rows.page(None, None, before, limit)
        return await self._rows.page(
            caller.organisation_id, "consumer" if side == "consumer" else "service", before, limit
        )

    async def call_normal(self, caller: Caller, anomaly_id: str) -> UsageAnomaly:
        """As much again is no news for 90 days. The same again changes nothing. Raises `AnomalyNotFound`."""
        # Who may do it for no scope at all does not learn whether the hour is there.
        if not any(caller.may(permission) for permission in _MAY_CALL_NORMAL):
            caller.require(Permission.SUBSCRIPTIONS_WRITE)
        row = await self._rows.find(anomaly_id)
        is_own = row is not None and row.organisation_id == caller.organisation_id
        if row is None or not (is_own or caller.may(Permission.MARKETPLACE_READ)):
            raise AnomalyNotFound(f"Your organisation has no unusual hour {anomaly_id}.", anomaly=anomaly_id)
        own = Permission.SUBSCRIPTIONS_WRITE if row.scope == "consumer" else Permission.SERVICES_PUBLISH
        caller.require(own if is_own else Permission.MARKETPLACE_WRITE)
        if row.normal_since is None:
            row.normal_since, row.normal_by = self._clock.now(), caller.actor
            news = UsageCalledNormal(by=caller.actor, anomaly_id=row.id, organisation_id=row.organisation_id)
            await self._outbox.add(self._session, news)
        return row


def _spans(end: datetime) -> list[tuple[datetime, datetime]]:
    """The last hours, the older first; then each of them in the weeks before."""
    begins = [end - (_WINDOWS - place) * _HOUR for place in range(_WINDOWS)]
    return [(begin - back * _WEEK, begin - back * _WEEK + _HOUR) for begin in begins for back in range(WEEKS + 1)]


def _fold(rows: list[tuple[int, str | None, str | None, str | None, int, int, int]]) -> _Hours:
    found: _Hours = defaultdict(lambda: {metric: [0] * (_WINDOWS * (WEEKS + 1)) for metric in FLOORS})
    for span, consumer, vendor, service, calls, failed, tokens in rows:
        scope: _Scope = ("market", "", "")
        if consumer is not None:
            scope = "consumer", consumer, consumer
        elif service is not None:
            scope = "service", service, vendor or ""
        for metric, value in (("calls", calls), ("failed", failed), ("tokens", tokens)):
            found[scope][metric][span] = value
    return found


def _windows(sums: list[int], weeks: int) -> list[tuple[int, list[int]]]:
    """Each hour with as many weeks before it."""
    hours = [sums[place * (WEEKS + 1) : (place + 1) * (WEEKS + 1)] for place in range(_WINDOWS)]
    return [(hour[0], hour[1 : 1 + weeks]) for hour in hours]
