"""Which services are to be measured now."""

from collections.abc import Sequence
from datetime import timedelta

from mercato.discovery.figure_rows import FigureRepository
from mercato.platform import Clock, Session

_FRESH = timedelta(minutes=5)
_OLD = timedelta(days=1)


class FiguresDue:
    """Looks at when services were measured last."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._rows = FigureRepository(session)
        self._clock = clock

    async def among(self, called: Sequence[str], limit: int) -> list[str]:
        """Those of the services that were `called` of late and not measured in five minutes, then those whose figures
        are a day old."""
        now = self._clock.now()
        fresh = await self._rows.fresh(called, now - _FRESH)
        due = [service_id for service_id in called if service_id not in fresh][:limit]
        old = await self._rows.stale(now - _OLD, limit - len(due)) if len(due) < limit else []
        return list(dict.fromkeys([*due, *old]))
