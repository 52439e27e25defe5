"""The SQL of searches that found nothing."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import distinct, func, select
from sqlalchemy.dialects.postgresql import insert

from mercato.discovery.miss_models import SearchMiss
from mercato.platform import Session


class MissRows:
    """Rows of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def count_one(self, row: dict[str, Any]) -> None:
        """One more search of these words by this asker on this day."""
        first = insert(SearchMiss).values(**row, searches=1)
        await self._session.execute(
            first.on_conflict_do_update(
                index_elements=["at", "words_digest", "asker"], set_={"searches": SearchMiss.searches + 1}
            )
        )

    async def sums(self, since: datetime, until: datetime) -> Sequence[tuple[str, int, int, datetime]]:
        """For each words: how many searches, by how many askers, and the last day."""
        query = (
            select(
                SearchMiss.words,
                func.sum(SearchMiss.searches),
                func.count(distinct(SearchMiss.asker)),
                func.max(SearchMiss.at),
            )
            .where(SearchMiss.at >= since, SearchMiss.at < until)
            .group_by(SearchMiss.words)
            .order_by(SearchMiss.words)
        )
        return [(row[0], int(row[1]), int(row[2]), row[3]) for row in await self._session.execute(query)]
