"""Any period again from its events: the same totals and the same hash, whoever computes them and whenever."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

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
    """Totals and hash of the events in [`since`, `until`).

    The hash: for each hour with usage in order, a line `<hour ISO 8601>|<calls>|<sha256>`; the hour's own SHA-256 is
    over a line a call in the order of ids,
    `id|consumer|vendor|service|subscription|plan|in|out|included|price|currency`.
    """
    rows = UsageRepository(session)
    hours = await rows.digests(since, until)
    whole = hashlib.sha256()
    for hour, calls, digest in hours:
        whole.update(f"{hour.isoformat()}|{calls}|{digest}\n".encode())
    totals = await rows.sum_usage(UsageFilter(since, until), None)
    return PeriodDigest(since, until, sum(calls for _, calls, _ in hours), totals, whole.hexdigest())
