"""A process that feeds a system outside says how that is while it leads, and nothing once another one does."""

import asyncio

from prometheus_client import CollectorRegistry, Counter

from mercato.platform import Database, LeadReader, LeadTerms, MeasuredGauge, StillLeads
from mercato.platform.leading import leading
from mercato.publishing import ServiceReleased
from tests.support.waiting import until

LOCK = 7_245_110_999


class Away(Exception):
    """What is fed takes nothing."""


async def test_a_failure_is_shown_while_this_process_leads_and_forgotten_when_another_one_does(
    database: Database,
) -> None:
    shown = CollectorRegistry()
    terms: LeadTerms[ServiceReleased] = LeadTerms(
        name="tried", kinds=(ServiceReleased,), lock=LOCK, batch=1, unavailable=Away, refused=Away,
        longest_pause_seconds=1.0, failures=Counter("tried_failures", "Of the test", registry=shown),
        away=MeasuredGauge("tried_away", "Of the test", registry=shown),
    )  # fmt: skip

    async def fail(_: StillLeads) -> None:
        raise Away("nobody is there")

    running = asyncio.create_task(LeadReader(database, terms).run(fail))
    try:
        await until(lambda: shown.get_sample_value("tried_away") == 1)
        async with leading(database, LOCK):
            await until(lambda: shown.get_sample_value("tried_away") is None)
        await until(lambda: shown.get_sample_value("tried_away") == 1)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
