"""Whoever makes a key stays who they are until it is made: no key outlives the disabling of its maker."""

from sqlalchemy import select

from mercato.identity.caller import Caller
from mercato.identity.membership_models import Membership
from mercato.identity.models import Organisation, User
from mercato.identity.refusals import NotSignedIn
from mercato.platform import Session


async def hold_maker(session: Session, caller: Caller) -> None:
    """Until this transaction ends nobody disables the caller or ends their membership; what waits for it then finds
    the key. Raises `NotSignedIn` where that has just happened. A caller without a session is no person.
    """
    if caller.session_id is None:
        return
    # In the order in which a disabling locks them: the organisation, then the person.
    organisation = select(Organisation.id).where(Organisation.id == caller.organisation_id)
    await session.execute(organisation.with_for_update(read=True, key_share=True))
    person = select(User.organisation_id).where(User.id == caller.actor, User.disabled_at.is_(None))
    home = await session.scalar(person.with_for_update(read=True))
    is_here = home == caller.organisation_id
    if home is not None and not is_here:
        member = select(Membership.user_id).where(
            Membership.user_id == caller.actor, Membership.organisation_id == caller.organisation_id
        )
        is_here = await session.scalar(member.with_for_update(read=True)) is not None
    if not is_here:
        raise NotSignedIn("This session has ended; sign in again.")
