"""A worker that a test kills: `pipeline_worker.py DATABASE_URL RULES [MOMENT]`.

MOMENT is `in N`: step N (counted from 0) has done its work and its result is not recorded yet; `after N`: it is.
Without one the worker runs until it is told to stop.
"""

import asyncio
import sys
from pathlib import Path

from mercato.adapters.policy_cedar import CedarPolicy
from mercato.platform import Database, MarketplaceSecret, Outbox, SystemClock, SystemIds
from mercato.publishing import CredentialSeal, LiveCalls, Pipeline, PipelineStarter
from mercato_checks.confined import ConfinedChecks

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.support.deadly_steps import deadly, work_until_told
from tests.support.engines import engine_of_test

DATABASE_URL, RULES, *MOMENT = sys.argv[1:]


async def main() -> None:
    database, clock = Database(DATABASE_URL), SystemClock()
    checks = ConfinedChecks()
    pipeline = Pipeline(
        database,
        clock,
        SystemIds(clock),
        Outbox(clock),
        LiveCalls(CredentialSeal(MarketplaceSecret.of(bytes(32))), allow_private=True),
        CedarPolicy(RULES),
        checks,
    )
    workflow = pipeline.workflow()

    engine = engine_of_test(DATABASE_URL, [deadly(workflow, MOMENT)])
    await work_until_told(database, engine, PipelineStarter(engine).subscriber())
    await checks.close()


asyncio.run(main())
