"""The SQL that adds usage up as it comes in: quarter rows, in place."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import msgspec
from sqlalchemy import func, insert, select, text

from mercato.metering.rollup_models import DIMENSIONS, MEASURES, UsageQuarter, UsageTouched
from mercato.platform import Session

_NAMES = (*DIMENSIONS, *MEASURES, "latency_at", "latency_n")
_COLUMNS = f"start, slot, shape, {', '.join(_NAMES)}"
_MOST_PIECES = 64
_BOTH = "unnest(kept.latency_at || excluded.latency_at, kept.latency_n || excluded.latency_n) AS one (bucket, n)"
_MERGED = f"FROM (SELECT bucket, sum(n)::int AS n FROM {_BOTH} GROUP BY bucket) AS both_of"  # noqa: S608
# In the order of the primary key, so that two batches with the same rows wait for each other and never deadlock.
# Latencies are appended and merged now and then: whoever reads them adds up by bucket, and most of what adding to a row
# cost was merging them each time.
_ADD = text(
    f"INSERT INTO usage_quarter AS kept ({_COLUMNS})"  # noqa: S608  (names of our own columns)
    f" SELECT {_COLUMNS} FROM json_populate_recordset(NULL::usage_quarter, CAST(:rows AS json))"
    " ORDER BY start, shape, slot ON CONFLICT (start, shape, slot) DO UPDATE SET "
    + ", ".join(f"{name} = kept.{name} + excluded.{name}" for name in MEASURES)
    + "".join(
        f", {name} = CASE WHEN cardinality(kept.latency_at) < {_MOST_PIECES} THEN kept.{name} || excluded.{name}"
        f" ELSE (SELECT array_agg({part} ORDER BY bucket) {_MERGED}) END"
        for name, part in (("latency_at", "bucket"), ("latency_n", "n"))
    )
)


class RollupRows:
    """Rows of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, rows: Sequence[dict[str, Any]]) -> None:
        """Add these counts to those that are there."""
        await self._session.execute(_ADD, {"rows": msgspec.json.encode(rows).decode()})

    async def touch(self, days: Sequence[date]) -> None:
        """These days' rows are made anew."""
        if days:
            await self._session.execute(insert(UsageTouched), [{"day": day} for day in days])

    async def owed_sums(
        self, consumer_id: str, service_id: str, begin: datetime, end: datetime
    ) -> tuple[int, int, int]:
        """Calls and tokens of one consumer and service that were answered, of quarter rows."""
        rows = await self._session.execute(
            select(
                func.coalesce(func.sum(UsageQuarter.billed), 0),
                func.coalesce(func.sum(UsageQuarter.tokens_in), 0),
                func.coalesce(func.sum(UsageQuarter.tokens_out), 0),
            ).where(
                UsageQuarter.consumer_id == consumer_id,
                UsageQuarter.service_id == service_id,
                UsageQuarter.start >= begin,
                UsageQuarter.start < end,
                UsageQuarter.status_class.in_([1, 2, 3]),
            )
        )
        calls, into, out = rows.one()
        return int(calls), int(into), int(out)

    async def billed_sums(self, begin: datetime, end: datetime) -> dict[tuple[str, str, str, str], tuple[int, int]]:
        """Of quarter rows: calls that stand in the ledger and their price, by consumer, vendor, service, currency."""
        key = (UsageQuarter.consumer_id, UsageQuarter.vendor_id, UsageQuarter.service_id, UsageQuarter.currency)
        rows = await self._session.execute(
            select(*key, func.sum(UsageQuarter.billed), func.sum(UsageQuarter.price_nanos))
            .where(UsageQuarter.start >= begin, UsageQuarter.start < end)
            .group_by(*key)
            .having((func.sum(UsageQuarter.billed) != 0) | (func.sum(UsageQuarter.price_nanos) != 0))
        )
        return {(row[0], row[1], row[2], row[3]): (int(row[4]), int(row[5])) for row in rows}
