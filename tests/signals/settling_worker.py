"""A worker that settles rounds until a test kills it: `settling_worker.py DATABASE_URL OBJECTS NOW [MOMENT]`.

OBJECTS is the folder of files, NOW the time at which its clock stands. MOMENT is as `tests.support.deadly_steps` says;
without one the worker runs until it is told to stop.
"""

import asyncio
import sys
from datetime import datetime
from pathlib import Path

from mercato.adapters.objects_folder import LocalFolder
from mercato.adapters.signed_links import SignedLinks
from mercato.platform import Database, MarketplaceSecret, Outbox, SystemIds
from mercato.signals import RoundSettling, settling_starter

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.support.deadly_steps import deadly, work_until_told
from tests.support.engines import engine_of_test

DATABASE_URL, OBJECTS, NOW, *MOMENT = sys.argv[1:]


class StandingClock:
    """So that two runs say the same."""

    def now(self) -> datetime:
        return datetime.fromisoformat(NOW)


async def main() -> None:
    database, clock = Database(DATABASE_URL), StandingClock()
    store = LocalFolder(Path(OBJECTS), SignedLinks(MarketplaceSecret.of(b"s" * 32), clock), "http://mercato.test")
    settling = RoundSettling(database, clock, SystemIds(clock), Outbox(clock), store, b"n" * 32)
    engine = engine_of_test(DATABASE_URL, [deadly(settling.workflow(), MOMENT)])
    await work_until_told(database, engine, settling_starter(engine))


asyncio.run(main())
