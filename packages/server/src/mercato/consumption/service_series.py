"""How a service did, hour by hour or day by day: measured at the gateways, open to everybody."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from mercato.consumption.health import HOUR, HOURS_KEPT, Health, floor_to
from mercato.consumption.health_rows import HealthRows
from mercato.consumption.refusals import SeriesTooLong
from mercato.metering import quantile_us
from mercato.platform import Clock, Session

SeriesStep = Literal["hour", "day"]
STEPS: dict[SeriesStep, timedelta] = {"hour": HOUR, "day": timedelta(days=1)}
_USUAL: dict[SeriesStep, timedelta] = {"hour": timedelta(days=2), "day": timedelta(days=30)}
_MOST = 400


@dataclass(frozen=True, slots=True)
class HealthStep:
    """The calls that began in one step."""

    start: datetime
    health: Health

    @property
    def p50_us(self) -> int | None:
        """The latency that half of the answers did not pass."""
        return quantile_us(self.health.latency, 5_000)


class ServiceSeries:
    """Answers from the hours that are kept."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._rows = HealthRows(session)
        self._clock = clock

    async def of(
        self, service_id: str, step: SeriesStep, since: datetime | None, until: datetime | None
    ) -> list[HealthStep]:
        """Every step, in UTC, from the one that `since` lies in until before `until`; without them, of late. Raises
        `SeriesTooLong`."""
        length = STEPS[step]
        oldest = self._clock.now() - HOURS_KEPT
        end = max(until or self._clock.now(), oldest)
        begin = max(since or end - _USUAL[step], oldest)
        first = floor_to(begin, HOUR)
        first = first if step == "hour" else first.replace(hour=0)
        count = max(0, -((first - end.astimezone(UTC)) // length))
        if count > _MOST:
            raise SeriesTooLong(f"That is {count} steps, and {_MOST} is the most.", steps=count)
        found = await self._rows.steps(service_id, step, first, end)
        starts = [first + number * length for number in range(count)]
        return [HealthStep(start, Health(*found[start]) if start in found else Health()) for start in starts]
