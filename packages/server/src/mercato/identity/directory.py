"""Who is who: what other rooms may ask about organisations."""

from collections.abc import Collection

from mercato.identity.models import Organisation
from mercato.identity.repository import IdentityRepository
from mercato.platform import NotFound, Session

_MOST_NAMED = 500


class Directory:
    """Organisations and their people."""

    def __init__(self, session: Session) -> None:
        self._rows = IdentityRepository(session)

    async def get(self, organisation_id: str) -> Organisation:
        """Raises `NotFound`."""
        organisation = await self._rows.find_organisation(organisation_id)
        if organisation is None:
            raise NotFound(f"There is no organisation {organisation_id}.")
        return organisation

    async def is_suspended(self, organisation_id: str) -> bool:
        """Read under a lock: until this transaction ends the organisation is neither suspended nor reinstated."""
        return await self._rows.is_suspended(organisation_id)

    async def find_many(self, ids: Collection[str]) -> list[Organisation]:
        """Those of these ids that exist."""
        return await self._rows.find_organisations(ids)

    async def named(self, words: Collection[str]) -> dict[str, list[str]]:
        """For each word the ids of organisations whose short name holds it: a few hundred in all."""
        found = await self._rows.slugs_with(words, _MOST_NAMED) if words else {}
        return {word: [each for each, slug in found.items() if word.casefold() in slug] for word in words}

    async def party_names(self, *, organisations: Collection[str] = (), keys: Collection[str] = ()) -> dict[str, str]:
        """Short names of organisations, and what the makers of these keys called them, by id, in one question."""
        return await self._rows.party_names(organisations, keys)

    async def key_owners(self, ids: Collection[str]) -> dict[str, str]:
        """The organisation of each of these keys; unknown ones are left out."""
        return await self._rows.key_owners(ids)

    async def find_lineage(self, organisation_id: str, key_id: str) -> str | None:
        """The lineage of this organisation's key: the keys that replaced each other count as one."""
        key = await self._rows.find_key(key_id)
        return key.lineage_id if key is not None and key.organisation_id == organisation_id else None

    async def later_lineages(self) -> dict[str, str]:
        """The lineage of each key that replaced another. That of any other key is the key's own id."""
        return await self._rows.later_lineages()

    async def get_by_slug(self, slug: str) -> Organisation:
        """Raises `NotFound`."""
        organisation = await self._rows.find_organisation_by_slug(slug)
        if organisation is None:
            raise NotFound(f"There is no organisation {slug}.", organisation=slug)
        return organisation
