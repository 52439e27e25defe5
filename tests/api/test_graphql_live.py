"""Live changes, by clients that know nothing of us: a WebSocket and server-sent events."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from gql import Client, gql
from gql.transport.exceptions import TransportError, TransportQueryError
from gql.transport.websockets import WebsocketsTransport
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from mercato.identity import Caller
from mercato.publishing import SubmissionReceived
from tests.metering.test_usage_api import sign_in
from tests.support.asgi import serve_app
from tests.support.governed import submit
from tests.support.market import Market

CHANGES = "subscription { changes { topic name submissionId by } }"


@pytest.fixture
async def address(app: FastAPI) -> AsyncIterator[str]:
    """The control plane on a port of loopback."""
    async with serve_app(app) as url:
        yield url


@asynccontextmanager
async def listener(address: str, headers: dict[str, str]) -> AsyncIterator[Any]:
    """PyPI's `gql`, as it comes."""
    transport = WebsocketsTransport(
        url=f"ws{address[4:]}/graphql", init_payload=headers, subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
        connect_timeout=60, ack_timeout=60,
    )  # fmt: skip
    async with Client(transport=transport) as session:
        yield session


async def tell(market: Market, vendor: Caller, submission: str) -> None:
    """The submission came in."""
    async with market.database.transaction() as session:
        await market.outbox.add(session, SubmissionReceived(by=vendor.actor, submission_id=submission))


async def first(changes: AsyncIterator[Any], market: Market, vendor: Caller) -> tuple[str, Any]:
    """The first change that comes, and the submission that it was told of: told again until it is heard."""
    coming = asyncio.ensure_future(anext(changes))
    submission = await submit(market, vendor)
    async with asyncio.timeout(600):
        while True:
            await tell(market, vendor, submission)
            done, _ = await asyncio.wait([coming], timeout=2)
            if done:
                break
    change = coming.result()["changes"]
    assert change["submissionId"] == submission
    return change["submissionId"], change


async def test_a_websocket_client_hears_its_own_and_an_operator_everything(
    api: httpx.AsyncClient, address: str, market: Market
) -> None:
    one, two = await market.people.join("acme"), await market.people.join("globex")
    mine, operator = await sign_in(api, one), await sign_in(api, await market.operator())
    async with listener(address, mine) as session, listener(address, operator) as other:
        own, everything = session.subscribe(gql(CHANGES)), other.subscribe(gql(CHANGES))
        await first(everything, market, two)
        heard, change = await first(own, market, one)
        assert (change["topic"], change["name"], change["by"]) == ("submission.received", "speaker 1.0.0", one.actor)
        async with asyncio.timeout(600):
            while (await anext(everything))["changes"]["submissionId"] != heard:
                pass
        with pytest.raises(TransportQueryError, match="doors of their own"):
            await session.execute(gql("{ services(first: 1) { next } }"))
        with pytest.raises(TransportQueryError, match="no topic"):
            await anext(session.subscribe(gql('subscription { changes(topics: ["moon"]) { topic } }')))


async def test_nobody_listens_without_a_credential_or_from_another_site(
    api: httpx.AsyncClient, address: str, market: Market
) -> None:
    with pytest.raises((TransportError, ConnectionClosed)):
        async with listener(address, {"Authorization": "Bearer nonsense"}):
            pass
    url = f"ws{address[4:]}/graphql"
    with pytest.raises(InvalidStatus, match="403"):
        async with connect(url, subprotocols=["graphql-transport-ws"], origin="https://evil.example"):  # type: ignore[arg-type, list-item]
            pass
    async with connect(url, subprotocols=["graphql-transport-ws"]) as silent:  # type: ignore[list-item]
        with pytest.raises(ConnectionClosed) as closed:
            await silent.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4408


async def test_server_sent_events_bring_the_same(api: httpx.AsyncClient, address: str, market: Market) -> None:
    vendor = await market.people.join("acme")
    headers = await sign_in(api, vendor)

    async def changes() -> AsyncIterator[Any]:
        asked = {"query": CHANGES}
        async with (
            httpx.AsyncClient(timeout=120) as client,
            client.stream("POST", f"{address}/graphql/stream", json=asked, headers=headers) as answer,
        ):
            assert answer.headers["content-type"].startswith("text/event-stream")
            async for line in answer.aiter_lines():
                if line.startswith("data: "):
                    yield json.loads(line[6:])["data"]

    stream = changes()
    _, change = await first(stream, market, vendor)
    assert change["topic"] == "submission.received"
    await stream.aclose()  # type: ignore[attr-defined]
    refused = await api.post("/graphql/stream", json={"query": CHANGES})
    assert (refused.status_code, refused.json()["code"]) == (401, "not_signed_in")
    wrong = await api.post("/graphql/stream", json={"query": "{ a { b"}, headers=headers)
    assert (wrong.status_code, wrong.json()["code"]) == (422, "graphql_invalid")
