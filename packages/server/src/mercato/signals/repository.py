"""The desk's questions to the database."""

from collections.abc import AsyncIterator, Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Text, cast, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on, insert

from mercato.platform import Session
from mercato.signals.models import BacktestClaim, DeploymentRoundScore, DeskDocument, SignalEntry

# One index lookup per era, however many writes it had.
_NEWEST = text(
    "SELECT last.* FROM unnest(CAST(:rounds AS text[]), CAST(:eras AS bigint[])) AS asked(round_id, era) "
    "CROSS JOIN LATERAL (SELECT id, deployment_id, round_id, era, place, entry, leaf, scores_sha256, received_at "
    "FROM signal_entries AS e WHERE e.round_id = asked.round_id AND e.deployment_id = :deployment "
    "AND e.era = asked.era ORDER BY e.place DESC LIMIT 1) AS last"
)
_APPEND = text(
    "INSERT INTO signal_entries (place, id, deployment_id, vendor_id, round_id, era, scores, scores_sha256, entry, "
    "leaf, created_at, received_at) SELECT place, id, :deployment, :vendor, round_id, era, scores, scores_sha256, "
    "entry, decode(leaf, 'hex'), created_at, :received FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS entry_rows("
    "place bigint, id text, round_id text, era bigint, scores jsonb, scores_sha256 text, entry text, leaf text, "
    "created_at timestamptz)"
)


class LastWrite(NamedTuple):
    """All of an entry but its scores."""

    id: str
    deployment_id: str
    round_id: str
    era: int
    place: int
    entry: str
    leaf: bytes
    scores_sha256: str
    received_at: datetime


class SignalRepository:
    """Rows of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def newest_of(
        self, deployment_id: str, written: Collection[tuple[str, int]]
    ) -> dict[tuple[str, int], LastWrite]:
        """The deployment's last write of each of these eras."""
        values = {
            "deployment": deployment_id,
            "rounds": [round_id for round_id, _ in written],
            "eras": [era for _, era in written],
        }
        found = await self._session.execute(_NEWEST, values)
        return {(row.round_id, row.era): LastWrite._make(row) for row in found}

    async def append(self, vendor_id: str, deployment_id: str, received_at: datetime, rows: str) -> None:
        """Insert entries of one deployment, a JSON array of their columns, in one statement."""
        values = {"vendor": vendor_id, "deployment": deployment_id, "received": received_at, "rows": rows}
        await self._session.execute(_APPEND, values)

    async def newest_in(self, round_id: str) -> Sequence[SignalEntry]:
        """The last write of every deployment for every era of the round, in the order of deployments and eras."""
        query = (
            select(SignalEntry)
            .where(SignalEntry.round_id == round_id)
            .ext(distinct_on(SignalEntry.deployment_id, SignalEntry.era))
            .order_by(SignalEntry.deployment_id, SignalEntry.era, SignalEntry.place.desc())
        )
        return (await self._session.scalars(query)).all()

    async def written_by(
        self, vendor_id: str, *, round_id: str | None, before: int | None, limit: int
    ) -> Sequence[SignalEntry]:
        """The vendor's own entries, the newest first."""
        query = select(SignalEntry).where(SignalEntry.vendor_id == vendor_id)
        if round_id is not None:
            query = query.where(SignalEntry.round_id == round_id)
        if before is not None:
            query = query.where(SignalEntry.place < before)
        return (await self._session.scalars(query.order_by(SignalEntry.place.desc()).limit(limit))).all()

    async def find_entry(self, entry_id: str) -> SignalEntry | None:
        return await self._session.scalar(select(SignalEntry).where(SignalEntry.id == entry_id))

    async def all_entries(self) -> AsyncIterator[SignalEntry]:
        """In the order of the log, a thousand in memory at a time."""
        query = select(SignalEntry).order_by(SignalEntry.place).execution_options(yield_per=1000)
        async for row in await self._session.stream_scalars(query):
            yield row

    async def put_claim(self, row: BacktestClaim) -> None:
        """Insert the claim unless the deployment has one: the first stays."""
        values = {column.key: getattr(row, column.key) for column in BacktestClaim.__table__.columns}
        await self._session.execute(insert(BacktestClaim).values(values).on_conflict_do_nothing())

    async def find_claim(self, deployment_id: str) -> BacktestClaim | None:
        return await self._session.get(BacktestClaim, deployment_id)

    async def find_document(self, round_id: str, kind: str, era: int = 0) -> DeskDocument | None:
        return await self._session.get(DeskDocument, (round_id, kind, era))

    async def documents(self, round_id: str, kinds: Collection[str]) -> Sequence[DeskDocument]:
        """By era."""
        query = select(DeskDocument).where(DeskDocument.round_id == round_id, DeskDocument.kind.in_(kinds))
        return (await self._session.scalars(query.order_by(DeskDocument.era))).all()

    async def first_documents(self, round_ids: Sequence[str], kinds: Collection[str]) -> Sequence[DeskDocument]:
        """By era, of the first of these rounds that has a consensus."""
        place = func.array_position(cast(list(round_ids), ARRAY(Text)), DeskDocument.round_id)
        first = (
            select(DeskDocument.round_id)
            .where(DeskDocument.round_id.in_(round_ids), DeskDocument.kind == "consensus")
            .order_by(place)
            .limit(1)
            .scalar_subquery()
        )
        query = select(DeskDocument).where(DeskDocument.round_id == first, DeskDocument.kind.in_(kinds))
        return (await self._session.scalars(query.order_by(DeskDocument.era))).all()

    async def scores_before(self, dataset_id: str, number: int) -> Sequence[DeploymentRoundScore]:
        """Of all earlier rounds of this dataset, the oldest first."""
        query = select(DeploymentRoundScore).where(
            DeploymentRoundScore.dataset_id == dataset_id, DeploymentRoundScore.number < number
        )
        return (
            await self._session.scalars(query.order_by(DeploymentRoundScore.number, DeploymentRoundScore.deployment_id))
        ).all()

    async def put_document(self, row: DeskDocument) -> DeskDocument:
        """Insert unless it exists: the first one published stays, and is returned."""
        values = {column.key: getattr(row, column.key) for column in DeskDocument.__table__.columns}
        await self._session.execute(insert(DeskDocument).values(values).on_conflict_do_nothing())
        kept = await self.find_document(row.round_id, row.kind, row.era)
        assert kept is not None
        return kept

    async def put_score(self, row: DeploymentRoundScore) -> None:
        """Unless it is there."""
        values = {column.key: getattr(row, column.key) for column in DeploymentRoundScore.__table__.columns}
        await self._session.execute(insert(DeploymentRoundScore).values(values).on_conflict_do_nothing())

    async def newest_portfolio(self, round_ids: Sequence[str], before_era: int) -> DeskDocument | None:
        """The portfolio of the last earlier era that has one, in these rounds."""
        query = (
            select(DeskDocument)
            .where(
                DeskDocument.round_id.in_(round_ids), DeskDocument.kind == "portfolio", DeskDocument.era < before_era
            )
            .order_by(DeskDocument.era.desc())
            .limit(1)
        )
        return await self._session.scalar(query)

    async def scores_written_before(self, deployment_id: str, round_id: str) -> list[float]:
        """All scores of the deployment's entries for other rounds, the newest 2,000 entries."""
        query = (
            select(SignalEntry.scores)
            .where(SignalEntry.deployment_id == deployment_id, SignalEntry.round_id != round_id)
            .order_by(SignalEntry.place.desc())
            .limit(2000)
        )
        return [score for scores in await self._session.scalars(query) for score in scores.values()]

    async def all_scores(self) -> Sequence[DeploymentRoundScore]:
        """Of every deployment and round, the oldest round first."""
        query = select(DeploymentRoundScore).order_by(DeploymentRoundScore.at, DeploymentRoundScore.deployment_id)
        return (await self._session.scalars(query)).all()
