"""People's sessions and second factors within a transaction, and where a request comes from."""

from fastapi import Request

from mercato.edge.addresses import network_of
from mercato.edge.wiring import Wiring
from mercato.identity import Client, SecondFactors, Sessions
from mercato.platform import Session, one_line

_LONGEST_DEVICE = 200


def factors_in(session: Session, parts: Wiring) -> SecondFactors:
    """Second factors within a transaction."""
    return SecondFactors(session, parts.clock, parts.ids, parts.outbox, parts.factor_seal)


def sessions_in(session: Session, parts: Wiring) -> Sessions:
    """Sessions of people within a transaction."""
    factors = factors_in(session, parts)
    return Sessions(session, parts.clock, parts.ids, parts.tokens, factors, parts.outbox)


def client_of(request: Request) -> Client:
    """Where a person signs in, as they will be shown it in the list of their sessions."""
    named = request.headers.get("user-agent", "")
    return Client(device=one_line(named, _LONGEST_DEVICE) or None, network=network_of(request))
