"""The questions behind rankings."""

from typing import Any, Literal

from sqlalchemy import and_, func, select

from mercato.discovery.models import ListingFigures, ListingRow
from mercato.discovery.repository import seen_by
from mercato.platform import Session

RankingName = Literal["use", "growth", "rating", "speed", "availability"]
LEAST_CALLS = 100
LEAST_REVIEWS = 3
USUAL_RATING, WEIGHT = 350, 5
"""Each service's reviews are counted together with so many of so many hundredths of a star."""

_RATING = (ListingFigures.stars * 100 + USUAL_RATING * WEIGHT) / (ListingFigures.reviews + WEIGHT)
_ENOUGH = ListingFigures.calls >= LEAST_CALLS
_ORDERS: dict[RankingName, tuple[Any, Any]] = {
    "use": (ListingFigures.calls, ListingFigures.calls > 0),
    "growth": (ListingFigures.trend_millis, ListingFigures.trend_millis > 0),
    "rating": (_RATING, ListingFigures.reviews >= LEAST_REVIEWS),
    "speed": (-ListingFigures.p95_us, and_(_ENOUGH, ListingFigures.p95_us.is_not(None))),
    "availability": (func.coalesce(ListingFigures.availability_bp, 0), _ENOUGH),
}
"""What is highest at the top, and what is in the ranking at all."""


class RankingRows:
    """Rows of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def first(
        self, by: RankingName, limit: int, task: str | None, viewer: str | None
    ) -> list[tuple[ListingFigures, ListingRow]]:
        """Listings that the viewer sees in this order, by id among equals; yanked ones are left out."""
        value, least = _ORDERS[by]
        listed = ListingRow.service_id == ListingFigures.service_id
        query = select(ListingFigures, ListingRow).join(ListingRow, listed)
        query = query.where(ListingRow.withdrawn.is_(False), ListingRow.facts["status"].astext != "yanked", least)
        query = query.where(seen_by(viewer))
        if task is not None:
            query = query.where(ListingRow.facts["task"].astext == task)
        rows = await self._session.execute(query.order_by(value.desc(), ListingFigures.service_id).limit(limit))
        return [(row[0], row[1]) for row in rows]
