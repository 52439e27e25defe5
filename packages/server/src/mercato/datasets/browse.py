"""What an organisation sees: datasets, rounds, files, and links to the files that it may download."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mercato.datasets.drafts import TARGETS
from mercato.datasets.models import Dataset, Round, RoundFile, RoundTransition, StoredPanel
from mercato.datasets.refusals import (
    DataFileNotFound,
    DatasetNotFound,
    NoRoundOpen,
    RoundNotFound,
    TargetsUnderEmbargo,
)
from mercato.datasets.repository import DatasetRepository
from mercato.identity import Caller, Permission
from mercato.platform import Clock, ObjectStore, Session

LINKS_LIVE = timedelta(minutes=15)
MOST_DATASETS = 100
"""Whose rounds are shown beside each other, unless fewer are asked for."""
_NOBODY = ""
"""No organisation has this id, so what is read for it is for everybody."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """A dataset, its newest panel and the round that is open."""

    dataset: Dataset
    panel: StoredPanel | None
    open_round: Round | None
    rounds: int


@dataclass(frozen=True, slots=True)
class SeenRound:
    """A round with its dataset, its files and what happened to it."""

    dataset: Dataset
    round: Round
    files: Sequence[RoundFile]
    transitions: Sequence[RoundTransition]


@dataclass(frozen=True, slots=True)
class Grant:
    """A file and a link to it that is valid until `expires_at`."""

    file: RoundFile
    url: str
    expires_at: datetime


class DataShelves:
    """Datasets as the caller's organisation sees them; operators see all."""

    def __init__(self, session: Session, clock: Clock, store: ObjectStore) -> None:
        self._rows = DatasetRepository(session)
        self._clock = clock
        self._store = store

    async def list_all(self, caller: Caller) -> list[Shelf]:
        """Everything the caller may use, by name."""
        caller.require(Permission.DATA_READ)
        return [Shelf(*row) for row in await self._rows.shelves(_reader(caller))]

    async def get(self, caller: Caller, name: str) -> Shelf:
        """Raises `DatasetNotFound`."""
        caller.require(Permission.DATA_READ)
        found = await self._rows.shelves(_reader(caller), name)
        if not found:
            raise DatasetNotFound(f"There is no dataset {name}.")
        return Shelf(*found[0])

    async def list_rounds(
        self, caller: Caller, name: str, *, state: str | None, before: int | None, limit: int
    ) -> tuple[Dataset, Sequence[Round]]:
        """The newest first. Raises `DatasetNotFound`."""
        dataset = await self._dataset(caller, name)
        return dataset, await self._rows.list_rounds(dataset.id, state=state, before=before, limit=limit)

    async def get_round(self, caller: Caller, name: str, number: int | None) -> SeenRound:
        """The round of this number, or the open one. Raises `DatasetNotFound`, `RoundNotFound`, `NoRoundOpen`."""
        dataset = await self._dataset(caller, name)
        if number is None:
            found = await self._rows.find_open(dataset.id)
            if found is None:
                raise NoRoundOpen(f"No round of {name} is open.")
        else:
            found = await self._rows.find_round_number(dataset.id, number)
            if found is None:
                raise RoundNotFound(f"{name} has no round {number}.")
        return await self._see(dataset, found)

    async def get_round_by_id(self, caller: Caller, round_id: str) -> SeenRound:
        """Raises `RoundNotFound`."""
        caller.require(Permission.DATA_READ)
        return await self._see_by_id(round_id, _reader(caller))

    async def rounds_of_each(
        self, caller: Caller, *, states: Collection[str] = (), datasets: int = MOST_DATASETS, limit: int
    ) -> list[tuple[Dataset, Round]]:
        """The newest rounds of each of the caller's first datasets, by name; of these states, where some are named."""
        caller.require(Permission.DATA_READ)
        return await self._rows.rounds_of_each(_reader(caller), states=states, datasets=datasets, limit=limit)

    async def public_rounds(self, *, datasets: int, limit: int) -> list[tuple[Dataset, Round]]:
        """The newest rounds of the first datasets that everybody may see, for visitors; what is in the files is not."""
        return await self._rows.rounds_of_each(_NOBODY, states=(), datasets=datasets, limit=limit)

    async def get_public_round(self, round_id: str) -> SeenRound:
        """A round of such a dataset: when it is, and the checksums of its files. Raises `RoundNotFound`."""
        return await self._see_by_id(round_id, _NOBODY)

    async def grant(self, caller: Caller, round_id: str, name: str) -> Grant:
        """A link to one file. Raises `RoundNotFound`, `DataFileNotFound`, `TargetsUnderEmbargo`."""
        seen = await self.get_round_by_id(caller, round_id)
        file = next((file for file in seen.files if file.name == name), None)
        if file is None:
            raise DataFileNotFound(f"Round {seen.round.number} has no file {name}.")
        if not is_available(seen.round, file):
            raise TargetsUnderEmbargo(
                f"Round {seen.round.number} is {seen.round.state}; its targets are handed out once it is resolved.",
                state=seen.round.state,
                embargo_until=seen.round.embargo_until.isoformat(),
            )
        url = await self._store.presign(file.object_key, LINKS_LIVE)
        return Grant(file, url, self._clock.now() + LINKS_LIVE)

    async def _dataset(self, caller: Caller, name: str) -> Dataset:
        caller.require(Permission.DATA_READ)
        dataset = await self._rows.find_dataset(name, _reader(caller))
        if dataset is None:
            raise DatasetNotFound(f"There is no dataset {name}.")
        return dataset

    async def _see_by_id(self, round_id: str, reader: str | None) -> SeenRound:
        found = await self._rows.round_with_dataset(round_id, reader)
        if found is None:
            raise RoundNotFound(f"There is no round {round_id}.")
        return await self._see(*found)

    async def _see(self, dataset: Dataset, found: Round) -> SeenRound:
        return SeenRound(dataset, found, await self._rows.files(found.id), await self._rows.transitions(found.id))


def is_available(found: Round, file: RoundFile) -> bool:
    """Whether the file may be downloaded: targets once the round is resolved, the rest from the start."""
    return file.name != TARGETS or found.state == "resolved"


def _reader(caller: Caller) -> str | None:
    return None if caller.may(Permission.MARKETPLACE_READ) else caller.organisation_id
