"""Upstreams that close kept-alive connections without announcing it: after each answer, after a rest, in the race."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable

import pytest
import uvloop

from mercato_gateway.peer import Peer
from tests.fakes.gateway_process import GatewayProcess, MakeShop, Shop, StartGateway
from tests.fakes.upstream import Received, Script, Upstream, answer
from tests.support.waiting import until

ANSWER = answer(200, b'{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":1}}')


def closing(after: int, rest: float = 0.0, *, reset: bool = False) -> Script:
    """Closes each connection without a word after so many answers and a rest."""
    given: dict[asyncio.StreamWriter, int] = {}

    async def script(request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(ANSWER)
        given[writer] = given.get(writer, 0) + 1
        if given[writer] == after:
            del given[writer]
            await writer.drain()
            await asyncio.sleep(rest)
            if reset:
                linger = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.close()

    return script


async def post(gateway: GatewayProcess, place: Shop, calls: int, *, clients: int = 1, pause: float = 0.0) -> list[int]:
    """The statuses of so many chat calls, which must not be sent twice."""

    async def one_client() -> list[int]:
        statuses = []
        async with gateway.client(place.key) as client:
            for _ in range(calls // clients):
                got = await client.post("/v1/chat/completions", json={"model": place.model, "messages": []})
                statuses.append(got.status_code)
                await asyncio.sleep(pause)
        return statuses

    return [status for statuses in await asyncio.gather(*(one_client() for _ in range(clients))) for status in statuses]


@pytest.mark.parametrize("clients", [1, 8])
@pytest.mark.parametrize(
    "script", [closing(1), closing(1, 0.004), closing(1, reset=True)], ids=["at once", "a little later", "by a reset"]
)
async def test_an_upstream_that_closes_after_each_answer_costs_no_call(
    shop: MakeShop, start_gateway: StartGateway, upstream: Upstream, script: Script, clients: int
) -> None:
    place = shop(name="acme/chat")
    gateway = await start_gateway()
    upstream.script = script
    assert await post(gateway, place, 304, clients=clients) == [200] * 304
    assert len(upstream.received) == 304


@pytest.mark.parametrize("answers", [2, 7, 20])
async def test_no_call_is_handled_twice_where_connections_end_after_some_answers(
    shop: MakeShop, start_gateway: StartGateway, upstream: Upstream, answers: int
) -> None:
    """A request that arrives just before the upstream closes is lost unread, which nobody can prove."""
    place = shop(name="acme/chat")
    gateway = await start_gateway()
    upstream.script = closing(answers)
    statuses = await post(gateway, place, 304, clients=8)
    assert statuses.count(200) == len(upstream.received)
    assert set(statuses) <= {200, 502}
    assert statuses.count(200) > 290


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_ten_thousand_calls_in_a_row_to_an_upstream_that_closes_after_each(
    shop: MakeShop, start_gateway: StartGateway, upstream: Upstream
) -> None:
    place = shop(name="acme/chat")
    gateway = await start_gateway()
    upstream.script = closing(1)
    assert set(await post(gateway, place, 10_000)) == {200}
    assert len(upstream.received) == 10_000


async def test_an_upstream_that_closes_what_rests_costs_no_call(
    shop: MakeShop, start_gateway: StartGateway, upstream: Upstream
) -> None:
    """The pauses of the client are the time after which the upstream closes, as far as two timers can agree."""
    place = shop(name="acme/chat")
    gateway = await start_gateway()
    upstream.script = closing(1, 0.15)
    assert await post(gateway, place, 40, clients=4, pause=0.15) == [200] * 40
    assert len(upstream.received) == 40


async def test_connections_that_stay_open_are_used_again(
    shop: MakeShop, start_gateway: StartGateway, upstream: Upstream
) -> None:
    place = shop(name="acme/chat")
    gateway = await start_gateway()
    upstream.script = closing(0)
    await post(gateway, place, 8, pause=0.15)
    before = upstream.connections
    assert await post(gateway, place, 50) == [200] * 50
    assert upstream.connections <= before + 1


@pytest.mark.parametrize("most", [1, 4])
async def test_few_connections_serve_all_that_wait_for_them(
    shop: MakeShop, start_gateway: StartGateway, upstream: Upstream, most: int
) -> None:
    """While calls wait nothing can rest for long: trust is not earned at their cost."""
    place = shop(name="acme/chat", deployment={"max_connections": most})
    gateway = await start_gateway()
    upstream.script = closing(0)
    # Trust takes a few rests of a tenth of a second, in which a fast machine makes many calls.
    for _ in range(200):
        before = upstream.connections
        assert await post(gateway, place, 96, clients=16) == [200] * 96
        if upstream.connections - before < 24:
            return
    pytest.fail("calls still open connections of their own")


async def test_what_an_upstream_may_have_handled_is_not_sent_again(
    shop: MakeShop, start_gateway: StartGateway, upstream: Upstream
) -> None:
    place = shop(name="acme/chat")
    gateway = await start_gateway()
    upstream.script = closing(0)
    await post(gateway, place, 8, pause=0.15)

    async def read_and_close(request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    upstream.script = read_and_close
    upstream.received.clear()
    assert await post(gateway, place, 1) == [502]
    assert len(upstream.received) == 1


async def test_a_call_that_may_be_sent_twice_goes_on_with_a_fresh_connection(
    shop: MakeShop, start_gateway: StartGateway, upstream: Upstream
) -> None:
    place = shop()
    gateway = await start_gateway()
    used: set[asyncio.StreamWriter] = set()

    async def answer_once(request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hears a second request on a connection, and closes without an answer."""
        if writer in used:
            writer.close()
        else:
            used.add(writer)
            writer.write(answer(200, b'{"object":"list","data":[],"usage":{"prompt_tokens":7,"total_tokens":7}}'))

    upstream.script = answer_once
    async with gateway.client(place.key) as client:
        for _ in range(30):
            assert (await client.post("/v1/embeddings", json=place.body())).status_code == 200
            await asyncio.sleep(0.11)
    assert len(upstream.received) > 30, "connections that rested were used again"


# What the kernel proves, on real sockets.


class Sender:
    """A protocol that sends one request on a connection which is already used, and asks at the end of the other side
    whether anything of it was acknowledged.
    """

    def __init__(self) -> None:
        self.unprocessed: bool | None = None
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        self.peer = Peer(transport)

    def send(self, data: bytes) -> None:
        self.peer.sends(len(data))
        self.transport.write(data)

    def data_received(self, data: bytes) -> None: ...

    def eof_received(self) -> None:
        self.unprocessed = self.peer.acknowledged_nothing()

    def connection_lost(self, error: Exception | None) -> None:
        self.ended.set_result(None)


async def race(other_end: Callable[[socket.socket, Callable[[], None]], None]) -> Sender:
    """A used connection; `other_end` closes it and lets the second request go, in its own order."""
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        _, sender = await loop.create_connection(Sender, *listener.getsockname())  # type: ignore[type-var]
        accepted, _ = listener.accept()
    assert isinstance(sender, Sender)
    with accepted:
        sender.send(b"first")
        await until(lambda: _arrived(accepted, 5))
        assert accepted.recv(5) == b"first"
        assert sender.peer.is_quiet()
        other_end(accepted, lambda: sender.send(b"second"))
        await sender.ended
    return sender


def _arrived(accepted: socket.socket, size: int) -> bool:
    accepted.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        return len(accepted.recv(size, socket.MSG_PEEK)) >= size
    return False


def _close_first(accepted: socket.socket, send: Callable[[], None]) -> None:
    accepted.close()
    send()


def _half_close_first(accepted: socket.socket, send: Callable[[], None]) -> None:
    accepted.shutdown(socket.SHUT_WR)
    send()


@pytest.mark.parametrize(
    ("end", "unprocessed"), [(_close_first, True), (_half_close_first, False)], ids=["closed", "half closed"]
)
def test_a_request_that_a_closed_socket_got_is_provably_unprocessed(
    end: Callable[[socket.socket, Callable[[], None]], None], unprocessed: bool
) -> None:
    """One that a half-closed socket got was acknowledged by its kernel: whether it is read is not known."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(race(end)).unprocessed is unprocessed


def test_a_request_that_was_acknowledged_is_not() -> None:
    async def acknowledged() -> bool | None:
        loop = asyncio.get_running_loop()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            _, sender = await loop.create_connection(Sender, *listener.getsockname())  # type: ignore[type-var]
            accepted, _ = listener.accept()
        assert isinstance(sender, Sender)
        with accepted:
            sender.send(b"first")
            await until(lambda: _arrived(accepted, 5))
            accepted.recv(5)
            sender.send(b"second")
            await until(lambda: _arrived(accepted, 6))
            accepted.shutdown(socket.SHUT_WR)
            await until(lambda: sender.unprocessed is not None)
        return sender.unprocessed

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(acknowledged()) is False


def test_the_end_and_stray_bytes_are_seen_before_a_connection_is_used_again() -> None:
    async def quiet_after(act: Callable[[socket.socket], None]) -> bool:
        loop = asyncio.get_running_loop()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            _, sender = await loop.create_connection(Sender, *listener.getsockname())  # type: ignore[type-var]
            accepted, _ = listener.accept()
        assert isinstance(sender, Sender)
        with accepted:
            sender.transport.pause_reading()
            act(accepted)
            return sender.peer.is_quiet()

    stray = b"HTTP/1.1 408 Request Timeout\r\n\r\n"
    for act in (socket.socket.close, lambda other: other.sendall(stray)):
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            assert runner.run(quiet_after(act)) is False
