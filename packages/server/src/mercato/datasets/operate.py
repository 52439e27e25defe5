"""What an operator may do: build panels, open, close and resolve rounds."""

from mercato.datasets.build import Built, PanelBuilder
from mercato.datasets.card import NAME, TITLE
from mercato.datasets.models import Round
from mercato.datasets.rounds import Rounds, Schedule
from mercato.identity import Caller, Directory, Permission


class DataOperations:
    """Each needs the permission `marketplace:write`, which counts in an operator's organisation only."""

    def __init__(self, builder: PanelBuilder, rounds: Rounds, directory: Directory) -> None:
        self._builder = builder
        self._directory = directory
        self._rounds = rounds

    async def build(
        self, caller: Caller, *, name: str = NAME, title: str = TITLE, organisation: str | None = None
    ) -> Built:
        """See `PanelBuilder.build`; `organisation` (its slug) alone may see the dataset, where one is named."""
        caller.require(Permission.MARKETPLACE_WRITE)
        reader_id = None if organisation is None else (await self._directory.get_by_slug(organisation)).id
        return await self._builder.build(by=caller.actor, name=name, title=title, reader_id=reader_id)

    async def open(
        self, caller: Caller, name: str, schedule: Schedule, *, reason: str, first_era: int | None, eras: int
    ) -> Round:
        """See `Rounds.open`."""
        caller.require(Permission.MARKETPLACE_WRITE)
        return await self._rounds.open(name, schedule, by=caller.actor, reason=reason, first_era=first_era, eras=eras)

    async def close(self, caller: Caller, round_id: str, reason: str) -> Round:
        """See `Rounds.close`."""
        caller.require(Permission.MARKETPLACE_WRITE)
        return await self._rounds.close(round_id, by=caller.actor, reason=reason)

    async def resolve(self, caller: Caller, round_id: str, reason: str) -> Round:
        """See `Rounds.resolve`."""
        caller.require(Permission.MARKETPLACE_WRITE)
        return await self._rounds.resolve(round_id, by=caller.actor, reason=reason)
