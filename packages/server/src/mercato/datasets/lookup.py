"""Questions of other rooms about rounds. The returned rows are read-only."""

from collections.abc import Sequence

from mercato.datasets.models import Round
from mercato.datasets.repository import DatasetRepository
from mercato.platform import Session


class RoundLookup:
    """Answers within one transaction."""

    def __init__(self, session: Session) -> None:
        self._rows = DatasetRepository(session)

    async def find(self, round_id: str) -> Round | None:
        """The round in its current state."""
        return await self._rows.find_round(round_id)

    async def keep_from_closing(self, round_id: str) -> Round | None:
        """The round under a shared lock: no other transaction changes its state until this one ends."""
        return await self._rows.share_round(round_id)

    async def ids_of(self, dataset_id: str) -> Sequence[str]:
        """All rounds of a dataset, by number."""
        return await self._rows.round_ids(dataset_id)
