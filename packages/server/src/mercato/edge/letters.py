"""What the JSON halves and the pages behind the links in letters share."""

from typing import Annotated

from fastapi import Depends

from mercato.edge.wiring import Parts, Transaction
from mercato.identity import Invitations, Passwords


def _invitations_of(session: Transaction, parts: Parts) -> Invitations:
    return Invitations(session, parts.clock, parts.ids, parts.outbox, parts.invitation_links)


def _passwords_of(session: Transaction, parts: Parts) -> Passwords:
    return Passwords(session, parts.clock, parts.ids, parts.outbox, parts.reset_links)


InvitationDesk = Annotated[Invitations, Depends(_invitations_of)]
PasswordDesk = Annotated[Passwords, Depends(_passwords_of)]
