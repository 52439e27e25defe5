"""Passkeys within a transaction."""

from typing import Annotated

from fastapi import Depends

from mercato.edge.wiring import Parts, Transaction, Wiring
from mercato.identity import Passkeys, Site
from mercato.platform import Session


def passkeys_in(session: Session, parts: Wiring) -> Passkeys:
    """Passkeys within a transaction."""
    return Passkeys(session, parts.clock, parts.ids, parts.outbox, Site.of(parts.client_url))


def _passkeys(session: Transaction, parts: Parts) -> Passkeys:
    return passkeys_in(session, parts)


PasskeyDesk = Annotated[Passkeys, Depends(_passkeys)]
