"""Live changes, by clients that know nothing of us: a WebSocket and server-sent events."""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from gql import Client, gql
from gql.transport.exceptions import TransportError, TransportQueryError
from gql.transport.websockets import WebsocketsTransport
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from mercato.edge.wiring import running_of
from mercato.identity import Caller
from mercato.publishing import SubmissionReceived
from tests.clients.environments import node_client_environment
from tests.metering.test_usage_api import sign_in
from tests.support.asgi import serve_app
from tests.support.governed import submit
from tests.support.market import Market

HERE = Path(__file__).parent
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


@contextmanager
def node_listener(url: str, authorization: str) -> Iterator[Iterator[dict[str, Any]]]:
    """npm's `graphql-ws`, a process of its own: what it prints, a line each."""
    environment = node_client_environment(HERE / "package.json")
    script = shutil.copy(HERE / "graphql_ws_client.mjs", environment / "listen.mjs")
    asked = {"url": f"ws{url[4:]}/graphql", "authorization": authorization, "query": CHANGES}
    process = subprocess.Popen(
        ["node", str(script)], cwd=environment, env={**os.environ, "ASKED": json.dumps(asked)}, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        yield (json.loads(line) for line in process.stdout)
    finally:
        process.kill()
        process.wait()


async def lines_of(found: Iterator[dict[str, Any]]) -> AsyncIterator[dict[str, Any]]:
    """The same, without holding the loop."""
    while (line := await asyncio.to_thread(next, found, None)) is not None:
        yield line


async def test_the_reference_client_of_the_protocol_hears_changes_and_why_it_is_refused(
    api: httpx.AsyncClient, address: str, market: Market
) -> None:
    vendor = await market.people.join("acme")
    headers = await sign_in(api, vendor)
    with node_listener(address, headers["Authorization"]) as printed:
        lines = lines_of(printed)
        assert await anext(lines) == {"connected": True}
        heard, change = await first((line["data"] async for line in lines), market, vendor)
        assert (change["topic"], change["submissionId"]) == ("submission.received", heard)
    with node_listener(address, "Bearer nonsense") as printed:
        ended = await anext(lines_of(printed))
        assert (ended["ended"], ended["code"]) == ("error", 4403)


async def test_of_eleven_subscriptions_on_one_connection_ten_listen(
    api: httpx.AsyncClient, address: str, market: Market
) -> None:
    headers = await sign_in(api, await market.people.join("acme"))
    async with connected(address, headers) as socket:
        for number in range(11):
            await socket.send(subscription(str(number)))
        refused = json.loads(await socket.recv())
        assert (refused["type"], refused["id"]) == ("error", "10")
        assert "limit" in refused["payload"][0]["message"]
        # The place of one that ends is free again, and the connection still stands.
        await socket.send(json.dumps({"type": "complete", "id": "3"}))
        await socket.send(subscription("again", '{ changes(topics: ["moon"]) { topic } }'))
        answered = json.loads(await socket.recv())
        assert (answered["type"], answered["id"]) == ("next", "again")
        assert "no topic" in answered["payload"]["errors"][0]["message"]


async def test_a_session_that_ends_is_found_by_the_next_look(
    api: httpx.AsyncClient, app: FastAPI, address: str, market: Market
) -> None:
    live = running_of(app).live_changes
    assert live is not None
    live.look_seconds = 0.2
    headers = await sign_in(api, await market.people.join("acme"))
    async with connected(address, headers) as socket:
        await socket.send(subscription("1"))
        # Looked at several times, and still there.
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await socket.recv()
        assert (await api.delete("/api/sessions/current", headers=headers)).status_code == 204
        async with asyncio.timeout(600):
            ended = json.loads(await socket.recv())
        assert (ended["type"], ended["id"]) == ("next", "1")
        assert "session has ended" in ended["payload"]["errors"][0]["message"]
        assert json.loads(await socket.recv()) == {"type": "complete", "id": "1"}


@asynccontextmanager
async def connected(address: str, headers: dict[str, str]) -> AsyncIterator[ClientConnection]:
    """A connection that was acknowledged."""
    url = f"ws{address[4:]}/graphql"
    async with connect(url, subprotocols=["graphql-transport-ws"], open_timeout=60) as socket:  # type: ignore[list-item]
        await socket.send(json.dumps({"type": "connection_init", "payload": headers}))
        assert json.loads(await socket.recv())["type"] == "connection_ack"
        yield socket


def subscription(number: str, query: str = "{ changes { topic } }") -> str:
    """A message that begins one."""
    return json.dumps({"type": "subscribe", "id": number, "payload": {"query": f"subscription {query}"}})
