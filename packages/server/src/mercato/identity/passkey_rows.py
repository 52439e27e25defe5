"""Questions to the database about passkeys and the challenges that are signed with them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select

from mercato.identity.models import Passkey, PasskeyChallenge
from mercato.platform import Session


class PasskeyRows:
    """Rows of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, row: Passkey | PasskeyChallenge) -> None:
        """Write the row with this transaction."""
        self._session.add(row)

    async def delete(self, row: Passkey) -> None:
        await self._session.delete(row)
        await self._session.flush()

    async def list_of(self, user_id: str) -> Sequence[Passkey]:
        """The oldest first."""
        return list(await self._session.scalars(select(Passkey).where(Passkey.user_id == user_id).order_by(Passkey.id)))

    async def find(self, passkey_id: str) -> Passkey | None:
        return await self._session.get(Passkey, passkey_id)

    async def find_credential(self, credential_id: bytes) -> Passkey | None:
        """Locked: its counter moves with each use."""
        query = select(Passkey).where(Passkey.credential_id == credential_id)
        return await self._session.scalar(query.with_for_update())

    async def take_challenge(self, digest: str, now: datetime) -> PasskeyChallenge | None:
        """Once: it is gone afterwards, and of two who take it at the same time one gets it."""
        gone = await self._session.execute(
            delete(PasskeyChallenge)
            .where(PasskeyChallenge.digest == digest, PasskeyChallenge.expires_at > now)
            .returning(PasskeyChallenge.digest, PasskeyChallenge.user_id, PasskeyChallenge.expires_at)
        )
        row = gone.one_or_none()
        return None if row is None else PasskeyChallenge(digest=row[0], user_id=row[1], expires_at=row[2])

    async def forget_challenges(self, before: datetime) -> int:
        gone = await self._session.execute(
            delete(PasskeyChallenge).where(PasskeyChallenge.expires_at < before).returning(PasskeyChallenge.digest)
        )
        return len(gone.all())
