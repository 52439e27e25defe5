"""Questions to the database about organisations and the people who run them."""

from typing import Literal

from sqlalchemy import func, select, update

from mercato.identity.models import Key, Organisation, SsoAccount, User
from mercato.identity.scim_models import ScimPerson
from mercato.platform import Session

OrganisationState = Literal["active", "suspended", "verified", "unverified"]


class StandingRows:
    """Rows of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def page(
        self, state: OrganisationState | None, words: str | None, after: str | None, limit: int
    ) -> list[Organisation]:
        query = select(Organisation).order_by(Organisation.id).limit(limit)
        conditions = {
            "active": Organisation.suspended_at.is_(None),
            "suspended": Organisation.suspended_at.is_not(None),
            "verified": Organisation.is_verified,
            "unverified": ~Organisation.is_verified,
        }
        if state is not None:
            query = query.where(conditions[state])
        if words:
            named = Organisation.slug.icontains(words, autoescape=True)
            query = query.where(named | Organisation.name.icontains(words, autoescape=True))
        return list(await self._session.scalars(query if after is None else query.where(Organisation.id > after)))

    async def find(self, slug: str, *, lock: bool = False) -> Organisation | None:
        query = select(Organisation).where(Organisation.slug == slug)
        return await self._session.scalar(query.with_for_update() if lock else query)

    async def lock_organisation(self, organisation_id: str) -> None:
        """Until this transaction ends, no other changes who runs the organisation."""
        await self._session.execute(select(Organisation.id).where(Organisation.id == organisation_id).with_for_update())

    async def page_of_users(self, organisation_id: str | None, after: str | None, limit: int) -> list[User]:
        """Of one organisation or of all, the oldest first."""
        query = select(User).order_by(User.id).limit(limit)
        if organisation_id is not None:
            query = query.where(User.organisation_id == organisation_id)
        return list(await self._session.scalars(query if after is None else query.where(User.id > after)))

    async def find_user(self, organisation_id: str, user_id: str) -> User | None:
        """Read anew: the lock of the organisation came before."""
        query = select(User).where(User.id == user_id, User.organisation_id == organisation_id)
        return await self._session.scalar(query.execution_options(populate_existing=True))

    async def count_active(self, organisation_id: str, role: str) -> int:
        """People of this role who can sign in."""
        query = select(func.count()).where(
            User.organisation_id == organisation_id, User.role == role, User.disabled_at.is_(None)
        )
        return await self._session.scalar(query) or 0

    async def count_others(self, organisation_id: str, user_id: str) -> int:
        """People beside this one who can sign in."""
        query = select(func.count()).where(
            User.organisation_id == organisation_id, User.id != user_id, User.disabled_at.is_(None)
        )
        return await self._session.scalar(query) or 0

    async def forget_providers_disabling(self, user_id: str) -> bool:
        """Whether an identity provider had disabled this person; it may enable them no more."""
        had = False
        for kind in (ScimPerson, SsoAccount):
            marked = (kind.user_id == user_id) & (kind.disabled_at == User.disabled_at) & (User.id == user_id)
            gone = await self._session.execute(update(kind).where(marked).values(disabled_at=None).returning(User.id))
            had = bool(gone.all()) or had
        return had

    async def keys_in_force(self, user_id: str, organisation_id: str | None) -> list[Key]:
        """Keys of one organisation, or of all, that this person made for themselves and nobody revoked."""
        own = Key.service_account_id.is_(None)
        query = select(Key).where(Key.created_by == user_id, Key.revoked_at.is_(None), own)
        query = query if organisation_id is None else query.where(Key.organisation_id == organisation_id)
        return list(await self._session.scalars(query.order_by(Key.id).with_for_update()))
