"""Ending what a person can do: their sessions, and the keys that they made."""

from mercato.identity.news import KeyChanged, SessionsEnded
from mercato.identity.people_rows import PeopleRows
from mercato.identity.standing_rows import StandingRows
from mercato.platform import Clock, Outbox, Session


async def end_sessions(
    session: Session, clock: Clock, outbox: Outbox, user_id: str, *, by: str, acts_in: str | None = None
) -> None:
    """All of a person's, or those that act in one organisation beside their own, from the next request on."""
    if await PeopleRows(session).end_sessions(user_id, clock.now(), acts_in=acts_in):
        await outbox.add(session, SessionsEnded(by=by, user_id=user_id))


async def end_keys(
    session: Session, clock: Clock, outbox: Outbox, user_id: str, *, by: str, organisation_id: str | None
) -> None:
    """Those that a person made, at gateways within a second: of one organisation, or with `None` of every one."""
    now = clock.now()
    for key in await StandingRows(session).keys_in_force(user_id, organisation_id):
        key.revoked_at = now
        await outbox.add(session, KeyChanged(by=by, key_id=key.id, organisation_id=key.organisation_id))


async def end_access(
    session: Session, clock: Clock, outbox: Outbox, user_id: str, *, by: str, organisation_id: str | None
) -> None:
    """All sessions, and the keys of one organisation, or with `None` of every one. Again changes nothing."""
    await end_sessions(session, clock, outbox, user_id, by=by)
    await end_keys(session, clock, outbox, user_id, by=by, organisation_id=organisation_id)
