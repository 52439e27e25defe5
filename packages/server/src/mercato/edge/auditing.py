"""What the audit log learns from the edge: how each request came, and which were refused."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog
from fastapi import Request, Response
from sqlalchemy.exc import SQLAlchemyError

from mercato.admin import Refusals, tell_change
from mercato.edge.addresses import network_of
from mercato.edge.audited import OPERATIONS, READS
from mercato.edge.wiring import Wiring
from mercato.identity import Caller
from mercato.platform import Refusal, RequestContext, Served, Session, current_trace

log = structlog.get_logger(__name__)

_DENIED = frozenset({401, 403})
_REFUSED = 400
_SLOWED = frozenset({"too_many_attempts"})


def context_of(request: Request) -> RequestContext:
    """How this request came, as far as it is known by now."""
    caller: Caller | None = getattr(request.state, "caller", None)
    place = network_of(request) or ""
    request_id = getattr(request.state, "request_id", "")
    if caller is None:
        return RequestContext(request_id=request_id, address=place, trace=current_trace())
    kind = "session" if caller.session_id else "deployment_token" if caller.deployment_id else "key"
    return RequestContext(
        request_id=request_id,
        address=place,
        authenticated=kind,
        credential=caller.session_id or caller.actor,
        actor=caller.actor,
        organisation_id=caller.organisation_id,
        on_behalf_of=caller.viewing.user_id if caller.viewing else "",
        trace=current_trace(),
    )


async def note_change(
    request: Request, begin: Callable[[], Awaitable[Session]], wiring: Wiring, served: Served, response: Response
) -> None:
    """Record a change, or a read that matters, without news of a room. `begin` gives the request's transaction."""
    name = getattr(request.scope.get("route"), "name", "")
    audited = OPERATIONS.get(name) or READS.get(name)
    if audited is None or not audited.verb or response.status_code >= _REFUSED:
        return
    if audited.when is not None and not audited.when(request.query_params):
        return
    if any(kind.topic in served.written for kind in audited.news):
        return
    await tell_change(
        await begin(),
        wiring.outbox,
        served.context,
        verb=audited.verb,
        operation=name,
        subject_id=_subject_of(request, response, audited.of),
        names={name: str(value) for name, value in request.path_params.items()},
    )


async def note_operation(session: Session, wiring: Wiring, served: Served, operation: str, subject_id: str) -> None:
    """The same for a change that another route makes on behalf of this operation."""
    audited = OPERATIONS[operation]
    if not any(kind.topic in served.written for kind in audited.news) and audited.verb:
        await tell_change(
            session, wiring.outbox, served.context, verb=audited.verb, operation=operation, subject_id=subject_id,
            names={},
        )  # fmt: skip


async def note_denial(request: Request, wiring: Wiring, refusal: Refusal) -> None:
    """Count a denial that is only a part of the answer."""
    if _is_denial(request, refusal):
        await _count(request, wiring, refusal)


def _subject_of(request: Request, response: Response, of: str) -> str:
    """What a page named, else the parameter that is named, else the last one of the address, else the `id` of what was
    made."""
    made_by_page: str = getattr(request.state, "subject_id", "")
    if made_by_page:
        return made_by_page
    names = request.path_params
    if names:
        return str(names[of] if of else list(names.values())[-1])
    try:
        made = json.loads(bytes(getattr(response, "body", b"")))
    except ValueError:
        return ""
    return str(made.get("id", "")) if isinstance(made, dict) else ""


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
