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
from mercato.platform import Clock, Database, Ids, ObjectStore, Outbox, Session, desk_libraries
from mercato_contracts import ids as id_prefix

HORIZON = Horizon(days=5, lag=1)


@dataclass(frozen=True, slots=True)
class Built:
    """The result of a build. `is_new` is false if the same panel already existed."""

    dataset: Dataset
    panel: StoredPanel
    is_new: bool


@dataclass(frozen=True, slots=True)
class PanelDraft:
    """A panel that is computed and stored but not yet recorded; `PanelBuilder.record` does that."""

    name: str
    dataset_id: str
    """Ids of the stored dataset of this name, or of a new one."""
    object_key: str
    sha256: str
    size: int
    card: str
    panel: Panel
    market: Market


class PanelBuilder:
    """Makes panels. `data_key` (32 secret bytes) obscures their ids; `read` says where prices come from.

    Prices are read and files written outside transactions: an open one holds back all news.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ids: Ids,
        outbox: Outbox,
        store: ObjectStore,
        data_key: bytes,
        read: Callable[[], Market] = read_market,
    ) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._outbox = outbox
        self._store = store
        self._data_key = data_key
        self._read = read

    async def build(self, *, by: str, name: str = NAME, reader_id: str | None = None, title: str = TITLE) -> Built:
        """`prepare` and `record`, in a transaction of its own."""
        draft = await self.prepare(name)
        async with self._database.transaction() as session:
            return await self.record(session, draft, by=by, reader_id=reader_id, title=title)

    async def prepare(self, name: str = NAME) -> PanelDraft:
        """Compute the newest panel of the dataset `name` and store its file: a few seconds, in no transaction.

        Raises `DeskNotInstalled`, `SourcesDisagree`.
        """
        market, panel, content = await asyncio.to_thread(self._make, name)
        sha256 = hashlib.sha256(content).hexdigest()
        async with self._database.transaction() as session:
            rows = DatasetRepository(session)
            dataset = await rows.find_dataset(name, None)
            stored = await rows.find_panel_of(dataset.id, sha256) if dataset else None
        dataset_id = dataset.id if dataset else self._ids.new(id_prefix.DATASET)
        key = f"panels/{dataset_id}/{sha256}.parquet"
        if stored is None:
            await self._store.put(key, content)
        card = write_card(panel, market.sources, market.agreements)
        return PanelDraft(name, dataset_id, key, sha256, len(content), card, panel, market)

    async def record(
        self, session: Session, draft: PanelDraft, *, by: str, reader_id: str | None = None, title: str = TITLE
    ) -> Built:
        """The dataset with this panel as its newest. The same prices make the same panel.

        A dataset with a `reader_id` is visible to that organisation only and has ids of its own. Visibility is fixed
        when a dataset is created. Raises `DatasetExists`.
        """
        rows = DatasetRepository(session)
        dataset = await rows.find_dataset(draft.name, None, lock=True)
        if dataset is None:
            await rows.add_dataset(self._new(draft, title, reader_id))
            dataset = await rows.find_dataset(draft.name, None, lock=True)
            assert dataset is not None
        if reader_id is not None and dataset.reader_id != reader_id:
            raise DatasetExists(f"{draft.name} was made for other readers.")
        dataset.card = draft.card
        # Another process may have recorded the same panel since the draft was made.
        stored = await rows.find_panel_of(dataset.id, draft.sha256)
        is_new = stored is None
        if stored is None:
            stored = self._stored(dataset, draft)
            rows.add(stored)
            await rows.flush()
            await self._outbox.add(session, PanelBuilt(by=by, dataset=dataset.name, panel_id=stored.id))
        dataset.panel_id = stored.id
        return Built(dataset, stored, is_new)

    def _new(self, draft: PanelDraft, title: str, reader_id: str | None) -> Dataset:
        return Dataset(
            id=draft.dataset_id, name=draft.name, title=title, summary=SUMMARY, card="",
            reader_id=reader_id, panel_id=None, created_at=self._clock.now(),
        )  # fmt: skip

    def _make(self, name: str) -> tuple[Market, Panel, bytes]:
        with desk_libraries():
            from mercato.datasets.parquet import write_panel
        market = self._read()
        panel = build_panel(market, Obscurer(self._data_key, name), HORIZON)
        return market, panel, write_panel(panel)

    def _stored(self, dataset: Dataset, draft: PanelDraft) -> StoredPanel:
        panel = draft.panel
        return StoredPanel(
            id=self._ids.new(id_prefix.PANEL),
            dataset_id=dataset.id,
            object_key=draft.object_key,
            bytes=draft.size,
            sha256=draft.sha256,
            eras=panel.eras,
            first_day=panel.days[0].isoformat(),
            last_day=panel.days[-1].isoformat(),
            horizon_days=panel.horizon.days,
            lag_days=panel.horizon.lag,
            features=list(panel.feature_names),
            sources=[asdict(source) for source in draft.market.sources],
            built_at=self._clock.now(),
        )


class Panels:
    """Reads panels and verifies their checksums, outside transactions."""

    def __init__(self, database: Database, store: ObjectStore) -> None:
        self._database = database
        self._store = store

    async def of_round(self, round_id: str) -> Panel:
        """The panel that the round was made from. Raises `RoundNotFound`, `PanelDamaged`."""
        async with self._database.transaction() as session:
            found = await DatasetRepository(session).find_round(round_id)
        if found is None:
            raise RoundNotFound(f"There is no round {round_id}.")
        return await self.load(found.panel_id)

    async def load(self, panel_id: str) -> Panel:
        """Raises `PanelMissing`, `PanelDamaged`, `DeskNotInstalled`."""
        async with self._database.transaction() as session:
            stored = await DatasetRepository(session).find_panel(panel_id)
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
