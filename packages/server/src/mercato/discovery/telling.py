"""Tells organisations of listings that newly fit the searches that they keep, each once."""

from collections.abc import Sequence

from mercato.discovery.document import ListingDocument, Vector, unpack_vector
from mercato.discovery.fit_letters import LETTER_PAUSE, SAVED_SEARCH_LETTER
from mercato.discovery.fitting import fits, wanted_of
from mercato.discovery.news import SavedSearchFitted
from mercato.discovery.ports import AS_IS, CosineScale
from mercato.discovery.saved_models import SavedSearch, SavedSearchFit
from mercato.discovery.saved_rows import SavedRows
from mercato.identity import Directory, LetterBox
from mercato.platform import Clock, Ids, Outbox, Session
from mercato_contracts import ids as kinds

_PAGE = 500


class FitTeller:
    """Tells organisations of listings that newly fit their saved searches, in the transaction that writes the listing:
    a worker that dies before the commit has reported nothing, and one after it everything.

    `scale` is the embedder's; without it words decide alone.
    """

    def __init__(
        self, session: Session, clock: Clock, ids: Ids, outbox: Outbox, embedder_name: str, scale: CosineScale | None
    ) -> None:
        self._session = session
        self._clock = clock
        self._ids = ids
        self._outbox = outbox
        self._embedder_name = embedder_name
        self._scale = scale
        self._rows = SavedRows(session)
        self._letters = LetterBox(session, clock, ids)

    async def tell(self, changes: Sequence[tuple[ListingDocument | None, ListingDocument]]) -> None:
        """Of each listing as it was, `None` where it was not there, and as it is."""
        after = ""
        while changes and (page := await self._rows.page(after, _PAGE)):
            found = await Directory(self._session).find_many({row.organisation_id for row in page})
            slugs = {organisation.id: organisation.slug for organisation in found}
            for row in page:
                await self._tell_of(row, slugs.get(row.organisation_id, ""), changes)
            after = page[-1].id

    async def _tell_of(
        self, row: SavedSearch, slug: str, changes: Sequence[tuple[ListingDocument | None, ListingDocument]]
    ) -> None:
        wanted, vector, scale = wanted_of(row.means), self._vector_of(row), self._scale or AS_IS
        for before, now in changes:
            fits_now = now.vendor != slug and now.is_seen_by(slug) and fits(wanted, now, vector, scale)
            fitted = before is not None and before.is_seen_by(slug) and fits(wanted, before, vector, scale)
            if fits_now and not fitted:
                await self._note(row, now)

    async def _note(self, row: SavedSearch, listing: ListingDocument) -> None:
        fit = SavedSearchFit(
            saved_search_id=row.id, service_id=listing.service_id, id=self._ids.new(kinds.SAVED_SEARCH_FIT),
            version=listing.version, found_at=self._clock.now(),
        )  # fmt: skip
        if await self._rows.note(fit):
            if row.mail_to is not None:
                letter_id = await self._letters.post(SAVED_SEARCH_LETTER, row.id, LETTER_PAUSE)
                await self._rows.put_in_letter(fit, letter_id)
            news = SavedSearchFitted(
                by="discovery.documents", saved_search_id=row.id, organisation_id=row.organisation_id,
                search=row.name, service_id=listing.service_id, service=listing.name, version=listing.version,
            )  # fmt: skip
            await self._outbox.add(self._session, news)

    def _vector_of(self, row: SavedSearch) -> Vector | None:
        is_known = bool(row.vector) and row.embedder == self._embedder_name and self._scale is not None
        return unpack_vector(row.vector) if is_known else None
