"""A dataset and an open round for people who try the marketplace out, kept without an operator."""

from datetime import timedelta

from mercato.datasets.build import PanelBuilder
from mercato.datasets.card import NAME
from mercato.datasets.models import Round
from mercato.datasets.refusals import RoundOpenAlready
from mercato.datasets.repository import DatasetRepository
from mercato.datasets.rounds import Rounds, Schedule
from mercato.platform import Session

SCHEDULE = Schedule(timedelta(hours=24), timedelta(hours=144))
_BY = "the marketplace"
_REASON = "a round for trying out"


class SampleRound:
    """Keeps one round of the sample dataset open. Does nothing, in one query, while there is one."""

    def __init__(self, session: Session, builder: PanelBuilder, rounds: Rounds) -> None:
        self._rows = DatasetRepository(session)
        self._builder = builder
        self._rounds = rounds

    async def keep_open(self) -> Round | None:
        """The round that was opened now; the dataset is built first where there is none, which takes some seconds."""
        dataset = await self._rows.find_dataset(NAME, None)
        if dataset is None or dataset.panel_id is None:
            await self._builder.build(by=_BY)
        elif await self._rows.find_open(dataset.id) is not None:
            return None
        try:
            return await self._rounds.open(NAME, SCHEDULE, by=_BY, reason=_REASON)
        except RoundOpenAlready:
            return None  # another worker was quicker
