"""The control plane's listener: slow, huge and countless clients lose their own connections and nobody else's."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from mercato.app.connections import ConnectionLimits
from tests.support.bounded_server import PATIENCE_SECONDS, BoundedServer, Client, serve_bounded
from tests.support.waiting import until

GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
HURRIED = ConnectionLimits(head_seconds=0.2, stalled_seconds=0.2)


class Echo:
    """Answers with the request's headers; `/slow` when it is let go, `/large` with 64 MiB."""

    def __init__(self) -> None:
        self.let_go = asyncio.Event()
        self.at_work = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        self.at_work += 1
        if scope["path"] == "/slow":
            await self.let_go.wait()
        body = await request.body()
        lines = [f"{name}: {value}" for name, value in request.headers.items()]
        content = b"x" * 64 * 1024 * 1024 if scope["path"] == "/large" else "\n".join([*lines, str(len(body))]).encode()
        self.at_work -= 1
        await Response(content)(scope, receive, send)


@asynccontextmanager
async def running(
    limits: ConnectionLimits | None = None, proxies: str = ""
) -> AsyncIterator[tuple[BoundedServer, Echo]]:
    app = Echo()
    async with serve_bounded(app, limits, proxies) as server:
        yield server, app
        app.let_go.set()


async def get(server: BoundedServer, source: str = "127.0.0.1") -> bytes:
    client = await server.connect(source)
    await client.send(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    answer = await client.rest()
    client.close()
    return answer.partition(b"\r\n")[0]


@pytest.mark.parametrize(
    "sent",
    [
        b"", b"G", b"\r\n", b"\r\n\r\n", b"GET / HTTP/1.1\r\nhost: x\r\n", b"GET / HTTP/1.1\r\nx: ",
        GET + b"\r\n", GET + b"GET / HT", GET + b"GET / HTTP/1.1\r\nhost: x\r\nx: y",
    ],
)  # fmt: skip
async def test_a_head_that_does_not_end_closes_its_connection(sent: bytes) -> None:
    async with running(HURRIED) as (server, _):
        client = await server.connect()
        await client.send(sent)
        await client.rest()
        client.close()
        await until(lambda: not len(server.connections))


async def test_a_head_that_trickles_has_one_deadline_and_not_one_for_each_byte() -> None:
    async with running(HURRIED) as (server, _):
        client = await server.connect()
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            for _ in range(100_000):
                await client.send(b"a")
                await asyncio.sleep(0.01)
        client.close()


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nhost: x\r\nx: " + b"y" * 70_000,
        b"GET / HTTP/1.1\r\nhost: x\r\nx: " + b"y" * 70_000 + b"\r\n\r\n",
        b"GET /" + b"y" * 70_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 201 + b"\r\n",
    ],
    ids=["one that does not end", "a long value", "a long address", "many"],
)
async def test_a_head_that_is_too_large_is_refused(head: bytes) -> None:
    async with running() as (server, app):
        client = await server.connect()
        await client.send(head)
        assert (await client.rest()).startswith(b"HTTP/1.1 431 ")
        assert app.at_work == 0


async def test_a_large_body_in_one_piece_with_its_head_is_no_large_head() -> None:
    async with running() as (server, _):
        client = await server.connect()
        for _ in range(3):
            await client.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 200000\r\n\r\n" + b"x" * 200_000)
            assert (await client.head()).startswith(b"HTTP/1.1 200 ")
            async with asyncio.timeout(PATIENCE_SECONDS):
                await client.reader.readuntil(b"\n200000")


async def test_what_follows_a_body_in_chunks_is_no_header() -> None:
    async with running() as (server, _):
        client = await server.connect()
        await client.send(
            b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
            b"3\r\nabc\r\n0\r\nauthorization: Bearer forged\r\n\r\n"
        )
        answer = await client.rest()
        assert answer.endswith(b"\n3")
        assert b"forged" not in answer


async def test_a_client_that_takes_nothing_of_its_answer_is_let_go() -> None:
    async with running(HURRIED) as (server, _):
        client = await server.connect()
        await client.send(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n")
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await until(lambda: not len(server.connections))
        client.close()


async def half_sent(server: BoundedServer, source: str = "127.0.0.1") -> Client:
    client = await server.connect(source)
    await client.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 200\r\n\r\nx")
    return client


@pytest.mark.parametrize("kind", ["idle", "half a head", "half a body", "kept alive"])
async def test_whoever_opens_too_many_loses_the_oldest_and_the_next_gets_in(kind: str) -> None:
    async with running(ConnectionLimits(of_one=20, head_seconds=600)) as (server, _):
        crowd = []
        for _ in range(100):
            client = await half_sent(server) if kind == "half a body" else await server.connect()
            if kind in ("half a head", "kept alive"):
                await client.send(GET if kind == "kept alive" else b"GET / HT")
            crowd.append(client)
        assert await get(server) == b"HTTP/1.1 200 OK"
        assert len(server.connections) <= 20
        await crowd[0].rest()
        for client in crowd:
            client.close()


async def test_what_is_worked_on_is_never_closed_for_another() -> None:
    async with running(ConnectionLimits(of_one=3)) as (server, app):
        at_work = [await server.connect() for _ in range(3)]
        for client in at_work:
            await client.send(b"GET /slow HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        async with asyncio.timeout(PATIENCE_SECONDS):
            while app.at_work < 3:
                await asyncio.sleep(0.01)
        refused = await (await server.connect()).rest()
        assert refused.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: 1" in refused
        assert await get(server, "127.0.0.2") == b"HTTP/1.1 200 OK"
        app.let_go.set()
        for client in at_work:
            assert (await client.rest()).startswith(b"HTTP/1.1 200 ")


async def test_a_thousand_idle_connections_keep_nobody_out() -> None:
    async with running() as (server, _):
        crowd = [await server.connect() for _ in range(1_000)]
        assert await get(server) == b"HTTP/1.1 200 OK"
        assert await get(server, "127.0.0.2") == b"HTTP/1.1 200 OK"
        assert len(server.connections) <= 201
        for client in crowd:
            client.close()
        await until(lambda: not len(server.connections))


async def test_where_all_addresses_together_have_too_many_the_one_with_most_gives_way() -> None:
    async with running(ConnectionLimits(total=30, of_one=25)) as (server, _):
        few = [await server.connect("127.0.0.3") for _ in range(5)]
        many = [await server.connect("127.0.0.2") for _ in range(25)]
        assert await get(server, "127.0.0.4") == b"HTTP/1.1 200 OK"
        await many[0].is_closed()
        for client in few:
            await client.send(GET)
            assert (await client.head()).startswith(b"HTTP/1.1 200 ")


async def test_a_proxy_of_the_operators_has_no_limit_of_one_client() -> None:
    async with running(ConnectionLimits(of_one=5), proxies="127.0.0.9") as (server, _):
        crowd = [await server.connect("127.0.0.9") for _ in range(20)]
        for client in crowd:
            await client.send(GET)
            assert (await client.head()).startswith(b"HTTP/1.1 200 ")
