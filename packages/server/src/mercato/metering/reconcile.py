"""Any period again from its events: the same totals and the same hash, whoever computes them and whenever."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from mercato.metering.repository import UsageFilter, UsageRepository, UsageSum
from mercato.platform import Session


@dataclass(frozen=True, slots=True)
class PeriodDigest:
    """A period: how many calls, totals by currency, and SHA-256 over the digests of its hours."""

    since: datetime
    until: datetime
    calls: int
    totals: list[UsageSum]
    digest: str


async def digest_period(session: Session, since: datetime, until: datetime) -> PeriodDigest:
    """Totals and hash of the events in [`since`, `until`), which are the starts of days.

    The hash: for each hour with usage in order, a line `<hour ISO 8601>|<calls>|<sha256>`; the hour's own SHA-256 is
    over the lines of its calls in the order of ids, joined by line feeds,
    `id|consumer|key|subscription|plan|vendor|service|release|status|in|out|cached|included|price|currency|source`.
    """
    rows = UsageRepository(session)
    whole, total, begin = hashlib.sha256(), 0, since
    while begin < until:
        # A day at a time, so that no question runs long.
        end = min(until, begin + timedelta(days=1))
        for hour, calls, digest in await rows.digests(begin, end):
            whole.update(f"{hour.isoformat()}|{calls}|{digest}\n".encode())
            total += calls
        begin = end
    totals = await rows.sum_usage(UsageFilter(since, until), None)
    return PeriodDigest(since, until, total, totals, whole.hexdigest())
