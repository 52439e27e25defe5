"""The questions about the use of keys to the sums of quarter hours."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Row, func, select

from mercato.metering.rollup_models import UsageQuarter
from mercato.platform import Session


class KeyRows:
    """Rows of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def use(
        self, key_ids: Collection[str], consumer_ids: Collection[str], since: datetime, month: datetime
    ) -> Sequence[Row[Any]]:
        """`key_id, currency, last, calls, nanos` by key and currency; calls and nanos since `month`."""
        in_month = UsageQuarter.start >= month
        query = (
            select(
                UsageQuarter.key_id,
                UsageQuarter.currency,
                func.max(UsageQuarter.start).label("last"),
                func.sum(UsageQuarter.calls).filter(in_month).label("calls"),
                func.sum(UsageQuarter.price_nanos + UsageQuarter.adjusted_nanos).filter(in_month).label("nanos"),
            )
            .where(
                UsageQuarter.consumer_id.in_(consumer_ids),
                UsageQuarter.start >= min(since, month),
                UsageQuarter.key_id.in_(key_ids),
                UsageQuarter.calls > 0,
            )
            .group_by(UsageQuarter.key_id, UsageQuarter.currency)
        )
        return cast(Sequence[Row[Any]], (await self._session.execute(query)).all())
