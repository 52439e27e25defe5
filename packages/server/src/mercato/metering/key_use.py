"""What keys are used for: the last call and the costs of a page of keys."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mercato.metering.key_rows import KeyRows
from mercato.metering.windows import month_start
from mercato.platform import Clock, Session

_LOOKED_BACK = timedelta(days=31)


@dataclass(slots=True)
class KeyUse:
    """`last_used_at` is the quarter hour of the last call in 31 days; the rest is of this month, UTC."""

    last_used_at: datetime
    month_calls: int = 0
    month_nanos: dict[str, int] = field(default_factory=dict)


async def use_of_keys(
    session: Session, clock: Clock, *, key_ids: Collection[str], consumer_ids: Collection[str]
) -> dict[str, KeyUse]:
    """Of these keys of these organisations; one that was not used lately is left out. Who may know is checked before.

    It reads sums of quarter hours, never calls.
    """
    now = clock.now()
    found: dict[str, KeyUse] = {}
    for row in await KeyRows(session).use(key_ids, consumer_ids, now - _LOOKED_BACK, month_start(now)):
        use = found.setdefault(row.key_id, KeyUse(row.last))
        use.last_used_at = max(use.last_used_at, row.last)
        use.month_calls += int(row.calls or 0)
        if row.nanos:
            use.month_nanos[row.currency] = int(row.nanos)
    return found
