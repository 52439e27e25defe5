"""Questions about reviews."""

from sqlalchemy import Select, and_, func, select

from mercato.discovery.models import ListingFigures, Review
from mercato.platform import Session


class ReviewRepository:
    """Reviews of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, review: Review) -> None:
        """A new one."""
        self._session.add(review)

    async def remove(self, review: Review) -> None:
        """It is gone."""
        await self._session.delete(review)

    async def flush(self) -> None:
        """Later questions see what was changed."""
        await self._session.flush()

    async def service_of(self, review_id: str) -> str | None:
        """The id of the service that the review is of."""
        return await self._session.scalar(select(Review.service_id).where(Review.id == review_id))

    async def lock(self, review_id: str) -> Review | None:
        """The review as it stands now."""
        query = select(Review).where(Review.id == review_id).with_for_update()
        return await self._session.scalar(query)

    async def lock_of(self, service_id: str, organisation_id: str) -> Review | None:
        """This organisation's review of the service."""
        return await self._session.scalar(_of(service_id, organisation_id).with_for_update())

    async def find_of(self, service_id: str, organisation_id: str) -> Review | None:
        """The same, to look at."""
        return await self._session.scalar(_of(service_id, organisation_id))

    async def rating_and_own(self, service_id: str, organisation_id: str | None) -> tuple[int, int, Review | None]:
        """The stars of all that are not hidden, how many these are, and this organisation's own."""
        own = and_(Review.service_id == ListingFigures.service_id, Review.organisation_id == organisation_id)
        query = select(ListingFigures.stars, ListingFigures.reviews, Review).outerjoin(Review, own)
        row = (await self._session.execute(query.where(ListingFigures.service_id == service_id))).one_or_none()
        # The first review of a service makes its row of figures.
        return (0, 0, None) if row is None else (row[0], row[1], row[2])

    async def page(self, service_id: str, before: str | None, limit: int, *, hidden_too: bool) -> list[Review]:
        """The newest first."""
        query = select(Review).where(Review.service_id == service_id)
        if not hidden_too:
            query = query.where(Review.hidden_at.is_(None))
        if before is not None:
            query = query.where(Review.id < before)
        return list(await self._session.scalars(query.order_by(Review.id.desc()).limit(limit)))

    async def sums(self, service_id: str) -> tuple[int, int]:
        """The stars of the service's reviews that are not hidden, and how many these are."""
        query = select(func.coalesce(func.sum(Review.stars), 0), func.count()).where(
            Review.service_id == service_id, Review.hidden_at.is_(None)
        )
        row = (await self._session.execute(query)).one()
        return int(row[0]), int(row[1])


def _of(service_id: str, organisation_id: str) -> Select[Review]:
    return select(Review).where(Review.service_id == service_id, Review.organisation_id == organisation_id)
