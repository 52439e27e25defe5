"""Questions to the database about people's sessions, second factors, invitations and password resets."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, exists, func, select, update

from mercato.identity.membership_models import Membership
from mercato.identity.models import (
    Invitation,
    LoginSession,
    Organisation,
    PasswordReset,
    PendingLetter,
    RecoveryCode,
    SecondFactor,
    User,
)
from mercato.platform import Session


class PeopleRows:
    """Rows of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, row: SecondFactor | RecoveryCode | Invitation | PasswordReset | PendingLetter) -> None:
        """Write the row with this transaction."""
        self._session.add(row)

    async def delete(self, row: SecondFactor) -> None:
        await self._session.delete(row)
        await self._session.flush()

    async def list_factors(self, user_id: str, *, lock: bool = False) -> Sequence[SecondFactor]:
        query = select(SecondFactor).where(SecondFactor.user_id == user_id).order_by(SecondFactor.id)
        return list(await self._session.scalars(query.with_for_update() if lock else query))

    async def find_factor(self, user_id: str, factor_id: str) -> SecondFactor | None:
        """Locked: two requests with the same code are one after the other."""
        query = select(SecondFactor).where(SecondFactor.user_id == user_id, SecondFactor.id == factor_id)
        return await self._session.scalar(query.with_for_update())

    async def has_factor(self, user_id: str) -> bool:
        confirmed = (SecondFactor.user_id == user_id) & SecondFactor.confirmed_at.is_not(None)
        return bool(await self._session.scalar(select(exists().where(confirmed))))

    async def forget_unconfirmed(self, user_id: str) -> None:
        await self._session.execute(
            delete(SecondFactor).where(SecondFactor.user_id == user_id, SecondFactor.confirmed_at.is_(None))
        )

    async def find_recovery_code(self, user_id: str, code_digest: str) -> RecoveryCode | None:
        query = select(RecoveryCode).where(RecoveryCode.user_id == user_id, RecoveryCode.digest == code_digest)
        return await self._session.scalar(query.with_for_update())

    async def count_recovery_codes(self, user_id: str) -> int:
        """Those that were not used yet."""
        query = select(func.count()).where(RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None))
        return await self._session.scalar(query) or 0

    async def forget_recovery_codes(self, user_id: str) -> None:
        await self._session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))

    async def list_sessions(self, user_id: str, now: datetime) -> Sequence[LoginSession]:
        """Those in force, the newest first."""
        query = (
            select(LoginSession)
            .where(LoginSession.user_id == user_id, LoginSession.ended_at.is_(None), LoginSession.expires_at > now)
            .order_by(LoginSession.id.desc())
        )
        return list(await self._session.scalars(query))

    async def find_session_with_person(self, session_id: str) -> tuple[LoginSession, User, Organisation, str] | None:
        """With the organisation that the session acts in, and the person's role there; `None` without a role."""
        acts_in = func.coalesce(LoginSession.organisation_id, User.organisation_id)
        is_member = (Membership.user_id == User.id) & (Membership.organisation_id == LoginSession.organisation_id)
        found = await self._session.execute(
            select(LoginSession, User, Organisation, Membership.role)
            .join(User, User.id == LoginSession.user_id)
            .join(Organisation, Organisation.id == acts_in)
            .outerjoin(Membership, is_member)
            .where(LoginSession.id == session_id)
        )
        row = found.one_or_none()
        role = None if row is None else row[1].role if row[0].organisation_id is None else row[3]
        return None if row is None or role is None else (row[0], row[1], row[2], role)

    async def end_sessions(
        self, user_id: str, now: datetime, *, but: str | None = None, acts_in: str | None = None
    ) -> int:
        """End a person's sessions, except one, or only those that act in another organisation; how many were ended."""
        query = update(LoginSession).where(LoginSession.user_id == user_id, LoginSession.ended_at.is_(None))
        if but is not None:
            query = query.where(LoginSession.id != but)
        if acts_in is not None:
            query = query.where(LoginSession.organisation_id == acts_in)
        ended = await self._session.execute(query.values(ended_at=now).returning(LoginSession.id))
        return len(ended.all())

    async def list_invitations(self, organisation_id: str, after: str | None, limit: int) -> list[Invitation]:
        """The newest first."""
        query = select(Invitation).where(Invitation.organisation_id == organisation_id)
        query = query if after is None else query.where(Invitation.id < after)
        return list(await self._session.scalars(query.order_by(Invitation.id.desc()).limit(limit)))

    async def find_invitation(self, invitation_id: str) -> tuple[Invitation, Organisation] | None:
        """Locked: it is accepted once."""
        found = await self._session.execute(
            select(Invitation, Organisation)
            .join(Organisation, Organisation.id == Invitation.organisation_id)
            .where(Invitation.id == invitation_id)
            .with_for_update(of=Invitation)
        )
        row = found.one_or_none()
        return None if row is None else (row[0], row[1])

    async def find_reset(self, reset_id: str) -> tuple[PasswordReset, User] | None:
        """Locked: it is used once."""
        found = await self._session.execute(
            select(PasswordReset, User)
            .join(User, User.id == PasswordReset.user_id)
            .where(PasswordReset.id == reset_id)
            .with_for_update()
        )
        row = found.one_or_none()
        return None if row is None else (row[0], row[1])

    async def void_resets(self, user_id: str, now: datetime) -> None:
        """Links that were sent before no longer work."""
        unused = (PasswordReset.user_id == user_id) & PasswordReset.used_at.is_(None)
        await self._session.execute(update(PasswordReset).where(unused).values(used_at=now))

    async def count_resets_since(self, user_id: str, since: datetime) -> int:
        query = select(func.count()).where(PasswordReset.user_id == user_id, PasswordReset.created_at > since)
        return await self._session.scalar(query) or 0

    async def forget_resets(self, before: datetime) -> int:
        gone = await self._session.execute(
            delete(PasswordReset).where(PasswordReset.expires_at < before).returning(PasswordReset.id)
        )
        return len(gone.all())

    async def take_letter(self, now: datetime, lease: timedelta) -> PendingLetter | None:
        """The letter that is due first, for this caller alone until the lease ends."""
        waiting = PendingLetter.sent_at.is_(None) & PendingLetter.failed_at.is_(None) & (PendingLetter.due_at <= now)
        query = select(PendingLetter).where(waiting).order_by(PendingLetter.due_at).limit(1)
        letter = await self._session.scalar(query.with_for_update(skip_locked=True))
        if letter is not None:
            letter.due_at, letter.attempts = now + lease, letter.attempts + 1
        return letter

    async def lock_waiting_letter(self, kind: str, subject_id: str) -> PendingLetter | None:
        """The letter about this subject whose sending has not begun; it does not begin before the transaction ends."""
        own = (PendingLetter.kind == kind) & (PendingLetter.subject_id == subject_id)
        waiting = PendingLetter.sent_at.is_(None) & PendingLetter.failed_at.is_(None) & (PendingLetter.attempts == 0)
        return await self._session.scalar(select(PendingLetter).where(own, waiting).limit(1).with_for_update())

    async def last_letter_at(self, kind: str, subject_id: str) -> datetime | None:
        """When the newest letter about this subject was sent, or began to be."""
        query = select(func.max(func.coalesce(PendingLetter.sent_at, PendingLetter.created_at)))
        return await self._session.scalar(
            query.where(PendingLetter.kind == kind, PendingLetter.subject_id == subject_id)
        )

    async def find_address(self, user_id: str, organisation_id: str) -> str | None:
        """Of a person that may sign in to this organisation, which may too."""
        is_member = exists().where(Membership.user_id == User.id, Membership.organisation_id == organisation_id)
        query = (
            select(User.email)
            .join(Organisation, Organisation.id == organisation_id)
            .where(User.id == user_id, User.disabled_at.is_(None), Organisation.suspended_at.is_(None))
            .where((User.organisation_id == organisation_id) | is_member)
        )
        return await self._session.scalar(query)

    async def find_letter(self, letter_id: str) -> PendingLetter | None:
        return await self._session.get(PendingLetter, letter_id)

    async def forget_letters(self, before: datetime) -> int:
        gone = await self._session.execute(
            delete(PendingLetter).where(PendingLetter.created_at < before).returning(PendingLetter.id)
        )
        return len(gone.all())
