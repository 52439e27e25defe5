"""Questions to the database about identity providers, accounts at them, and sign-ins under way."""

from datetime import datetime

from sqlalchemy import delete, exists, func, select

from mercato.identity.models import Invitation, Organisation, SsoAccount, SsoProvider, SsoSignIn, User
from mercato.platform import Session


class SsoRows:
    """Rows of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, row: SsoProvider | SsoAccount | SsoSignIn | User) -> None:
        """Write the row with this transaction."""
        self._session.add(row)

    async def flush(self) -> None:
        await self._session.flush()

    async def delete(self, row: SsoProvider | SsoAccount) -> None:
        await self._session.delete(row)
        await self._session.flush()

    async def find_provider(self, organisation_id: str, *, lock: bool = False) -> SsoProvider | None:
        query = select(SsoProvider).where(SsoProvider.organisation_id == organisation_id)
        return await self._session.scalar(query.with_for_update() if lock else query)

    async def page_of_providers(self, after: str | None, limit: int) -> list[tuple[SsoProvider, Organisation, int]]:
        """Each with its organisation and how many accounts are linked there, by the organisation's short name."""
        linked = (
            select(func.count())
            .where(SsoAccount.organisation_id == SsoProvider.organisation_id)
            .correlate(SsoProvider)
            .scalar_subquery()
        )
        query = (
            select(SsoProvider, Organisation, linked)
            .join(Organisation, Organisation.id == SsoProvider.organisation_id)
            .order_by(Organisation.slug)
            .limit(limit)
        )
        rows = await self._session.execute(query if after is None else query.where(Organisation.slug > after))
        return [(row[0], row[1], row[2]) for row in rows]

    async def find_account(self, issuer: str, subject: str) -> SsoAccount | None:
        return await self._session.get(SsoAccount, (issuer, subject), populate_existing=True)

    async def find_account_of(self, user_id: str) -> SsoAccount | None:
        return await self._session.scalar(select(SsoAccount).where(SsoAccount.user_id == user_id))

    async def page_of_accounts(
        self, organisation_id: str, after: str | None, limit: int
    ) -> list[tuple[SsoAccount, User]]:
        """By person."""
        query = (
            select(SsoAccount, User)
            .join(User, User.id == SsoAccount.user_id)
            .where(SsoAccount.organisation_id == organisation_id)
            .order_by(User.id)
            .limit(limit)
        )
        rows = await self._session.execute(query if after is None else query.where(User.id > after))
        return [(row[0], row[1]) for row in rows]

    async def find_user(self, user_id: str) -> User | None:
        """Read anew: the lock of the organisation came before."""
        return await self._session.get(User, user_id, populate_existing=True)

    async def count_local(self, organisation_id: str, role: str) -> int:
        """People of this role who can sign in without the provider."""
        bound = exists().where(SsoAccount.user_id == User.id)
        query = select(func.count()).where(
            User.organisation_id == organisation_id, User.role == role, User.disabled_at.is_(None), ~bound
        )
        return await self._session.scalar(query) or 0

    async def find_open_invitation(self, organisation_id: str, email: str, now: datetime) -> Invitation | None:
        """The newest one of this address; locked, because it is accepted once."""
        query = (
            select(Invitation)
            .where(
                Invitation.organisation_id == organisation_id,
                Invitation.email == email,
                Invitation.accepted_at.is_(None),
                Invitation.withdrawn_at.is_(None),
                Invitation.expires_at > now,
            )
            .order_by(Invitation.id.desc())
            .limit(1)
        )
        return await self._session.scalar(query.with_for_update())

    async def find_sign_in(self, state_digest: str) -> SsoSignIn | None:
        """Locked: it is answered once."""
        query = select(SsoSignIn).where(SsoSignIn.state_digest == state_digest)
        return await self._session.scalar(query.with_for_update())

    async def forget_sign_ins(self, before: datetime) -> int:
        gone = await self._session.execute(
            delete(SsoSignIn).where(SsoSignIn.expires_at < before).returning(SsoSignIn.state_digest)
        )
        return len(gone.all())
