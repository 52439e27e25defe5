"""Questions to the database about people in organisations beside their own."""

from sqlalchemy import select

from mercato.identity.membership_models import Membership
from mercato.identity.models import Organisation, User
from mercato.platform import Session


class MembershipRows:
    """Rows of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, row: Membership) -> None:
        """Write the row with this transaction."""
        self._session.add(row)

    async def delete(self, row: Membership) -> None:
        await self._session.delete(row)
        await self._session.flush()

    async def find(self, user_id: str, organisation_id: str) -> Membership | None:
        """Read anew: it may have ended since the session began."""
        return await self._session.get(Membership, (user_id, organisation_id), populate_existing=True)

    async def lock_person(self, user_id: str) -> None:
        """Until this transaction ends the person joins no organisation, and nobody changes their address."""
        query = select(User).where(User.id == user_id).with_for_update()
        await self._session.scalar(query.execution_options(populate_existing=True))

    async def of_person(self, user_id: str) -> list[tuple[Membership, Organisation]]:
        """By the organisation's short name."""
        query = (
            select(Membership, Organisation)
            .join(Organisation, Organisation.id == Membership.organisation_id)
            .where(Membership.user_id == user_id)
            .order_by(Organisation.slug)
        )
        return [(row[0], row[1]) for row in await self._session.execute(query)]

    async def page(self, organisation_id: str, after: str | None, limit: int) -> list[tuple[Membership, User]]:
        """Who is in the organisation beside their own, by person."""
        query = (
            select(Membership, User)
            .join(User, User.id == Membership.user_id)
            .where(Membership.organisation_id == organisation_id)
            .order_by(User.id)
            .limit(limit)
        )
        rows = await self._session.execute(query if after is None else query.where(User.id > after))
        return [(row[0], row[1]) for row in rows]
