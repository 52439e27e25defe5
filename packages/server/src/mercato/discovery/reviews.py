"""Reviews: written by who called the service, answered by its vendor, hidden by operators with a reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from mercato.discovery.figures import FigureBook
from mercato.discovery.models import Review
from mercato.discovery.news import ReviewChanged
from mercato.discovery.refusals import ReviewNotEarned, ReviewNotFound
from mercato.discovery.review_rows import ReviewRepository
from mercato.identity import Caller, Directory, Permission
from mercato.metering import MarketUse
from mercato.platform import Clock, Ids, Outbox, Session
from mercato.publishing import Catalogue, Listing, Service
from mercato_contracts import ids as kinds

_CALLED_WITHIN = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A review and the name of its organisation."""

    row: Review
    organisation: str


@dataclass(frozen=True, slots=True)
class Reviewing:
    """A page of a listed service's reviews, and where an organisation stands towards it.

    `stars` and `count`: of all reviews that are not hidden. `own`: what it wrote; `is_earned`: it may write.
    """

    listing: Listing
    stars: int
    count: int
    page: Sequence[Reviewed]
    own: Reviewed | None
    is_earned: bool


class Reviews:
    """Of the listed services that `viewer` sees, in the caller's transaction."""

    def __init__(self, session: Session, clock: Clock, ids: Ids, outbox: Outbox, viewer: str | None = None) -> None:
        self._session = session
        self._clock = clock
        self._ids = ids
        self._outbox = outbox
        self._rows = ReviewRepository(session)
        self._catalogue = Catalogue(session, viewer)
        self._directory = Directory(session)
        self._book = FigureBook(session, clock, outbox)

    async def list_page(
        self, vendor: str, name: str, before: str | None, limit: int, *, hidden_too: bool = False
    ) -> list[Reviewed]:
        """The newest first; hidden ones only where they are asked for. Raises `ServiceNotFound`."""
        listing = await self._catalogue.get_listing(vendor, name)
        return await self._named(await self._rows.page(listing.service.id, before, limit, hidden_too=hidden_too))

    async def show_to(self, caller: Caller | None, vendor: str, name: str, before: str | None, limit: int) -> Reviewing:
        """Everything the page of reviews shows; operators see hidden ones too. Raises `ServiceNotFound`."""
        listing = await self._catalogue.get_listing(vendor, name)
        service = listing.service
        hidden_too = caller is not None and caller.may(Permission.MARKETPLACE_READ)
        page = await self._named(await self._rows.page(service.id, before, limit, hidden_too=hidden_too))
        asker = None if caller is None else caller.organisation_id
        stars, count, row = await self._rows.rating_and_own(service.id, asker)
        own = None if row is None or caller is None else Reviewed(row, caller.organisation_slug)
        # Who wrote one had called it then, at least; writing says otherwise.
        is_earned = own is not None
        if caller is not None and own is None and service.vendor_id != asker:
            is_earned = await self._has_called(caller, service)
        return Reviewing(listing, stars, count, page, own, is_earned)

    async def get_own(self, caller: Caller, vendor: str, name: str) -> Reviewed:
        """What the organisation wrote of the service. Raises `ServiceNotFound`, `ReviewNotFound`."""
        caller.require(Permission.SUBSCRIPTIONS_READ)
        service = (await self._catalogue.get_listing(vendor, name)).service
        review = await self._rows.find_of(service.id, caller.organisation_id)
        if review is None:
            raise ReviewNotFound(f"{caller.organisation_slug} has no review of {vendor}/{name}.")
        return (await self._named([review]))[0]

    async def write(self, caller: Caller, vendor: str, name: str, stars: int, words: str) -> Reviewed:
        """The organisation's review of the service, new or changed. Raises `ServiceNotFound`, `ReviewNotEarned`."""
        caller.require(Permission.SUBSCRIPTIONS_WRITE)
        service = (await self._catalogue.get_listing(vendor, name)).service
        if service.vendor_id == caller.organisation_id or not await self._has_called(caller, service):
            raise ReviewNotEarned(f"{caller.organisation_slug} has no answered call of {vendor}/{name}.")
        now = self._clock.now()
        await self._book.lock(service.id)
        review = await self._rows.lock_of(service.id, caller.organisation_id)
        change: Literal["written", "changed"] = "written" if review is None else "changed"
        if review is None:
            review = Review(
                id=self._ids.new(kinds.REVIEW), service_id=service.id, organisation_id=caller.organisation_id,
                written_at=now,
            )  # fmt: skip
            self._rows.add(review)
        review.stars, review.words, review.written_by, review.changed_at = stars, words, caller.actor, now
        return await self._changed(caller, review, change)

    async def remove(self, caller: Caller, vendor: str, name: str) -> None:
        """The organisation's own review is gone. Raises `ServiceNotFound`, `ReviewNotFound`."""
        caller.require(Permission.SUBSCRIPTIONS_WRITE)
        service = (await self._catalogue.get_listing(vendor, name)).service
        await self._book.lock(service.id)
        review = await self._rows.lock_of(service.id, caller.organisation_id)
        if review is None:
            raise ReviewNotFound(f"{caller.organisation_slug} has no review of {vendor}/{name}.")
        await self._rows.remove(review)
        await self._changed(caller, review, "removed")

    async def answer(self, caller: Caller, review_id: str, words: str) -> Reviewed:
        """The vendor's answer, new or changed. Raises `ReviewNotFound`."""
        caller.require(Permission.SERVICES_PUBLISH)
        review = await self._find(review_id)
        service = await self._catalogue.get_service(review.service_id)
        if service.vendor_id != caller.organisation_id:
            raise ReviewNotFound(f"There is no review {review_id} of a service of yours.")
        review.answer, review.answered_by, review.answered_at = words, caller.actor, self._clock.now()
        return await self._changed(caller, review, "answered")

    async def hide(self, caller: Caller, review_id: str, reason: str) -> Reviewed:
        """It is no longer shown and does not count. Raises `ReviewNotFound`."""
        caller.require(Permission.MARKETPLACE_WRITE)
        review = await self._find(review_id)
        review.hidden_for, review.hidden_by, review.hidden_at = reason, caller.actor, self._clock.now()
        return await self._changed(caller, review, "hidden", reason)

    async def show(self, caller: Caller, review_id: str, reason: str) -> Reviewed:
        """It is shown and counts again. Raises `ReviewNotFound`."""
        caller.require(Permission.MARKETPLACE_WRITE)
        review = await self._find(review_id)
        review.hidden_for = review.hidden_by = review.hidden_at = None
        return await self._changed(caller, review, "shown", reason)

    async def _find(self, review_id: str) -> Review:
        # The lock comes before the review's, as where one is written: the other way round two requests wait for
        # each other.
        service_id = await self._rows.service_of(review_id)
        if service_id is not None:
            await self._book.lock(service_id)
        review = await self._rows.lock(review_id)
        if review is None:
            raise ReviewNotFound(f"There is no review {review_id}.")
        return review

    async def _has_called(self, caller: Caller, service: Service) -> bool:
        since = self._clock.now() - _CALLED_WITHIN
        return await MarketUse(self._session).has_called(caller.organisation_id, service.id, since)

    async def _changed(
        self,
        caller: Caller,
        review: Review,
        change: Literal["written", "changed", "removed", "answered", "hidden", "shown"],
        reason: str = "",
    ) -> Reviewed:
        """Count the service's reviews again and publish the result.

        The caller has locked the service's figures: reviews that are sent at once, the same one twice among them, are
        written and counted one after the other.
        """
        await self._rows.flush()
        await self._book.rate(review.service_id, *await self._rows.sums(review.service_id))
        news = ReviewChanged(
            by=caller.actor,
            review_id=review.id,
            service_id=review.service_id,
            organisation_id=review.organisation_id,
            change=change,
            reason=reason,
        )
        await self._outbox.add(self._session, news)
        return (await self._named([review]))[0]

    async def _named(self, reviews: Sequence[Review]) -> list[Reviewed]:
        found = await self._directory.find_many({review.organisation_id for review in reviews})
        names = {organisation.id: organisation.slug for organisation in found}
        return [Reviewed(review, names.get(review.organisation_id, "")) for review in reviews]
