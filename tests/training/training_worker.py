"""A worker that a test kills: `training_worker.py DATABASE_URL FOLDER [MOMENT]`; RUNPOD names a cloud, as JSON.

MOMENT is `in STEP`: the step has done its work and its result is not recorded yet; `after STEP`: it is.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

from mercato.adapters.training_local import LocalProvider
from mercato.platform import Database, Outbox, SystemClock
from mercato.training import Provider, TrainingWork, training_starter

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.support.deadly_steps import deadly, work_until_told
from tests.support.engines import engine_of_test
from tests.training.conftest import runpod_in, store_in

DATABASE_URL, FOLDER, *MOMENT = sys.argv[1:]
RUNNER = (sys.executable, str(Path(__file__).with_name("mini_runner.py")))


async def main() -> None:
    database, clock, folder = Database(DATABASE_URL), SystemClock(), Path(FOLDER)
    providers: dict[str, Provider] = {
        "local": LocalProvider(folder / "runs", nanos_per_hour=3_600_000_000_000, runner=RUNNER)
    }
    if "RUNPOD" in os.environ:
        providers["runpod"] = runpod_in(folder, **json.loads(os.environ["RUNPOD"]))
    workflow = TrainingWork(database, clock, Outbox(clock), store_in(folder), providers).workflow()

    engine = engine_of_test(DATABASE_URL, [deadly(workflow, MOMENT)], close_within_seconds=1)
    await work_until_told(database, engine, training_starter(engine))


asyncio.run(main())
