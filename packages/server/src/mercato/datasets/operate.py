"""What an operator may do: build panels, open, close and resolve rounds."""

from mercato.datasets.build import Built, PanelBuilder, PanelDraft
from mercato.datasets.card import NAME, TITLE
from mercato.datasets.drafts import RoundDraft, RoundDrafts
from mercato.datasets.models import Round
from mercato.datasets.rounds import Rounds, Schedule
from mercato.identity import Caller, Directory, Permission
from mercato.platform import Prepared, Session


class DataPreparation:
    """The slow parts of an operator's requests, run before the request's transaction. Each raises `NotAllowed`."""

    def __init__(self, builder: PanelBuilder, drafts: RoundDrafts) -> None:
        self._builder = builder
        self._drafts = drafts

    async def panel(self, caller: Caller, name: str = NAME) -> Prepared[PanelDraft]:
        """See `PanelBuilder.prepare`."""
        caller.require(Permission.MARKETPLACE_WRITE)
        return await Prepared.by(self._builder.prepare(name))

    async def round(self, caller: Caller, name: str, *, first_era: int | None, eras: int) -> Prepared[RoundDraft]:
        """See `RoundDrafts.draft`."""
        caller.require(Permission.MARKETPLACE_WRITE)
        return await Prepared.by(self._drafts.draft(name, first_era=first_era, eras=eras))


class DataOperations:
    """An operator's actions. Each needs the permission `marketplace:write`, which only operators can have."""

    def __init__(self, session: Session, builder: PanelBuilder, rounds: Rounds) -> None:
        self._session = session
        self._builder = builder
        self._directory = Directory(session)
        self._rounds = rounds

    async def build(
        self, caller: Caller, draft: Prepared[PanelDraft], *, title: str = TITLE, organisation: str | None = None
    ) -> Built:
        """See `PanelBuilder.record`. If `organisation` (a slug) is given, only it may see the dataset."""
        caller.require(Permission.MARKETPLACE_WRITE)
        reader_id = None if organisation is None else (await self._directory.get_by_slug(organisation)).id
        return await self._builder.record(
            self._session, draft.take(), by=caller.actor, title=title, reader_id=reader_id
        )

    async def open(self, caller: Caller, draft: Prepared[RoundDraft], schedule: Schedule, *, reason: str) -> Round:
        """See `Rounds.open`."""
        caller.require(Permission.MARKETPLACE_WRITE)
        return await self._rounds.open(draft.take(), schedule, by=caller.actor, reason=reason)

    async def close(self, caller: Caller, round_id: str, reason: str) -> Round:
        """See `Rounds.close`."""
        caller.require(Permission.MARKETPLACE_WRITE)
        return await self._rounds.close(round_id, by=caller.actor, reason=reason)

    async def resolve(self, caller: Caller, round_id: str, reason: str) -> Round:
        """See `Rounds.resolve`."""
        caller.require(Permission.MARKETPLACE_WRITE)
        return await self._rounds.resolve(round_id, by=caller.actor, reason=reason)
