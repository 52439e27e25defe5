"""A sample dataset with an open round, maintained without an operator, for people who try the marketplace."""

from datetime import timedelta

from mercato.datasets.build import PanelBuilder
from mercato.datasets.card import NAME
from mercato.datasets.drafts import RoundDrafts
from mercato.datasets.models import Round
from mercato.datasets.refusals import RoundOpenAlready
from mercato.datasets.repository import DatasetRepository
from mercato.datasets.rounds import Rounds, Schedule
from mercato.platform import Clock, Database, Outbox

SCHEDULE = Schedule(timedelta(hours=24), timedelta(hours=144))
_BY = "the marketplace"
_REASON = "a round for trying out"


class SampleRound:
    """Keeps one round of the sample dataset open. While there is one, it costs one query and does nothing."""

    def __init__(
        self, database: Database, clock: Clock, outbox: Outbox, builder: PanelBuilder, drafts: RoundDrafts
    ) -> None:
        self._database = database
        self._clock = clock
        self._outbox = outbox
        self._builder = builder
        self._drafts = drafts

    async def keep_open(self) -> Round | None:
        """Open a round; builds the dataset first if there is none, which takes some seconds."""
        async with self._database.transaction() as session:
            rows = DatasetRepository(session)
            dataset = await rows.find_dataset(NAME, None)
            if dataset is not None and dataset.panel_id is not None and await rows.find_open(dataset.id) is not None:
                return None
        if dataset is None or dataset.panel_id is None:
            await self._builder.build(by=_BY)
        try:
            draft = await self._drafts.draft(NAME)
            async with self._database.transaction() as session:
                return await Rounds(session, self._clock, self._outbox).open(draft, SCHEDULE, by=_BY, reason=_REASON)
        except RoundOpenAlready:
            return None  # another worker was faster
