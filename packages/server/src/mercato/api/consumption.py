"""The gateway's side: `/internal`, with the gateway's own token. Not part of the public API."""

import asyncio
import hmac
from collections.abc import AsyncGenerator
from typing import Annotated, TypeVar

import structlog
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import ValidationError
from starlette.types import Send

from mercato.billing import Ledger
from mercato.consumption import (
    Gates,
    Introspection,
    Lending,
    Limits,
    NotTheGateway,
    SnapshotHub,
    TakeUsage,
    take_back_abandoned,
)
from mercato.edge.wiring import Parts, Wiring, running_of
from mercato.identity import TOKEN_PREFIX, NotSignedIn
from mercato.metering import Holder
from mercato.platform import Malformed
from mercato_contracts.dataplane import (
    IntrospectRequest,
    KeyGrant,
    LeaseBatch,
    LeaseBatchAnswer,
    Recovered,
    UsageBatch,
)
from mercato_contracts.problem import FieldError
from mercato_contracts.wire import Wire

log = structlog.get_logger(__name__)

Message = TypeVar("Message", bound=Wire)


def check_gateway(request: Request, parts: Parts) -> None:
    """Raises `NotTheGateway` unless the request shows the gateway's token."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(token.encode(), parts.gateway_token.encode()):
        raise NotTheGateway("This address is for gateways, and the request does not show their token.")


def get_hub(request: Request) -> SnapshotHub:
    """The process's hub, put there by the app."""
    hub = running_of(request.app).snapshot_hub
    assert hub is not None, "the role of consumption serves it"
    return hub


def get_gates(request: Request) -> Gates:
    """The process's gates, put there by the app."""
    gates = running_of(request.app).gates
    assert gates is not None, "the role of consumption serves them"
    return gates


Turns = Annotated[Gates, Depends(get_gates)]

router = APIRouter(prefix="/internal", dependencies=[Depends(check_gateway)], include_in_schema=False)


class SnapshotAnswer(StreamingResponse):
    """A stream without end. A gateway that takes nothing for `stalled_seconds` is let go, and asks anew later."""

    media_type = "application/x-ndjson"

    def __init__(self, pieces: AsyncGenerator[bytes, None], *, stalled_seconds: float = 10.0) -> None:
        super().__init__(pieces)
        self._pieces = pieces
        self._stalled_seconds = stalled_seconds

    async def stream_response(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        try:
            async for piece in self._pieces:
                async with asyncio.timeout(self._stalled_seconds):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
        except TimeoutError:
            # Unfinished on purpose: the server then closes the connection.
            log.warning("a gateway stopped reading its snapshot")
            return
        finally:
            await self._pieces.aclose()
        await send({"type": "http.response.body", "body": b"", "more_body": False})


@router.get("/snapshot")
async def snapshot(hub: Annotated[SnapshotHub, Depends(get_hub)]) -> Response:
    """All routes, then each change, one JSON object a line."""
    hub.check_hearing()
    return SnapshotAnswer(hub.stream())


@router.post("/keys/introspect")
async def introspect(request: Request, parts: Parts, gates: Turns) -> Response:
    """What a key may do."""
    asked = await _read(request, IntrospectRequest)
    async with gates.proofs.turn():
        if not asked.key.startswith(TOKEN_PREFIX):
            try:
                await parts.gateway_key_proof.prove(asked.key, origin="gateways")
            except NotSignedIn:
                return _answer(KeyGrant(active=False))
        async with parts.gateway_database.transaction() as session:
            grant = await Introspection(session, parts.authentication(session)).introspect(asked.key)
    return _answer(grant)


@router.post("/leases")
async def lend(request: Request, parts: Parts, gates: Turns) -> Response:
    """Slices of counted scopes."""
    batch = await _read(request, LeaseBatch)
    async with gates.leases.turn():
        lent = await _lend(batch, parts)
    return _answer(lent)


async def _lend(batch: LeaseBatch, parts: Wiring) -> LeaseBatchAnswer:
    """Two transactions, as each locks counters in order: what nobody learnt of goes back, then it can be lent again."""
    if batch.abandoned:
        async with parts.gateway_database.transaction() as session:
            await take_back_abandoned(parts.counters(session), batch)
    async with parts.gateway_database.transaction() as session:
        return await Lending(Limits(session), parts.counters(session)).lend(batch)


@router.post("/usage")
async def take_usage(request: Request, parts: Parts, gates: Turns) -> Response:
    """A piece of a spool."""
    batch = await _read(request, UsageBatch)
    async with gates.usage.turn(), parts.gateway_database.transaction() as session:
        ledger = Ledger(session, parts.clock, parts.ids, take_rate_bp=parts.take_rate_bp)
        bus_news = parts.outbox if parts.has_bus else None
        receipt = await TakeUsage(session, parts.clock, parts.counters(session), ledger, bus_news).take(batch)
    return _answer(receipt)


@router.post("/gateways/{gateway}/recovered", status_code=204)
async def recovered(gateway: str, request: Request, parts: Parts) -> Response:
    """All spools of earlier lives were shipped: what they held goes back."""
    gateway_life = await _read(request, Recovered)
    if "\0" in gateway:
        raise Malformed("A gateway's name has no NUL character.")
    async with parts.gateway_database.transaction() as session:
        freed = await parts.counters(session).recover(Holder(gateway, gateway_life.life))
    log.info("a gateway recovered", gateway=gateway, leases=freed)
    return Response(status_code=204)


async def _read(request: Request, kind: type[Message]) -> Message:
    """The body as a message. Raises `Malformed`, which tells the gateway not to send it again as it is."""
    body = await request.body()
    # PostgreSQL's text cannot hold it, and no name of ours has it.
    if b"\\u0000" in body:
        raise Malformed("The body holds a NUL character.")
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        errors = [
            FieldError(field=".".join(str(part) for part in item["loc"]), code=item["type"], message=item["msg"])
            for item in error.errors(include_url=False, include_input=False, include_context=False)[:20]
        ]
        raise Malformed(f"Not a {kind.__name__}.", errors=errors) from None


def _answer(message: Wire) -> Response:
    return Response(message.model_dump_json(), media_type="application/json")
