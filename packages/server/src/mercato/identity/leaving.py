"""What ends when a person may no longer sign in: their sessions, and the keys that they made."""

from datetime import datetime

from mercato.identity.models import User
from mercato.identity.news import KeyChanged, SessionsEnded
from mercato.identity.people_rows import PeopleRows
from mercato.identity.standing_rows import StandingRows
from mercato.platform import Outbox, Session


class Leaving:
    """Ends access within one transaction. Gateways hear of the keys within a second."""

    def __init__(self, session: Session, outbox: Outbox) -> None:
        self._session = session
        self._people = PeopleRows(session)
        self._rows = StandingRows(session)
        self._outbox = outbox

    async def end_sessions(self, by: str, user: User, now: datetime) -> None:
        """All of them."""
        if await self._people.end_sessions(user.id, now):
            await self._outbox.add(self._session, SessionsEnded(by=by, user_id=user.id))

    async def end_access(self, by: str, user: User, now: datetime, *, keep_keys: bool = False) -> None:
        """Sessions, and keys unless `keep_keys`."""
        await self.end_sessions(by, user, now)
        for key in () if keep_keys else await self._rows.keys_in_force(user.id):
            key.revoked_at = now
            news = KeyChanged(by=by, key_id=key.id, organisation_id=key.organisation_id)
            await self._outbox.add(self._session, news)
