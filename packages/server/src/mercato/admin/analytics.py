"""Analytics: how the marketplace grows, made by the worker every hour and read as rows.

Figures are those of all organisations together, or name them: they are for operators.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from mercato.admin.analytics_inputs import read_inputs
from mercato.admin.analytics_models import AnalyticsReport
from mercato.admin.analytics_reports import REPORTS, make_reports
from mercato.admin.analytics_rows import AnalyticsRows
from mercato.identity import Caller, Permission
from mercato.platform import Clock, Database, Session

log = structlog.get_logger(__name__)

EVERY = timedelta(hours=1)
_LOOKS_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Analytics:
    """All reports, by name; none of them before the worker made the first ones."""

    made_at: datetime | None
    until: datetime | None
    digest: str
    reports: dict[str, list[Any]]


class AnalyticsDesk:
    """For operators."""

    def __init__(self, session: Session) -> None:
        self._rows = AnalyticsRows(session)

    async def show(self, caller: Caller) -> Analytics:
        """As they were made last; nothing is computed now."""
        caller.require(Permission.MARKETPLACE_READ)
        found = await self._rows.all()
        newest = next(iter(found.values()), None)
        reports = {name: found[name].figures if name in found else [] for name in REPORTS}
        if newest is None:
            return Analytics(None, None, "", reports)
        return Analytics(newest.made_at, newest.until, newest.digest, reports)


class AnalyticsWork:
    """The worker's part. Reading, computing and writing are apart, so that no connection waits for pandas."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def run(self) -> None:
        """Every hour, until cancelled. What failed is tried again a minute later."""
        while True:
            try:
                await self.make_due()
            except Exception as error:
                log.warning("analytics could not be made and are tried again", error=type(error).__name__)
            await asyncio.sleep(_LOOKS_SECONDS)

    async def make_due(self) -> bool:
        """Whether the figures were an hour old and were made again. Two workers at once make the same ones."""
        now = self._clock.now()
        async with self._database.transaction() as session:
            found = await AnalyticsRows(session).all()
            if found.keys() >= REPORTS.keys() and all(now - row.made_at < EVERY for row in found.values()):
                return False
            inputs = await read_inputs(session, now)
        digest, reports = await asyncio.to_thread(lambda: (inputs.digest(), make_reports(inputs)))
        rows = [
            AnalyticsReport(name=name, made_at=now, until=inputs.until, digest=digest, figures=figures)
            for name, figures in reports.items()
        ]
        async with self._database.transaction() as session:
            await AnalyticsRows(session).put(rows)
        return True
