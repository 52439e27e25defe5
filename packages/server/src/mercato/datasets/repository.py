"""Questions about datasets and rounds."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select, true
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from mercato.datasets.models import Dataset, Round, RoundFile, RoundTransition, StoredPanel
from mercato.platform import Session


class DatasetRepository:
    """Rows of this room.

    `reader` is the organisation that asks; `None` is the marketplace itself, which sees everything.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, row: Dataset | StoredPanel | Round | RoundFile | RoundTransition) -> None:
        self._session.add(row)

    async def add_dataset(self, row: Dataset) -> None:
        """Add the dataset unless its name exists: two concurrent calls both get the first one's row."""
        values = {column.key: getattr(row, column.key) for column in Dataset.__table__.columns}
        await self._session.execute(insert(Dataset).values(values).on_conflict_do_nothing(index_elements=["name"]))

    async def flush(self) -> None:
        await self._session.flush()

    async def find_dataset(self, name: str, reader: str | None, *, lock: bool = False) -> Dataset | None:
        query = select(Dataset).where(Dataset.name == name, _readable(reader))
        return await self._session.scalar(query.with_for_update() if lock else query)

    async def lock_dataset(self, dataset_id: str) -> Dataset:
        """Lock the dataset: until this transaction ends no other one opens a round of it.

        Datasets are never deleted.
        """
        return (await self._session.scalars(select(Dataset).where(Dataset.id == dataset_id).with_for_update())).one()

    async def shelves(
        self, reader: str | None, name: str | None = None
    ) -> list[tuple[Dataset, StoredPanel | None, Round | None, int]]:
        """Each dataset, or the one of this name: its panel, its open round, its newest round's number. By name."""
        every = aliased(Round)
        newest = select(func.max(every.number)).where(every.dataset_id == Dataset.id).scalar_subquery()
        query = (
            select(Dataset, StoredPanel, Round, func.coalesce(newest, 0))
            .outerjoin(StoredPanel, StoredPanel.id == Dataset.panel_id)
            .outerjoin(Round, (Round.dataset_id == Dataset.id) & (Round.state == "open"))
            .where(_readable(reader))
            .order_by(Dataset.name)
        )
        if name is not None:
            query = query.where(Dataset.name == name)
        return [(row[0], row[1], row[2], row[3]) for row in await self._session.execute(query)]

    async def round_with_dataset(self, round_id: str, reader: str | None) -> tuple[Dataset, Round] | None:
        query = select(Dataset, Round).join(Round, Round.dataset_id == Dataset.id)
        found = (await self._session.execute(query.where(Round.id == round_id, _readable(reader)))).one_or_none()
        return None if found is None else (found[0], found[1])

    async def rounds_of_each(
        self, reader: str | None, *, states: Collection[str], datasets: int, limit: int
    ) -> list[tuple[Dataset, Round]]:
        """The newest rounds of each of the first `datasets`, by name; in any state where none of `states` is named."""
        first = select(Dataset.id).where(_readable(reader)).order_by(Dataset.name).limit(datasets).correlate(None)
        own = select(Round).where(Round.dataset_id == Dataset.id).order_by(Round.number.desc()).limit(limit)
        if states:
            own = own.where(Round.state.in_(states))
        newest = aliased(Round, own.correlate(Dataset).lateral())
        query = select(Dataset, newest).join(newest, true()).where(Dataset.id.in_(first))
        rows = await self._session.execute(query.order_by(Dataset.name, newest.number.desc()))
        return [(row[0], row[1]) for row in rows]

    async def find_panel(self, panel_id: str) -> StoredPanel | None:
        return await self._session.get(StoredPanel, panel_id)

    async def find_panel_of(self, dataset_id: str, sha256: str) -> StoredPanel | None:
        query = select(StoredPanel).where(StoredPanel.dataset_id == dataset_id, StoredPanel.sha256 == sha256)
        return await self._session.scalar(query)

    async def find_round(self, round_id: str, *, lock: bool = False) -> Round | None:
        query = select(Round).where(Round.id == round_id)
        return await self._session.scalar(query.with_for_update() if lock else query)

    async def share_round(self, round_id: str) -> Round | None:
        """The round under a shared lock."""
        return await self._session.scalar(select(Round).where(Round.id == round_id).with_for_update(read=True))

    async def round_ids(self, dataset_id: str) -> Sequence[str]:
        query = select(Round.id).where(Round.dataset_id == dataset_id).order_by(Round.number)
        return (await self._session.scalars(query)).all()

    async def find_round_number(self, dataset_id: str, number: int) -> Round | None:
        return await self._session.scalar(select(Round).where(Round.dataset_id == dataset_id, Round.number == number))

    async def find_open(self, dataset_id: str) -> Round | None:
        return await self._session.scalar(select(Round).where(Round.dataset_id == dataset_id, Round.state == "open"))

    async def newest_round(self, dataset_id: str) -> Round | None:
        query = select(Round).where(Round.dataset_id == dataset_id).order_by(Round.number.desc()).limit(1)
        return await self._session.scalar(query)

    async def first_unresolved_era(self, dataset_id: str) -> int | None:
        query = select(func.min(Round.first_era)).where(Round.dataset_id == dataset_id, Round.state != "resolved")
        era: int | None = await self._session.scalar(query)
        return era

    async def list_rounds(
        self, dataset_id: str, *, state: str | None, before: int | None, limit: int
    ) -> Sequence[Round]:
        query = select(Round).where(Round.dataset_id == dataset_id).order_by(Round.number.desc()).limit(limit)
        if state is not None:
            query = query.where(Round.state == state)
        if before is not None:
            query = query.where(Round.number < before)
        return (await self._session.scalars(query)).all()

    async def due(self, state: str, moment: datetime) -> Sequence[str]:
        """Ids of the rounds in this state that are due to be closed or resolved."""
        column = Round.closes_at if state == "open" else Round.embargo_until
        query = select(Round.id).where(Round.state == state, column <= moment).order_by(Round.id)
        return (await self._session.scalars(query)).all()

    async def files(self, round_id: str) -> Sequence[RoundFile]:
        query = select(RoundFile).where(RoundFile.round_id == round_id).order_by(RoundFile.name)
        return (await self._session.scalars(query)).all()

    async def transitions(self, round_id: str) -> Sequence[RoundTransition]:
        query = select(RoundTransition).where(RoundTransition.round_id == round_id)
        return (await self._session.scalars(query.order_by(RoundTransition.at, RoundTransition.state))).all()


def _readable(reader: str | None) -> ColumnElement[bool]:
    everybody = Dataset.reader_id.is_(None)
    return or_(everybody, Dataset.reader_id == reader) if reader is not None else Dataset.id.is_not(None)
