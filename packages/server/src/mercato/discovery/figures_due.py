"""Which services are to be measured now."""

from collections.abc import Sequence
from datetime import timedelta

from mercato.discovery.figure_rows import FigureRepository
from mercato.platform import Clock, Session

_FRESH = timedelta(minutes=5)
_OLD = timedelta(days=1)
_SHARE_OF_OLD = 4
"""One in so many places is kept for old figures, however many services were called of late."""


class FiguresDue:
    """Looks at when services were measured last."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._rows = FigureRepository(session)
        self._clock = clock

    async def try_lock(self) -> bool:
        """Whether this transaction is the only one that measures until it ends."""
        return await self._rows.try_lock()

    async def among(self, called: Sequence[str], limit: int) -> list[str]:
        """At most `limit` services, the longest unmeasured first: those `called` of late and not measured in five
        minutes, and those whose figures are a day old."""
        now = self._clock.now()
        old = await self._rows.stale(now - _OLD, limit)
        kept = min(len(old), limit // _SHARE_OF_OLD)
        due = await self._rows.longest_unmeasured(called, now - _FRESH, limit - kept)
        return list(dict.fromkeys([*due, *old]))[:limit]
