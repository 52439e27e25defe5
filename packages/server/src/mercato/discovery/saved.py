"""Searches that an organisation keeps. `telling.py` reports what newly fits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mercato.discovery.document import pack_vector
from mercato.discovery.fitting import Wanted
from mercato.discovery.news import SavedSearchChanged
from mercato.discovery.ports import Filters
from mercato.discovery.refusals import MailNeedsPerson, SavedSearchesEnough, SavedSearchNotFound
from mercato.discovery.saved_models import SavedSearch, SavedSearchFit
from mercato.discovery.saved_rows import SavedRows
from mercato.discovery.search import Searching
from mercato.discovery.wishes import read_wishes
from mercato.identity import Caller, Permission, is_person
from mercato.platform import Clock, Ids, Outbox, Session
from mercato_contracts import ids as kinds

MOST_OF_ONE = 50


@dataclass(frozen=True, slots=True)
class Saved:
    """A saved search, and how many services it has reported."""

    row: SavedSearch
    fits: int


class SavedSearches:
    """Those of the caller's organisation."""

    def __init__(self, session: Session, clock: Clock, ids: Ids, outbox: Outbox) -> None:
        self._session = session
        self._clock = clock
        self._ids = ids
        self._outbox = outbox
        self._rows = SavedRows(session)

    async def save(
        self, caller: Caller, name: str, asked: dict[str, Any], filters: Filters, searching: Searching, *, mail: bool
    ) -> Saved:
        """Under this name, in place of the one that has it. What fits already is not reported. `mail`: the caller, a
        person, also hears by mail. Raises `SavedSearchesEnough`, `MailNeedsPerson`."""
        caller.require(Permission.SUBSCRIPTIONS_WRITE)
        if mail and not is_person(caller.actor):
            raise MailNeedsPerson("A key has no mail address.")
        text = str(asked.get("q", ""))
        read = read_wishes(text, filters, None) if asked.get("understand", True) else None
        wanted = Wanted(text, filters) if read is None else Wanted(read.text, read.filters)
        embedder, vector = await searching.embed_for_keeping(wanted.text)
        known = await self._rows.lock_of(caller.organisation_id)
        row = next((each for each in known if each.name == name), None)
        if row is None and len(known) >= MOST_OF_ONE:
            raise SavedSearchesEnough(f"Your organisation has {MOST_OF_ONE} saved searches.")
        is_new = row is None
        if row is None:
            row = SavedSearch(
                id=self._ids.new(kinds.SAVED_SEARCH), organisation_id=caller.organisation_id, name=name,
                created_by=caller.actor, created_at=self._clock.now(),
            )  # fmt: skip
        row.asked, row.means = asked, wanted.to_facts()
        row.mail_to = caller.actor if mail else None
        row.embedder, row.vector = embedder, b"" if vector is None else pack_vector(vector)
        if is_new:
            self._rows.add(row)
        await self._tell(caller, row, "saved")
        return Saved(row, (await self._rows.counts([row.id])).get(row.id, 0))

    async def list_all(self, caller: Caller) -> list[Saved]:
        """By name."""
        caller.require(Permission.SUBSCRIPTIONS_READ)
        rows = await self._rows.list_of(caller.organisation_id)
        counts = await self._rows.counts([row.id for row in rows])
        return [Saved(row, counts.get(row.id, 0)) for row in rows]

    async def list_fits(
        self, caller: Caller, saved_id: str, before: str | None, limit: int
    ) -> Sequence[SavedSearchFit]:
        """Its reported services, the newest first. Raises `SavedSearchNotFound`."""
        caller.require(Permission.SUBSCRIPTIONS_READ)
        row = await self._get_own(caller, saved_id)
        return await self._rows.fits_of(row.id, before, limit)

    async def forget(self, caller: Caller, saved_id: str) -> None:
        """With its reports. Raises `SavedSearchNotFound`."""
        caller.require(Permission.SUBSCRIPTIONS_WRITE)
        await self._rows.lock_of(caller.organisation_id)
        row = await self._get_own(caller, saved_id)
        await self._rows.remove(row)
        await self._tell(caller, row, "forgotten")

    async def _get_own(self, caller: Caller, saved_id: str) -> SavedSearch:
        row = await self._rows.find(saved_id)
        if row is None or row.organisation_id != caller.organisation_id:
            raise SavedSearchNotFound(f"Your organisation has no saved search {saved_id[:64]}.")
        return row

    async def _tell(self, caller: Caller, row: SavedSearch, change: Literal["saved", "forgotten"]) -> None:
        news = SavedSearchChanged(
            by=caller.actor, saved_search_id=row.id, organisation_id=row.organisation_id, change=change
        )
        await self._outbox.add(self._session, news)
