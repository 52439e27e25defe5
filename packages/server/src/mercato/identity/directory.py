"""Who is who: what other rooms may ask about organisations."""

from collections.abc import Collection

from mercato.identity.models import Organisation
from mercato.identity.repository import IdentityRepository
from mercato.platform import NotFound, Session


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

    async def find_many(self, ids: Collection[str]) -> list[Organisation]:
        """Those of these ids that exist."""
        return await self._rows.find_organisations(ids)

    async def key_names(self, ids: Collection[str]) -> dict[str, str]:
        """What the makers of these keys called them."""
        return {key.id: key.name for key in await self._rows.find_keys(ids)}

    async def get_by_slug(self, slug: str) -> Organisation:
        """Raises `NotFound`."""
        organisation = await self._rows.find_organisation_by_slug(slug)
        if organisation is None:
            raise NotFound(f"There is no organisation {slug}.", organisation=slug)
        return organisation
