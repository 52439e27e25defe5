"""What the audit log learns from the edge: how each request came, and which were refused."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from fastapi import Request
from sqlalchemy.exc import SQLAlchemyError

from mercato.admin import Refusals
from mercato.api.addresses import network_of
from mercato.api.wiring import Wiring
from mercato.identity import Caller
from mercato.platform import Refusal, RequestContext

log = structlog.get_logger(__name__)

_DENIED = frozenset({401, 403})
_SLOWED = frozenset({"too_many_attempts"})


def context_of(request: Request) -> RequestContext:
    """How this request came, as far as it is known by now."""
    caller: Caller | None = getattr(request.state, "caller", None)
    place = network_of(request) or ""
    request_id = getattr(request.state, "request_id", "")
    if caller is None:
        return RequestContext(request_id=request_id, address=place)
    kind = "session" if caller.session_id else "deployment_token" if caller.deployment_id else "key"
    return RequestContext(
        request_id=request_id,
        address=place,
        authenticated=kind,
        credential=caller.session_id or caller.actor,
        actor=caller.actor,
        organisation_id=caller.organisation_id,
    )


@asynccontextmanager
async def noting_refusals(request: Request, wiring: Wiring) -> AsyncIterator[None]:
    """Count a denial that leaves the block, in a transaction of its own: that of the request is undone by it."""
    try:
        yield
    except Refusal as refusal:
        if _is_denial(request, refusal):
            await _count(request, wiring, refusal)
        raise


def _is_denial(request: Request, refusal: Refusal) -> bool:
    """Somebody who shows no credential where one is needed is no attempt at anything."""
    if refusal.code == "not_signed_in":
        return "authorization" in request.headers
    return refusal.status in _DENIED or refusal.code in _SLOWED


async def _count(request: Request, wiring: Wiring, refusal: Refusal) -> None:
    route = getattr(request.scope.get("route"), "path", "")
    try:
        async with wiring.database.transaction() as session:
            refusals = Refusals(session, wiring.clock, wiring.outbox)
            await refusals.count(refusal, f"{request.method} {route}", context_of(request))
    except SQLAlchemyError as error:
        # The refusal stands whether or not it could be counted.
        log.warning("a refusal was not counted", code=refusal.code, error=type(error).__name__)
