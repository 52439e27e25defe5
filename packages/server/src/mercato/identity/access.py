"""Ending what a person can do: their sessions, and the keys that they made."""

from mercato.identity.news import KeyChanged, SessionsEnded
from mercato.identity.people_rows import PeopleRows
from mercato.identity.standing_rows import StandingRows
from mercato.platform import Clock, Outbox, Session


async def end_sessions(session: Session, clock: Clock, outbox: Outbox, user_id: str, *, by: str) -> None:
    """All of a person's, from the next request on."""
    if await PeopleRows(session).end_sessions(user_id, clock.now()):
        await outbox.add(session, SessionsEnded(by=by, user_id=user_id))


async def end_access(
    session: Session, clock: Clock, outbox: Outbox, user_id: str, *, by: str, keep_keys: bool = False
) -> None:
    """From now on, at gateways within a second. Again changes nothing."""
    now = clock.now()
    await end_sessions(session, clock, outbox, user_id, by=by)
    for key in () if keep_keys else await StandingRows(session).keys_in_force(user_id):
        key.revoked_at = now
        await outbox.add(session, KeyChanged(by=by, key_id=key.id, organisation_id=key.organisation_id))
