"""A request is read before anything is done for it: within its size, its time and its share of memory."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from mercato.edge.addresses import TrustedProxies
from mercato.edge.bodies import Body, BodyRoom, ClientLeft
from mercato.edge.middleware import Edge
from mercato.edge.problems import BodyTooLarge, BodyTooSlow
from mercato.platform import Ids, Unavailable
from tests.support.bounded_server import BoundedServer, serve_bounded
from tests.support.waiting import until


def messages(*parts: bytes, ends: bool = True) -> Receive:
    """What a server hands over: these parts and, unless `ends`, nothing more for ever."""
    waiting = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    if ends:
        waiting.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Message:
        if not waiting:
            await asyncio.Event().wait()
        return waiting.pop(0)

    return receive


async def test_a_body_is_handed_on_whole_and_its_room_given_back() -> None:
    room = BodyRoom()
    body = Body(messages(b"ab", b"", b"cd"), room, "1.2.3.4")
    await body.read(4)
    assert room.held == 4
    assert await body.receive() == {"type": "http.request", "body": b"abcd", "more_body": False}
    body.close()
    assert room.held == 0


async def test_a_body_that_does_not_end_is_too_slow_and_a_trickle_earns_no_time() -> None:
    room = BodyRoom()
    trickle = messages(*[b"x"] * 1000, ends=False)

    async def drip() -> Message:
        await asyncio.sleep(0.01)
        return await trickle()

    for receive in (messages(b"x", ends=False), messages(ends=False), drip):
        body = Body(receive, room, "1.2.3.4", grace_seconds=0.1)
        with pytest.raises(BodyTooSlow):
            await body.read(2000)
        body.close()
    assert room.held == 0


async def test_more_than_was_declared_and_more_than_fits_is_too_large() -> None:
    mebibyte = b"x" * 1024 * 1024
    with pytest.raises(BodyTooLarge):
        await Body(messages(*[mebibyte] * 17), BodyRoom(), "1.2.3.4").read(None)
    with pytest.raises(BodyTooLarge):
        await Body(messages(), BodyRoom(), "1.2.3.4").read(17 * 1024 * 1024)


async def test_one_origin_fills_its_share_of_memory_and_not_anothers() -> None:
    room = BodyRoom(most=100, most_of_one=40)
    held = Body(messages(b"x" * 40), room, "1.2.3.4")
    await held.read(None)
    with pytest.raises(Unavailable):
        await Body(messages(b"x"), room, "1.2.3.4").read(None)
    await Body(messages(b"x" * 40), room, "5.6.7.8").read(None)
    held.close()
    await Body(messages(b"x"), room, "1.2.3.4").read(None)


async def test_a_client_that_leaves_is_nobodys_fault() -> None:
    async def gone() -> Message:
        return {"type": "http.disconnect"}

    with pytest.raises(ClientLeft):
        await Body(gone, BodyRoom(), "1.2.3.4").read(200)


class Counting:
    """Counts the requests that reached it."""

    def __init__(self) -> None:
        self.reached = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.reached += 1
        body = await Request(scope, receive).body()
        await Response(str(len(body)))(scope, receive, send)


@asynccontextmanager
async def edge(ids: Ids) -> AsyncIterator[tuple[BoundedServer, Counting, BodyRoom]]:
    app, room = Counting(), BodyRoom()
    async with serve_bounded(Edge(app, ids, TrustedProxies(), room)) as server:
        yield server, app, room


HALF = {
    "one byte of 200": b"content-length: 200\r\n\r\nx",
    "a chunk that does not end": b"transfer-encoding: chunked\r\n\r\n5\r\nab",
    "chunks that do not end": b"transfer-encoding: chunked\r\n\r\n2\r\nab\r\n",
    "nothing after the head": b"content-length: 200\r\n\r\n",
    "an expectation": b"expect: 100-continue\r\ncontent-length: 200\r\n\r\nx",
}


@pytest.mark.parametrize("sent", HALF.values(), ids=HALF.keys())
async def test_a_client_that_leaves_mid_body_is_not_logged_and_nothing_was_done_for_it(
    ids: Ids, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str], sent: bytes
) -> None:
    async with edge(ids) as (server, app, room):
        with caplog.at_level(logging.DEBUG):
            client = await server.connect()
            await client.send(b"POST / HTTP/1.1\r\nhost: x\r\n" + sent)
            await until(lambda: bool(len(server.connections)))
            client.close()
            await until(lambda: not len(server.connections))
        assert (app.reached, room.held) == (0, 0)
    logged = [record.getMessage() for record in caplog.records if record.name != "asyncio"]
    assert logged == []
    assert "Traceback" not in capsys.readouterr().out


async def test_a_body_in_many_parts_arrives_whole(ids: Ids) -> None:
    async with edge(ids) as (server, _, room):
        client = await server.connect()
        await client.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 300000\r\nconnection: close\r\n\r\n")
        for _ in range(300):
            await client.send(b"x" * 1000)
        assert (await client.rest()).endswith(b"300000")
        assert room.held == 0
