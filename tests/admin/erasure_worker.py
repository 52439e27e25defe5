"""A worker that erases people until a test kills it: `erasure_worker.py DATABASE_URL STATE NOW [MOMENT]`."""

import asyncio
import sys
from datetime import datetime
from pathlib import Path

from mercato.admin import ErasureWork, erasure_starter
from mercato.app import tables
from mercato.app.settings import Settings
from mercato.app.wiring import build_wiring

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.support.deadly_steps import deadly, work_until_told
from tests.support.engines import engine_of_test

DATABASE_URL, STATE, NOW, *MOMENT = sys.argv[1:]
assert tables.METADATA.tables


class StandingClock:
    """So that two runs say the same."""

    def now(self) -> datetime:
        return datetime.fromisoformat(NOW)


async def main() -> None:
    wiring = build_wiring(Settings(state=Path(STATE), DATABASE_URL=DATABASE_URL), DATABASE_URL, StandingClock())
    work = ErasureWork(wiring.database, wiring.clock, wiring.ids, wiring.outbox, wiring.objects, wiring.mail)
    engine = engine_of_test(DATABASE_URL, [deadly(work.workflow(), MOMENT)])
    await work_until_told(wiring.database, engine, erasure_starter(engine))


asyncio.run(main())
