"""Mail about services that newly fit a saved search: at most one letter a day for each search, each fit in one."""

from collections.abc import Sequence
from datetime import timedelta

from mercato.discovery.document import ListingDocument, from_facts
from mercato.discovery.repository import ListingRepository
from mercato.discovery.saved_models import SavedSearch
from mercato.discovery.saved_rows import SavedRows
from mercato.identity import Directory, find_address
from mercato.platform import Letter, Session, one_line

SAVED_SEARCH_LETTER = "saved_search"
LETTER_PAUSE = timedelta(days=1)
_MOST_SHOWN = 20
_LONGEST_TITLE = 100


class FitLetters:
    """Writes them when they are sent. Links lead to `client_url`, the address of the control plane."""

    def __init__(self, client_url: str) -> None:
        self._client_url = client_url

    async def compose(self, session: Session, letter_id: str, saved_id: str) -> Letter | None:
        """`None` where the search was forgotten, nobody wants mail for it, or no fit of this letter is there to be
        seen any longer."""
        rows = SavedRows(session)
        saved = await rows.find(saved_id)
        if saved is None or saved.mail_to is None:
            return None
        address = await find_address(session, saved.mail_to, saved.organisation_id)
        organisation = await Directory(session).get(saved.organisation_id)
        listings = await _seen(session, await rows.services_of_letter(saved.id, letter_id), organisation.slug)
        if address is None or not listings:
            return None
        return Letter(letter_id, address, _subject(saved, listings), self._text(saved, listings))

    def _text(self, saved: SavedSearch, listings: Sequence[ListingDocument]) -> str:
        shown = [
            f"{one.name} {one.version}: {one_line(one.title, _LONGEST_TITLE)}\n{self._client_url}/services/{one.name}\n"
            for one in listings[:_MOST_SHOWN]
        ]
        left = len(listings) - len(shown)
        more = [f"And {left} more.\n"] if left else []
        return "\n".join(
            [
                f"Newly fits your saved search {saved.name}:\n",
                *shown,
                *more,
                f"All that it found, and how to end these letters:\n{self._client_url}/saved-searches/{saved.id}\n",
            ]
        )


async def _seen(session: Session, service_ids: Sequence[str], slug: str) -> list[ListingDocument]:
    """Those that are listed still, and that the organisation sees, in this order."""
    rows = await ListingRepository(session).find_many(service_ids)
    kept = [from_facts(rows[one].facts) for one in service_ids if one in rows and not rows[one].withdrawn]
    return [one for one in kept if one.status != "yanked" and one.is_seen_by(slug)]


def _subject(saved: SavedSearch, listings: Sequence[ListingDocument]) -> str:
    if len(listings) == 1:
        return f"{listings[0].name} fits your saved search {saved.name}"
    return f"{len(listings)} services fit your saved search {saved.name}"
