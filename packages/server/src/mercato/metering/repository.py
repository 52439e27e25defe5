"""Metering's questions to the database."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Date, and_, cast, func, select, text
from sqlalchemy.dialects.postgresql import insert

from mercato.metering.events import Appraised, call_time
from mercato.metering.models import Budget, MeteredCall, UsageDispute
from mercato.platform import Session

_COLUMNS = ", ".join(column.name for column in MeteredCall.__table__.columns)
# One parameter for a whole batch: the server unfolds it.
_ADD_EVENTS = text(
    f"INSERT INTO usage_events ({_COLUMNS})"  # noqa: S608  (names of our own columns)
    f" SELECT {_COLUMNS} FROM json_populate_recordset(NULL::usage_events, CAST(:rows AS json))"
    " ON CONFLICT DO NOTHING RETURNING id"
)

_LOCK_INTAKE = text("SELECT pg_advisory_xact_lock(1970168941, hashtext(:gateway))")


@dataclass(frozen=True, slots=True)
class UsageFilter:
    """Which calls: from `since` until before `until`, and of whom. None of the ids: everybody's."""

    since: datetime
    until: datetime
    consumer_id: str | None = None
    vendor_id: str | None = None
    service_id: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class UsageSum:
    """Calls added up. `group` is what they have in common; empty for the total."""

    group: str
    currency: str
    calls: int
    failed: int
    tokens_in: int
    tokens_out: int
    bytes_out: int
    included: int
    price_nanos: int
    unpaid_nanos: int

    def plus(self, other: "UsageSum") -> "UsageSum":
        """Both together, under this one's group and currency."""
        counted = [field.name for field in fields(self) if field.name not in ("group", "currency")]
        return replace(self, **{name: getattr(self, name) + getattr(other, name) for name in counted})


GROUPS = {
    "service": MeteredCall.service_id,
    "key": MeteredCall.key_id,
    "subscription": MeteredCall.subscription_id,
    "consumer": MeteredCall.consumer_id,
    "vendor": MeteredCall.vendor_id,
    "day": cast(func.timezone("UTC", MeteredCall.at), Date),
}


class UsageRepository:
    """Usage events, disputes and budgets of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add_events(self, appraised: Sequence[Appraised], journal_id: str) -> set[str]:
        """Write those not known yet; returns their ids."""
        if not appraised:
            return set()
        rows = msgspec.json.encode([_row(item, journal_id) for item in appraised]).decode()
        return set(await self._session.scalars(_ADD_EVENTS, {"rows": rows}))

    async def lock_intake(self, gateway: str) -> None:
        """Ours until the transaction ends."""
        await self._session.execute(_LOCK_INTAKE, {"gateway": gateway})

    async def find_events(self, event_ids: Collection[str], moments: Collection[datetime]) -> set[str]:
        """Those of these ids that are there; `moments` are the times inside the ids."""
        if not event_ids:
            return set()
        query = select(MeteredCall.id).where(
            MeteredCall.id.in_(event_ids), MeteredCall.at >= min(moments), MeteredCall.at <= max(moments)
        )
        return set(await self._session.scalars(query))

    async def add_disputes(self, disputed: Sequence[Appraised], at: datetime) -> set[str]:
        """Write what gateway and control plane disagree on; returns the ids not known yet."""
        if not disputed:
            return set()
        rows = [
            {
                "event_id": item.event.id,
                "at": at,
                "gateway": item.event.gateway,
                "reasons": list(item.disputes),
                "claimed": item.claimed.model_dump(mode="json"),
                "claimed_nanos": item.claimed.price_nanos if item.claimed_nanos is None else item.claimed_nanos,
                "posted_nanos": item.event.price_nanos,
            }
            for item in disputed
        ]
        query = insert(UsageDispute).on_conflict_do_nothing().returning(UsageDispute.event_id)
        return set(await self._session.scalars(query, rows))

    async def list_disputes(self, after: str | None, limit: int) -> list[UsageDispute]:
        query = select(UsageDispute).order_by(UsageDispute.event_id).limit(limit)
        return list(await self._session.scalars(query if after is None else query.where(UsageDispute.event_id > after)))

    async def sum_usage(self, wanted: UsageFilter, group: str | None) -> list[UsageSum]:
        """Sums by group and currency; by currency alone without a group."""
        label: Any = GROUPS[group] if group else text("''")
        keys = [GROUPS[group], MeteredCall.currency] if group else [MeteredCall.currency]
        rows = await self._session.execute(
            select(
                label,
                MeteredCall.currency,
                func.count(),
                func.count().filter(MeteredCall.status >= 500),
                *(
                    func.coalesce(func.sum(column), 0)
                    for column in (
                        MeteredCall.tokens_in,
                        MeteredCall.tokens_out,
                        MeteredCall.bytes_out,
                        MeteredCall.included,
                        MeteredCall.price_nanos,
                        MeteredCall.unpaid_nanos,
                    )
                ),
            )
            .where(_matches(wanted))
            .group_by(*keys)
            .order_by(*keys)
        )
        return [UsageSum(str(row[0]), row[1], row[2], row[3], *(int(value) for value in row[4:])) for row in rows]

    async def sum_release(self, wanted: UsageFilter, release_id: str) -> tuple[int, int, int | None]:
        """Of one release: calls, those answered with 500 and above, p95 of the time to the first byte.

        The p95 is one of the figures that were measured (the smallest that at least 95 % of the calls did not exceed).
        """
        p95 = func.percentile_disc(0.95).within_group(MeteredCall.first_byte_us)
        rows = await self._session.execute(
            select(func.count(), func.count().filter(MeteredCall.status >= 500), p95).where(
                _matches(wanted), MeteredCall.release_id == release_id
            )
        )
        calls, failed, latency = rows.one()
        return calls, failed, latency

    async def list_events(
        self, wanted: UsageFilter, after: tuple[datetime, str] | None, limit: int
    ) -> list[MeteredCall]:
        """In the order of their ids, which is that of their times."""
        query = select(MeteredCall).where(_matches(wanted)).order_by(MeteredCall.at, MeteredCall.id).limit(limit)
        if after is not None:
            query = query.where(MeteredCall.at >= after[0], MeteredCall.id > after[1])
        return list(await self._session.scalars(query))

    async def find_event(self, event_id: str, at: datetime) -> MeteredCall | None:
        """The event whose id, and so whose time, this is."""
        query = select(MeteredCall).where(MeteredCall.id == event_id, MeteredCall.at == at)
        return await self._session.scalar(query)

    async def digests(self, since: datetime, until: datetime) -> list[tuple[datetime, int, str]]:
        """For each hour with usage: the hour, how many calls, SHA-256 over a line a call in the order of ids."""
        hour = func.date_trunc("hour", MeteredCall.at, "UTC")
        line = func.concat_ws(
            "|",
            MeteredCall.id,
            MeteredCall.consumer_id,
            MeteredCall.key_id,
            MeteredCall.subscription_id,
            MeteredCall.plan_id,
            MeteredCall.vendor_id,
            MeteredCall.service_id,
            MeteredCall.release_id,
            MeteredCall.status,
            MeteredCall.tokens_in,
            MeteredCall.tokens_out,
            MeteredCall.tokens_cached,
            MeteredCall.included,
            MeteredCall.price_nanos,
            MeteredCall.currency,
            MeteredCall.source,
        )
        lines = func.string_agg(line, text("E'\\n' ORDER BY id COLLATE \"C\""))
        rows = await self._session.execute(
            select(hour, func.count(), func.encode(func.sha256(func.convert_to(lines, "UTF8")), "hex"))
            .where(MeteredCall.at >= since, MeteredCall.at < until)
            .group_by(hour)
            .order_by(hour)
        )
        return [(row[0], row[1], row[2]) for row in rows]

    async def budgets(self, scopes: Collection[str]) -> list[Budget]:
        return list(await self._session.scalars(select(Budget).where(Budget.scope.in_(scopes))))

    async def budgets_of(self, organisation_id: str) -> list[Budget]:
        return list(
            await self._session.scalars(
                select(Budget).where(Budget.organisation_id == organisation_id).order_by(Budget.scope)
            )
        )

    async def budgets_of_vendors(self, vendor_ids: Collection[str]) -> list[Budget]:
        """Those that count the calls of these organisations' services."""
        return list(
            await self._session.scalars(
                select(Budget)
                .where(Budget.organisation_id.in_(vendor_ids), Budget.scope.startswith("vendor:"))
                .order_by(Budget.scope)
            )
        )

    async def put_budget(self, budget: Budget) -> None:
        """Write it, or change the one of the same scope; two at once are written one after the other."""
        row = {column.name: getattr(budget, column.name) for column in Budget.__table__.columns}
        changed = {name: row[name] for name in ("cap", "set_by", "set_at")}
        await self._session.execute(
            insert(Budget).values(row).on_conflict_do_update(index_elements=[Budget.scope], set_=changed)
        )

    async def drop_budget(self, organisation_id: str, scope: str) -> bool:
        """Whether there was one."""
        budget = await self._session.get(Budget, scope)
        if budget is None or budget.organisation_id != organisation_id:
            return False
        await self._session.delete(budget)
        await self._session.flush()
        return True


def _row(item: Appraised, journal_id: str) -> dict[str, Any]:
    row = {name: getattr(item.event, name) for name in _COPIED}
    row |= {
        "at": item.at.isoformat(),
        "called_at": call_time(item.event).isoformat(),
        "journal_id": journal_id if item.billable else None,
        "spends": item.spends,
    }
    return row


_COPIED = [
    column.name
    for column in MeteredCall.__table__.columns
    if column.name not in ("at", "called_at", "journal_id", "spends")
]


def _matches(wanted: UsageFilter) -> Any:
    conditions = [MeteredCall.at >= wanted.since, MeteredCall.at < wanted.until]
    for column, value in (
        (MeteredCall.consumer_id, wanted.consumer_id),
        (MeteredCall.vendor_id, wanted.vendor_id),
        (MeteredCall.service_id, wanted.service_id),
        (MeteredCall.request_id, wanted.request_id),
    ):
        if value is not None:
            conditions.append(column == value)
    return and_(*conditions)
