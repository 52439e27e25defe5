"""Questions about saved searches."""

from collections.abc import Collection

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from mercato.discovery.saved_models import SavedSearch, SavedSearchFit
from mercato.platform import Session


class SavedRows:
    """Rows of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def lock_of(self, organisation_id: str) -> list[SavedSearch]:
        """This organisation's, by name; nobody else saves or forgets one of it until the transaction ends."""
        await self._session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(organisation_id, 62))))
        return await self.list_of(organisation_id)

    async def list_of(self, organisation_id: str) -> list[SavedSearch]:
        """This organisation's, by name."""
        query = select(SavedSearch).where(SavedSearch.organisation_id == organisation_id).order_by(SavedSearch.name)
        return list(await self._session.scalars(query))

    async def find(self, saved_id: str) -> SavedSearch | None:
        """Whoever's it is."""
        return await self._session.get(SavedSearch, saved_id)

    def add(self, row: SavedSearch) -> None:
        """A new one."""
        self._session.add(row)

    async def remove(self, row: SavedSearch) -> None:
        """With its reports."""
        await self._session.delete(row)

    async def counts(self, saved_ids: Collection[str]) -> dict[str, int]:
        """How many services were reported, by search."""
        query = (
            select(SavedSearchFit.saved_search_id, func.count())
            .where(SavedSearchFit.saved_search_id.in_(saved_ids))
            .group_by(SavedSearchFit.saved_search_id)
        )
        return {row[0]: row[1] for row in await self._session.execute(query)}

    async def fits_of(self, saved_id: str, before: str | None, limit: int) -> list[SavedSearchFit]:
        """The newest first."""
        query = select(SavedSearchFit).where(SavedSearchFit.saved_search_id == saved_id)
        if before is not None:
            query = query.where(SavedSearchFit.id < before)
        return list(await self._session.scalars(query.order_by(SavedSearchFit.id.desc()).limit(limit)))

    async def page(self, after: str, limit: int) -> list[SavedSearch]:
        """Everybody's, in the order of their ids."""
        query = select(SavedSearch).where(SavedSearch.id > after).order_by(SavedSearch.id).limit(limit)
        return list(await self._session.scalars(query))

    async def services_of_letter(self, saved_id: str, letter_id: str) -> list[str]:
        """The services of which this letter tells, as they were found."""
        query = select(SavedSearchFit.service_id).where(
            SavedSearchFit.saved_search_id == saved_id, SavedSearchFit.letter_id == letter_id
        )
        return list(await self._session.scalars(query.order_by(SavedSearchFit.id)))

    async def put_in_letter(self, fit: SavedSearchFit, letter_id: str) -> None:
        """The letter tells of it."""
        await self._session.execute(
            update(SavedSearchFit).where(SavedSearchFit.id == fit.id).values(letter_id=letter_id)
        )

    async def note(self, fit: SavedSearchFit) -> bool:
        """Whether it is the first time that this service fits this search."""
        values = {name: getattr(fit, name) for name in ("saved_search_id", "service_id", "id", "version", "found_at")}
        statement = insert(SavedSearchFit).values(values).on_conflict_do_nothing()
        return (await self._session.execute(statement.returning(SavedSearchFit.id))).first() is not None
