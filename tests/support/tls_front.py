"""TLS in front of a plain server of a test, for HTTP/2 as gRPC speaks it: what a load balancer does."""

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Iterator

from tests.support.ports import free_port


@contextlib.contextmanager
def tls_in_front(port: int, context: ssl.SSLContext) -> Iterator[int]:
    """The port that speaks TLS, until the block ends; what comes in goes on to `port`."""
    context.set_alpn_protocols(["h2"])
    loop, front = asyncio.new_event_loop(), free_port()
    serving = asyncio.start_server(lambda *client: _pass_on(port, *client), "127.0.0.1", front, ssl=context)
    loop.run_until_complete(serving)
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield front
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


async def _pass_on(port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
    await asyncio.gather(_copy(reader, inner_writer), _copy(inner_reader, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()
