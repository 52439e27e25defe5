"""Probes the marketplace's own services every 30 seconds, in another process than theirs.

What could not be written, because the database was away, is written once it is back.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

import structlog

from mercato.admin.health import HealthBook, Probed
from mercato.admin.health_rows import HealthRows
from mercato.platform import Clock, Database, Ids, Outbox

log = structlog.get_logger(__name__)

EVERY_SECONDS = 30.0
_FIRST_SECONDS = 5.0
_TIMEOUT_SECONDS = 5.0
_ROUND = timedelta(seconds=25)
"""Of several replicas the first one probes; a round begins a little early where its timer does."""
_MOST_UNWRITTEN = 240

Probe = Callable[[], Awaitable[Probed]]


class Probing:
    """One prober: `name` is the kind of its process, `probes` are by the service that they ask."""

    def __init__(
        self, name: str, database: Database, clock: Clock, ids: Ids, outbox: Outbox, probes: Mapping[str, Probe]
    ) -> None:
        self._name = name
        self._database = database
        self._clock = clock
        self._ids = ids
        self._outbox = outbox
        self._probes = probes
        self._unwritten: deque[tuple[datetime, dict[str, Probed]]] = deque(maxlen=_MOST_UNWRITTEN)

    async def run(self) -> None:
        """Until it is cancelled."""
        # The processes of one machine start together.
        await asyncio.sleep(_FIRST_SECONDS)
        while True:
            await self.look()
            await asyncio.sleep(EVERY_SECONDS)

    async def look(self) -> None:
        """One round, unless another replica's is under way."""
        at = self._clock.now()
        try:
            if not await self._claim(at):
                self._unwritten.clear()
                return
        except Exception as error:
            # Whatever keeps the database away, the probes go on.
            log.warning(
                "the database is away: what the probes find is kept until it is back", error=type(error).__name__
            )
        found = await asyncio.gather(*(_ask(probe) for probe in self._probes.values()))
        self._unwritten.append((at, dict(zip(self._probes, found, strict=True))))
        try:
            await self._write()
        except Exception as error:
            log.warning("what the probes found is not written yet", error=type(error).__name__)

    async def _claim(self, at: datetime) -> bool:
        async with asyncio.timeout(_TIMEOUT_SECONDS), self._database.transaction() as session:
            return await HealthRows(session).claim(self._name, at, at - _ROUND)

    async def _write(self) -> None:
        while self._unwritten:
            at, found = self._unwritten[0]
            async with self._database.transaction() as session:
                await HealthBook(session, self._clock, self._ids, self._outbox).record(self._name, at, found)
            self._unwritten.popleft()


async def _ask(probe: Probe) -> Probed:
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            return await probe()
    except TimeoutError:
        return Probed(False, None, detail=f"No answer within {_TIMEOUT_SECONDS:.0f} seconds.")
    except Exception as error:
        # Whatever goes wrong in a probe is what the probe found.
        return Probed(False, None, detail=f"{type(error).__name__}: {error}"[:200])
