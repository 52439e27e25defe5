"""Monthly partitions of `usage_events`: made ahead by the worker and, when a month has none yet, on demand."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from mercato.metering.partition_rows import PartitionRows
from mercato.metering.windows import month_start, next_month
from mercato.platform import Clock, Session

_AHEAD = timedelta(days=45)


def partition_name(month: datetime) -> str:
    """`usage_events_y2026m11`."""
    return f"usage_events_y{month:%Y}m{month:%m}"


async def make_partitions(session: Session, times: Iterable[datetime]) -> None:
    """See to it that each of these times has its partition.

    Comes before the transaction's first insert: making one takes a lock that no transaction may wait for while it
    holds rows of the table.
    """
    months = {partition_name(month): month for month in {month_start(at) for at in times}}
    rows = PartitionRows(session)
    for name in await rows.missing(months):
        await rows.make(name, months[name], next_month(months[name]))


class Partitions:
    """Makes the partitions of the weeks to come, so that no call waits for one at the turn of a month."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session = session
        self._clock = clock

    async def make_ahead(self) -> None:
        """This month's and the next one's."""
        now = self._clock.now()
        await make_partitions(self._session, (now, now + _AHEAD))
