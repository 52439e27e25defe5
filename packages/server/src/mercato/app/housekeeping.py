"""What the worker does at set times: old news and old answers go."""

import asyncio
from datetime import timedelta

import structlog

from mercato.api.idempotency import forget_answers
from mercato.api.wiring import Wiring
from mercato.platform import forget_events

log = structlog.get_logger(__name__)

_EVERY_SECONDS = 600.0
_NEWS_KEPT = timedelta(days=7)
_ANSWERS_KEPT = timedelta(days=1)


async def keep_house(wiring: Wiring) -> None:
    """Every ten minutes, for as long as the worker runs."""
    while True:
        try:
            async with wiring.database.transaction() as session:
                now = wiring.clock.now()
                events = await forget_events(session, now - _NEWS_KEPT)
                answers = await forget_answers(session, now - _ANSWERS_KEPT)
            log.info("kept house", events=events, answers=answers)
        except Exception as error:
            log.warning("could not keep house; trying again later", error=str(error))
        await asyncio.sleep(_EVERY_SECONDS)
