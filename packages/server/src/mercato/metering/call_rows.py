"""The SQL of single calls: the newest first, by any filter, in bounded time; and all of a period for exports."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, or_, select, text, tuple_
from sqlalchemy.orm import aliased

from mercato.metering.events import event_time
from mercato.metering.models import Lease, MeteredCall
from mercato.metering.windows import EPOCH
from mercato.platform import LineFormat, Session, line_of, stream_lines
from mercato_contracts.ids import USAGE_EVENT

SEARCHED = 4_000
"""So many calls of the organisation one page looks through for the rarer filters: that bounds what a page costs."""


@dataclass(frozen=True, slots=True)
class CallFilter:
    """Which calls, of whom. What is `None` does not narrow; `keys` are those of one lineage."""

    since: datetime
    until: datetime
    consumer_id: str | None = None
    vendor_id: str | None = None
    keys: list[str] | None = None
    service_id: str | None = None
    request_id: str | None = None
    only_failed: bool = False
    release_id: str | None = None
    deployment_id: str | None = None
    subscription_id: str | None = None
    operation: str | None = None
    status: int | None = None
    status_class: int | None = None
    error: str | None = None
    streamed: bool | None = None
    client_left: bool | None = None
    fallback: bool | None = None
    gateway: str | None = None
    duration_above_us: int | None = None
    price_above_nanos: int | None = None

    @property
    def is_rare(self) -> bool:
        """Whether it narrows by more than what an index has in the order of time."""
        return bool(_rarer(self, MeteredCall))


@dataclass(frozen=True, slots=True)
class CallsFound:
    """The calls of a page, and whether older ones may follow `place`, the last that was looked at."""

    rows: list[MeteredCall] = field(default_factory=list)
    place: tuple[datetime, str] | None = None


class CallRows:
    """Questions of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def page(self, wanted: CallFilter, before: tuple[datetime, str] | None, limit: int) -> CallsFound:
        """The newest before `before`. A page may be short, and yet older calls follow: then it has looked enough."""
        looked = _indexed(wanted, before)
        if not wanted.is_rare:
            rows = list(await self._session.scalars(looked.limit(limit)))
            return CallsFound(rows, _place(rows[-1]) if len(rows) == limit else None)
        some = aliased(MeteredCall, looked.limit(SEARCHED).subquery())
        query = select(some).where(*_rarer(wanted, some)).order_by(some.at.desc(), some.id.desc()).limit(limit)
        rows = list(await self._session.scalars(query))
        if len(rows) == limit:
            return CallsFound(rows, _place(rows[-1]))
        ends = looked.with_only_columns(MeteredCall.at, MeteredCall.id).offset(SEARCHED - 1).limit(1)
        last = (await self._session.execute(ends)).one_or_none()
        return CallsFound(rows, None if last is None else (last[0], last[1]))

    async def lines(self, wanted: CallFilter, kind: LineFormat, columns: Sequence[str]) -> AsyncIterator[bytes]:
        """All of them, the newest first, as lines of these columns, some at a time."""
        line = line_of(kind, [(name, getattr(MeteredCall, name)) for name in columns])
        query = _indexed(wanted, None).with_only_columns(line).where(*_rarer(wanted, MeteredCall))
        async for some in stream_lines(self._session, query):
            yield some

    async def find(self, call_id: str, at: datetime) -> MeteredCall | None:
        query = select(MeteredCall).where(MeteredCall.id == call_id, MeteredCall.at == at)
        return await self._session.scalar(query)

    async def scopes(self, leases: Sequence[str]) -> dict[str, tuple[str, datetime]]:
        """Scope and window of those slices that are still known."""
        rows = await self._session.execute(
            select(Lease.id, Lease.scope, Lease.window_start).where(Lease.id.in_(leases))
        )
        return {row[0]: (row[1], row[2]) for row in rows}

    async def let_run(self) -> None:
        """An export may take as long as its reader reads; each of its questions stays short."""
        await self._session.execute(text("SET LOCAL idle_in_transaction_session_timeout = '10min'"))


EXPORTED = tuple(
    column.name for column in MeteredCall.__table__.columns if column.name not in ("journal_id", "spends", "plan_id")
)
"""What an export has of each call."""


def _place(row: MeteredCall) -> tuple[datetime, str]:
    return row.at, row.id


def _indexed(wanted: CallFilter, before: tuple[datetime, str] | None) -> Select[MeteredCall]:
    """The newest first, narrowed by what an index has in the order of time."""
    conditions: list[Any] = [MeteredCall.at >= wanted.since, MeteredCall.at < wanted.until]
    for column, value in (
        (MeteredCall.consumer_id, wanted.consumer_id),
        (MeteredCall.vendor_id, wanted.vendor_id),
        (MeteredCall.service_id, wanted.service_id),
        (MeteredCall.request_id, wanted.request_id),
    ):
        if value is not None:
            conditions.append(column == value)
    if wanted.keys is not None:
        conditions.append(MeteredCall.key_id.in_(wanted.keys))
    if _is_failed(wanted) and _has_failed_index(wanted):
        conditions.append(MeteredCall.status >= 400)
    newest: list[Any] = [MeteredCall.at.desc(), MeteredCall.id.desc()]
    if len(conditions) == 2:
        # Everybody's calls in the order of their ids, which begin with their times: the primary key has it.
        conditions += [MeteredCall.id >= _first_id(wanted.since), MeteredCall.id < _first_id(wanted.until)]
        newest = [MeteredCall.id.desc()]
        if before is not None:
            conditions.append(MeteredCall.id < before[1])
    elif before is not None:
        conditions += [MeteredCall.at <= before[0], tuple_(MeteredCall.at, MeteredCall.id) < before]
    return select(MeteredCall).where(and_(*conditions)).order_by(*newest)


def _is_failed(wanted: CallFilter) -> bool:
    return wanted.only_failed or (wanted.status or 0) >= 400 or (wanted.status_class or 0) >= 4


def _has_failed_index(wanted: CallFilter) -> bool:
    return wanted.consumer_id is not None or wanted.vendor_id is not None


def _first_id(at: datetime) -> str:
    """No id of a call at this time, or later, comes before it."""
    milliseconds = max(0, -(-(at - EPOCH) // timedelta(milliseconds=1)))
    return f"{USAGE_EVENT}_{min(milliseconds, 2**48 - 1):012x}"


def _rarer(wanted: CallFilter, row: Any) -> list[Any]:
    equal = (
        (row.release_id, wanted.release_id),
        (row.deployment_id, wanted.deployment_id),
        (row.subscription_id, wanted.subscription_id),
        (row.operation, wanted.operation),
        (row.status, wanted.status),
        (row.streamed, wanted.streamed),
        (row.client_left, wanted.client_left),
        (row.gateway, wanted.gateway),
    )
    conditions: list[Any] = [column == value for column, value in equal if value is not None]
    if wanted.status_class is not None:
        conditions += [row.status >= wanted.status_class * 100, row.status < (wanted.status_class + 1) * 100]
    if wanted.only_failed and not _has_failed_index(wanted):
        conditions.append(row.status >= 400)
    if wanted.error is not None:
        conditions.append(or_(row.ended_by == wanted.error, row.doubt == wanted.error))
    if wanted.fallback is not None:
        conditions.append(row.asked_service_id.is_not(None) if wanted.fallback else row.asked_service_id.is_(None))
    if wanted.duration_above_us is not None:
        conditions.append(row.duration_us > wanted.duration_above_us)
    if wanted.price_above_nanos is not None:
        conditions.append(row.price_nanos > wanted.price_above_nanos)
    return conditions


async def calls_of_ids(session: Session, ids: Sequence[str]) -> Sequence[MeteredCall]:
    """The calls with these ids, whoever's they are: for what the marketplace itself keeps."""
    if not ids:
        return []
    moments = [event_time(each) for each in ids]
    found = await session.scalars(
        select(MeteredCall).where(
            MeteredCall.id.in_(ids), MeteredCall.at >= min(moments), MeteredCall.at <= max(moments)
        )
    )
    return found.all()
