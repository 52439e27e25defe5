"""A gateway that knows several addresses of the control plane leaves the one that cannot help."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from mercato_gateway.control import ControlClient, ControlRefused, ControlUnavailable, ControlUnreachable
from tests.support.ports import free_port


class Replica:
    """Answers every request with `status`; `asked` counts them. With `mute` it reads and says nothing."""

    def __init__(self) -> None:
        self.port = free_port()
        self.status = 200
        self.mute = False
        self.asked = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        try:
            yield
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                self.asked += 1
                if not self.mute:
                    writer.write(f"HTTP/1.1 {self.status} Some\r\ncontent-length: 2\r\n\r\n{{}}".encode())
        except (asyncio.IncompleteReadError, OSError):
            writer.close()


@pytest.fixture
def replicas() -> tuple[Replica, Replica]:
    return Replica(), Replica()


def client_of(replicas: tuple[Replica, Replica]) -> ControlClient:
    """Begins at the first one."""
    while True:
        client = ControlClient(asyncio.get_running_loop(), ",".join(each.url for each in replicas), "")
        if client._addresses[client._at].port == replicas[0].port:
            return client


async def ask(client: ControlClient, seconds: float = 30.0) -> bytes:
    return await client.post("/internal/usage", b"", seconds)


async def test_one_that_does_not_listen_is_left_for_the_next(replicas: tuple[Replica, Replica]) -> None:
    client = client_of(replicas)
    async with replicas[1].listening():
        await ask(client)
        await ask(client)
    assert (replicas[0].asked, replicas[1].asked) == (0, 2)


async def test_one_that_cannot_help_is_left_and_one_that_refuses_is_not(replicas: tuple[Replica, Replica]) -> None:
    client = client_of(replicas)
    async with AsyncExitStack() as stack:
        for replica in replicas:
            await stack.enter_async_context(replica.listening())
        replicas[0].status = 422
        with pytest.raises(ControlRefused):
            await ask(client)
        replicas[0].status = 503
        with pytest.raises(ControlUnavailable):
            await ask(client)
        await ask(client)
        replicas[0].status, replicas[1].mute = 200, True
        await ask(client, 0.2)  # usage may be sent twice: what had no answer is asked again, elsewhere
    assert (replicas[0].asked, replicas[1].asked) == (3, 2)


async def test_a_stream_that_ends_is_taken_up_at_the_next(replicas: tuple[Replica, Replica]) -> None:
    client = client_of(replicas)
    async with AsyncExitStack() as stack:
        for replica in replicas:
            await stack.enter_async_context(replica.listening())
        for _ in range(2):
            connection, ended = await client.stream("/internal/snapshot", lambda piece: None)
            await ended
            connection.transport.abort()
            await asyncio.sleep(0)
    assert (replicas[0].asked, replicas[1].asked) == (1, 1)


async def test_without_any_nothing_was_sent(replicas: tuple[Replica, Replica]) -> None:
    with pytest.raises(ControlUnreachable):
        await ask(client_of(replicas))
