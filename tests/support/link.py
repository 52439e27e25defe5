"""A wire between two processes, which a test cuts: a TCP port of loopback in front of another port or a Unix socket."""

import asyncio
import contextlib
import threading
from pathlib import Path

from tests.support.ports import free_port

_PIECE = 64 * 1024


class Link:
    """Carries bytes both ways while it is whole.

    Cut, it breaks every connection and refuses new ones; silent, it takes connections and bytes and passes nothing on,
    as a network that loses every packet.
    """

    def __init__(self, to: Path | int) -> None:
        self.port = free_port()
        self._to = to
        self._loop = asyncio.new_event_loop()
        self._whole: asyncio.Event | None = None
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"link {self.port}", daemon=True)
        self._thread.start()
        self.mend()

    def cut(self) -> None:
        """Everything breaks, and nobody listens."""
        self._do(self._cut())

    def fall_silent(self) -> None:
        """Nothing passes from now on, and nobody is told."""
        self._do(self._silence())

    def mend(self) -> None:
        """Whole again, for those connections too that were only silent."""
        self._do(self._mend())

    def close(self) -> None:
        """For good."""
        self._do(self._cut())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: "asyncio.Future[None] | object") -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(60)  # type: ignore[arg-type]

    async def _cut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._open):
            writer.transport.abort()
        self._gate().set()

    async def _silence(self) -> None:
        self._gate().clear()

    async def _mend(self) -> None:
        self._gate().set()
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    def _gate(self) -> asyncio.Event:
        if self._whole is None:
            self._whole = asyncio.Event()
        return self._whole

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        far: asyncio.StreamWriter | None = None
        try:
            await self._gate().wait()
            far_reader, far = await self._connect()
            self._open.add(far)
            await asyncio.gather(self._pass(reader, far), self._pass(far_reader, writer))
        except OSError:
            pass
        finally:
            for each in filter(None, (writer, far)):
                each.transport.abort()
                self._open.discard(each)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._to, int):
            return await asyncio.open_connection("127.0.0.1", self._to)
        return await asyncio.open_unix_connection(str(self._to))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(_PIECE):
            await self._gate().wait()
            writer.write(piece)
            await writer.drain()
        with contextlib.suppress(OSError):
            writer.write_eof()
