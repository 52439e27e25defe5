"""Build a dataset's panel from the prices that are installed."""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass

from mercato.datasets.card import NAME, SUMMARY, TITLE, write_card
from mercato.datasets.models import Dataset, StoredPanel
from mercato.datasets.news import PanelBuilt
from mercato.datasets.obscuring import Obscurer
from mercato.datasets.panel import Horizon, Panel, build_panel
from mercato.datasets.refusals import DatasetExists, PanelDamaged, PanelMissing, RoundNotFound
from mercato.datasets.repository import DatasetRepository
from mercato.datasets.sources import Market, read_market
from mercato.platform import Clock, Ids, ObjectStore, Outbox, Session, desk_libraries
from mercato_contracts import ids as id_prefix

HORIZON = Horizon(days=5, lag=1)


@dataclass(frozen=True, slots=True)
class Built:
    """What a build made. `is_new` is false when the same panel was there already."""

    dataset: Dataset
    panel: StoredPanel
    is_new: bool


class PanelBuilder:
    """Makes panels. `data_key` (32 secret bytes) obscures their ids; `read` says where prices come from."""

    def __init__(
        self,
        session: Session,
        clock: Clock,
        ids: Ids,
        outbox: Outbox,
        store: ObjectStore,
        data_key: bytes,
        read: Callable[[], Market] = read_market,
    ) -> None:
        self._session = session
        self._rows = DatasetRepository(session)
        self._clock = clock
        self._ids = ids
        self._outbox = outbox
        self._store = store
        self._data_key = data_key
        self._read = read

    async def build(self, *, by: str, name: str = NAME, reader_id: str | None = None, title: str = TITLE) -> Built:
        """The dataset `name` with the newest panel; a few seconds of work. The same prices make the same panel.

        A dataset with a `reader_id` is seen by that organisation only, and its ids are its own. Who may see a dataset
        is decided when it is made. Raises `DatasetExists`, `DeskNotInstalled`, `SourcesDisagree`.
        """
        market, panel, content = await asyncio.to_thread(self._make, name)
        dataset = await self._rows.find_dataset(name, None, lock=True)
        if dataset is None:
            await self._rows.add_dataset(self._new(name, title, reader_id))
            dataset = await self._rows.find_dataset(name, None, lock=True)
            assert dataset is not None
        if reader_id is not None and dataset.reader_id != reader_id:
            raise DatasetExists(f"{name} was made for other readers.")
        dataset.card = write_card(panel, market.sources, market.agreements)
        sha256 = hashlib.sha256(content).hexdigest()
        stored = await self._rows.find_panel_of(dataset.id, sha256)
        is_new = stored is None
        if stored is None:
            stored = await self._keep(dataset, panel, market, content, sha256, by)
        dataset.panel_id = stored.id
        return Built(dataset, stored, is_new)

    def _new(self, name: str, title: str, reader_id: str | None) -> Dataset:
        return Dataset(
            id=self._ids.new(id_prefix.DATASET), name=name, title=title, summary=SUMMARY, card="",
            reader_id=reader_id, panel_id=None, created_at=self._clock.now(),
        )  # fmt: skip

    def _make(self, name: str) -> tuple[Market, Panel, bytes]:
        with desk_libraries():
            from mercato.datasets.parquet import write_panel
        market = self._read()
        panel = build_panel(market, Obscurer(self._data_key, name), HORIZON)
        return market, panel, write_panel(panel)

    async def _keep(
        self, dataset: Dataset, panel: Panel, market: Market, content: bytes, sha256: str, by: str
    ) -> StoredPanel:
        key = f"panels/{dataset.id}/{sha256}.parquet"
        await self._store.put(key, content)
        stored = StoredPanel(
            id=self._ids.new(id_prefix.PANEL),
            dataset_id=dataset.id,
            object_key=key,
            bytes=len(content),
            sha256=sha256,
            eras=panel.eras,
            first_day=panel.days[0].isoformat(),
            last_day=panel.days[-1].isoformat(),
            horizon_days=panel.horizon.days,
            lag_days=panel.horizon.lag,
            features=list(panel.feature_names),
            sources=[asdict(source) for source in market.sources],
            built_at=self._clock.now(),
        )
        self._rows.add(stored)
        await self._rows.flush()
        await self._outbox.add(self._session, PanelBuilt(by=by, dataset=dataset.name, panel_id=stored.id))
        return stored


class Panels:
    """Reads panels back, checked against their checksums."""

    def __init__(self, session: Session, store: ObjectStore) -> None:
        self._rows = DatasetRepository(session)
        self._store = store

    async def of_round(self, round_id: str) -> Panel:
        """The panel that the round was made of. Raises `RoundNotFound`, `PanelDamaged`."""
        found = await self._rows.find_round(round_id)
        if found is None:
            raise RoundNotFound(f"There is no round {round_id}.")
        return await self.load(found.panel_id)

    async def load(self, panel_id: str) -> Panel:
        """Raises `PanelMissing`, `PanelDamaged`, `DeskNotInstalled`."""
        stored = await self._rows.find_panel(panel_id)
        if stored is None:
            raise PanelMissing("There is no such panel.")
        content = await self._store.get(stored.object_key)
        if hashlib.sha256(content).hexdigest() != stored.sha256:
            raise PanelDamaged("The panel in the store of files is not the one that was built.")
        return await asyncio.to_thread(_read, content)


def _read(content: bytes) -> Panel:
    with desk_libraries():
        from mercato.datasets.parquet import read_panel
    return read_panel(content)
