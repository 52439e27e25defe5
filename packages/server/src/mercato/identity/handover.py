"""Who may be handed over: whose account the directory of their own organisation may give to another holder.

An address, or a link to an account at a provider, is a way into the account. Of somebody who runs an organisation, or
who belongs to another organisation too, no directory changes it: it would hand over what it does not own.
"""

from typing import Literal

from mercato.identity.membership_rows import MembershipRows
from mercato.identity.models import User
from mercato.identity.permissions import ADMINISTRATORS
from mercato.platform import Session

Obstacle = Literal["administrator", "member_elsewhere"]


async def find_obstacle(session: Session, user: User) -> Obstacle | None:
    """Why this person's account may not be handed over. Locks the person.

    Joining another organisation locks the person too, so nobody joins between this answer and the end of the
    transaction.
    """
    rows = MembershipRows(session)
    await rows.lock_person(user.id)
    if user.role in ADMINISTRATORS:
        return "administrator"
    return "member_elsewhere" if await rows.of_person(user.id) else None
