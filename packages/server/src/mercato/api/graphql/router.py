"""The doors: one for queries and mutations, two for those who listen."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import timedelta
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Depends, Request, WebSocket
from graphql import GraphQLError
from starlette.responses import JSONResponse, Response, StreamingResponse
from strawberry.exceptions import ConnectionRejectionError
from strawberry.fastapi import GraphQLRouter
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types.unset import UNSET, UnsetType

from mercato.api.graphql.context import Asked, Listening
from mercato.api.graphql.limits import read
from mercato.api.graphql.refusals import QueryInvalid
from mercato.api.graphql.schema import SCHEMA
from mercato.edge.auditing import note_denial, note_operation
from mercato.edge.caller import SignedIn
from mercato.edge.route import TransactionalRoute, prove_credential, prove_text
from mercato.edge.sites import refuse_foreign_sites
from mercato.edge.wiring import Parts, Transaction, running_of
from mercato.identity import NotSignedIn
from mercato.platform import Refusal, current_request
from mercato_contracts.graphql import GraphqlAnswer, GraphqlRequest

log = structlog.get_logger(__name__)

_INIT_SECONDS = 5
_MOST_SUBSCRIPTIONS = 10
_ALIVE_SECONDS = 15.0

router = APIRouter(tags=["governance"], route_class=TransactionalRoute)
streams = APIRouter(tags=["governance"])


def _from_here(request: Request, parts: Parts) -> None:
    refuse_foreign_sites(request, parts.cors_origins)


FromHere = Annotated[None, Depends(_from_here)]


@router.post("/graphql", summary="Ask or change governance by GraphQL", response_model=GraphqlAnswer)
async def ask_graphql(
    body: GraphqlRequest, _: FromHere, caller: SignedIn, session: Transaction, parts: Parts, request: Request
) -> Response:
    """The schema is `docs/reference/governance.graphql`. A document has at most 2,000 tokens, 12 levels, 30 aliases,
    500 fields and pages of 5,000 rows together. A refusal is an error with its `code` under `extensions`; a mutation
    that is refused changes nothing. The same decision again changes nothing.
    """

    async def note(operation: str, subject_id: str) -> None:
        served = current_request()
        assert served is not None
        await note_operation(session, parts, served, operation, subject_id)

    asked = Asked(caller, session, parts, note)
    result = await SCHEMA.execute(
        body.query, variable_values=body.variables, context_value=asked, operation_name=body.operation_name
    )
    answer: dict[str, Any] = {"data": result.data}
    if result.errors:
        answer["errors"] = [_error(error) for error in result.errors]
        for error in result.errors:
            if isinstance(error.original_error, Refusal):
                await note_denial(request, parts, error.original_error)
    return JSONResponse(answer)


@streams.post(
    "/graphql/stream",
    summary="Listen to governance by GraphQL, as server-sent events",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "An event `next` for each change, and `complete` at the end",
            "content": {"text/event-stream": {"schema": {"type": "string"}, "example": "event: complete\ndata:\n\n"}},
        }
    },
)
async def stream_graphql(body: GraphqlRequest, _: FromHere, request: Request, parts: Parts) -> StreamingResponse:
    """One subscription, as `graphql-sse` has it (distinct connections). The session is looked at again each minute."""
    credential = _credential(request.headers.get("authorization", ""))
    await prove_credential(request, parts)
    listening = _listening(request, credential)
    await listening.authenticate()
    read(body.query, body.operation_name)
    return StreamingResponse(
        _events(body, listening),
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


async def _events(body: GraphqlRequest, listening: Listening) -> AsyncIterator[str]:
    stream = await SCHEMA.stream(
        body.query, variable_values=body.variables, context_value=listening, operation_name=body.operation_name
    )
    async with aclosing(stream) as results:
        async for result in _with_signs_of_life(results):
            if result is None:
                yield ":\n\n"
                continue
            answer: dict[str, Any] = {"data": result.data}
            if result.errors:
                answer["errors"] = [_error(error) for error in result.errors]
            yield f"event: next\ndata: {json.dumps(answer, default=str)}\n\n"
    yield "event: complete\ndata:\n\n"


async def _with_signs_of_life(results: AsyncIterator[Any]) -> AsyncIterator[Any]:
    """Each result; `None` now and then, so that nobody between here and the client takes the connection for dead."""
    following = asyncio.ensure_future(anext(results, _END))
    try:
        while True:
            done, _ = await asyncio.wait([following], timeout=_ALIVE_SECONDS)
            if not done:
                yield None
                continue
            result = following.result()
            if result is _END:
                return
            yield result
            following = asyncio.ensure_future(anext(results, _END))
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


_END: Any = object()


def _listening(connection: Request | WebSocket, credential: str = "") -> Listening:
    running = running_of(connection.app)
    assert running.live_changes is not None
    return Listening(running.wiring, running.live_changes, connection, credential)


def _credential(header: str) -> str:
    """Raises `NotSignedIn`."""
    scheme, _, credential = header.partition(" ")
    if scheme.lower() != "bearer" or not credential.strip():
        raise NotSignedIn("This request carries no key or access token.")
    return credential.strip()


def _error(error: GraphQLError) -> dict[str, Any]:
    """As the client sees it: a stable code, and what to do."""
    refusal = error.original_error
    found: dict[str, Any] = {"message": error.message}
    if error.path:
        found["path"] = error.path
    if error.locations:
        found["locations"] = [{"line": one.line, "column": one.column} for one in error.locations]
    if isinstance(refusal, Refusal):
        found["extensions"] = {"code": refusal.code, "status": refusal.status, "fix": refusal.fix}
    elif error.path is None:
        found["extensions"] = {"code": QueryInvalid.code, "status": QueryInvalid.status, "fix": QueryInvalid.fix}
    else:
        log.error("a field of GraphQL failed", path=error.path, exc_info=refusal)
        found["extensions"] = {
            "code": "internal_error",
            "status": 500,
            "fix": "Try again; if it stays, tell the operator.",
        }
    return found


async def _socket_context(websocket: WebSocket) -> Listening:
    return _listening(websocket)


class _Sockets(GraphQLRouter[Listening, None]):
    """The WebSocket alone; its queries and mutations are refused by the schema's limits."""

    async def on_ws_connect(self, context: Listening) -> UnsetType | dict[str, object] | None:
        params = context.connection_params
        header = next((str(value) for name, value in params.items() if name.lower() == "authorization"), "")
        socket = context.request
        assert socket is not None
        try:
            refuse_foreign_sites(socket, context.wiring.cors_origins)
            context.credential = _credential(header)
            # A key that this process has not seen is proved first.
            await prove_text(socket, context.wiring, context.credential)
            await context.authenticate()
        except Refusal as refusal:
            raise ConnectionRejectionError({"code": refusal.code}) from None
        unset: UnsetType = UNSET
        return unset


_sockets: Any = _Sockets(
    SCHEMA, "/graphql", graphql_ide=None, allow_queries_via_get=False, context_getter=_socket_context,
    subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
    connection_init_wait_timeout=timedelta(seconds=_INIT_SECONDS),
    max_subscriptions_per_connection=_MOST_SUBSCRIPTIONS,
)  # fmt: skip
# Queries go through our own door, which has the transaction and the rest of what every request passes.
for _route in _sockets.routes:
    if not hasattr(_route, "methods"):
        streams.routes.append(_route)
