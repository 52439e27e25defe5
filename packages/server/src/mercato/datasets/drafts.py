"""Drafts of rounds: eras and files, prepared before the round itself is recorded."""

import asyncio
import hashlib
from dataclasses import dataclass

from mercato.datasets.build import Panels
from mercato.datasets.eras import RoundEras, choose_eras
from mercato.datasets.models import Dataset, Round
from mercato.datasets.panel import Horizon, Panel
from mercato.datasets.refusals import DatasetNotFound, PanelMissing, RoundOpenAlready
from mercato.datasets.repository import DatasetRepository
from mercato.platform import Database, Ids, ObjectStore, desk_libraries
from mercato_contracts import ids as id_prefix

TRAIN, LIVE, TARGETS = "train.parquet", "live.parquet", "targets.parquet"


@dataclass(frozen=True, slots=True)
class DraftFile:
    """A file that is already in the store."""

    name: str
    object_key: str
    size: int
    """In bytes."""
    sha256: str
    rows: int


@dataclass(frozen=True, slots=True)
class RoundDraft:
    """A round that is not recorded yet although its files are stored.

    If it is never opened, nobody can see those files.
    """

    id: str
    dataset_id: str
    panel_id: str
    number: int
    eras: RoundEras
    horizon: Horizon
    files: tuple[DraftFile, ...]


class RoundDrafts:
    """Drafts rounds, outside transactions while it reads a panel or writes files: a transaction that has written holds
    back all news.
    """

    def __init__(self, database: Database, ids: Ids, store: ObjectStore) -> None:
        self._database = database
        self._panels = Panels(database, store)
        self._ids = ids
        self._store = store

    async def draft(self, dataset_name: str, *, first_era: int | None = None, eras: int = 5) -> RoundDraft:
        """A round of `eras` eras starting at `first_era` (by default after the last round), with its files.

        Training data is purged: it ends early enough that none of its targets looks into this round or an earlier
        unresolved one. Raises `DatasetNotFound`, `PanelMissing`, `RoundOpenAlready`, `ErasNotOffered`.
        """
        dataset, panel_id, before, unresolved = await self._read(dataset_name)
        panel = await self._panels.load(panel_id)
        chosen = choose_eras(panel, first_era, eras, before.last_era if before else None, unresolved)
        round_id = self._ids.new(id_prefix.ROUND)
        files = []
        for name, (content, rows) in (await asyncio.to_thread(_write_files, panel, chosen)).items():
            key = f"rounds/{round_id}/{name}"
            await self._store.put(key, content)
            files.append(DraftFile(name, key, len(content), hashlib.sha256(content).hexdigest(), rows))
        return RoundDraft(
            round_id, dataset.id, panel_id, next_number(before), chosen, panel.horizon, tuple(files)
        )  # fmt: skip

    async def _read(self, dataset_name: str) -> tuple[Dataset, str, Round | None, int | None]:
        """The dataset, the panel to use, the last round, and the first era that is not resolved."""
        async with self._database.transaction() as session:
            rows = DatasetRepository(session)
            dataset = await rows.find_dataset(dataset_name, None)
            if dataset is None:
                raise DatasetNotFound(f"There is no dataset {dataset_name}.")
            if dataset.panel_id is None:
                raise PanelMissing(f"{dataset_name} has no panel yet.")
            if await rows.find_open(dataset.id) is not None:
                raise RoundOpenAlready(f"A round of {dataset_name} is open.")
            before = await rows.newest_round(dataset.id)
            return dataset, dataset.panel_id, before, await rows.first_unresolved_era(dataset.id)


def next_number(newest: Round | None) -> int:
    """The number of the round after this one."""
    return newest.number + 1 if newest else 1


def _write_files(panel: Panel, eras: RoundEras) -> dict[str, tuple[bytes, int]]:
    with desk_libraries():
        from mercato.datasets.parquet import write_rows
    return {
        TRAIN: write_rows(panel, 1, eras.train_last, features=True, target=True),
        LIVE: write_rows(panel, eras.first, eras.last, features=True, target=False),
        TARGETS: write_rows(panel, eras.first, eras.last, features=False, target=True),
    }
