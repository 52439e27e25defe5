"""A small HTTP/1.1 server around one handler: h11 reads the wire, one thread runs the vendor's code.

The vendor's code is not asked to be thread-safe: calls run one after another in the order they came. Queue, sizes and
times are bounded, and excess calls are refused at once, so nobody waits for ever.
"""

import asyncio
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import h11

from mercato_cli.runner.answers import Answer, problem

Answering = Callable[[str, str, bytes], Answer]
"""Method, target (path and query) and body of a call to its answer; runs in the one thread of the vendor's code."""

Quick = Callable[[str, str], Answer | None]
"""Method and target of what is answered at once, beside the vendor's code; `None` for all else."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one runner."""

    body_bytes: int = 16 * 1024 * 1024
    head_bytes: int = 32 * 1024
    connections: int = 128
    waiting_calls: int = 32
    """Calls that run or wait; the next one gets 503."""
    read_seconds: float = 30.0
    """For a whole request, from its first byte."""
    idle_seconds: float = 75.0
    """For the first byte of the next request on a connection."""
    call_seconds: float = 60.0
    """For the handler; afterwards the caller gets 504."""


class Server:
    """Serves until `stop`. One call at a time is in the vendor's code."""

    def __init__(self, answering: Answering, quick: Quick, limits: Limits = Limits()) -> None:
        self._answering = answering
        self._quick = quick
        self._limits = limits
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="handler")
        self._calls = 0
        self._open: set[asyncio.Task[None]] = set()
        self._busy: set[asyncio.Task[None]] = set()
        self._stuck = 0
        self._listener: asyncio.Server | None = None

    @property
    def is_stuck(self) -> bool:
        """Whether a call whose caller already got 504 still runs: nothing else can."""
        return self._stuck > 0

    async def start(self, host: str, port: int) -> int:
        """Listen, and give the port (that of the system's choice where `port` is 0). Raises `OSError`."""
        self._listener = await asyncio.start_server(self._accept, host, port, backlog=self._limits.connections)
        return int(self._listener.sockets[0].getsockname()[1])

    async def stop(self, grace_seconds: float = 10.0) -> None:
        """Accept no more calls, let running ones end within `grace_seconds`, close the rest."""
        if self._listener is not None:
            self._listener.close()
        for task in self._open - self._busy:
            task.cancel()
        if self._busy:
            await asyncio.wait(self._busy, timeout=grace_seconds)
        for task in self._open:
            task.cancel()
        self._worker.shutdown(wait=False, cancel_futures=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            await _Connection(
                self, reader, writer, self._limits, refuse=len(self._open) > self._limits.connections
            ).run()
        except (OSError, asyncio.CancelledError):
            pass  # the caller has gone, or we stop: nobody receives an answer
        finally:
            self._open.discard(task)
            self._busy.discard(task)
            writer.close()

    async def answer(self, method: str, target: str, body: bytes) -> Answer:
        """One call's answer."""
        if (quick := self._quick(method, target)) is not None:
            return quick
        if self._calls >= self._limits.waiting_calls:
            return problem("busy", f"{self._calls} calls run or wait already.", headers={"retry-after": "1"})
        task = asyncio.current_task()
        assert task is not None
        self._busy.add(task)
        self._calls += 1
        work = asyncio.get_running_loop().run_in_executor(self._worker, self._answering, method, target, body)
        work.add_done_callback(self._returned)
        try:
            # Shielded: a thread cannot be stopped, and its place is taken until it returns.
            async with asyncio.timeout(self._limits.call_seconds):
                return await asyncio.shield(work)
        except TimeoutError:
            self._stuck += 1
            work.add_done_callback(self._unstuck)
            return problem("handler_too_slow", f"It had {self._limits.call_seconds:g} s.")
        finally:
            self._busy.discard(task)

    def _returned(self, work: "asyncio.Future[Answer]") -> None:
        self._calls -= 1

    def _unstuck(self, work: "asyncio.Future[Answer]") -> None:
        self._stuck -= 1


class _Connection:
    """One connection, request after request."""

    def __init__(
        self,
        server: Server,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        limits: Limits,
        *,
        refuse: bool,
    ) -> None:
        self._server = server
        self._reader = reader
        self._writer = writer
        self._limits = limits
        self._refuse = refuse
        self._wire = h11.Connection(h11.SERVER, max_incomplete_event_size=limits.head_bytes)

    async def run(self) -> None:
        """Serve requests until either side ends the connection."""
        while True:
            try:
                if not await self._one():
                    return
            except h11.RemoteProtocolError as error:
                await self._fail(problem("malformed_http", f"{error}."))
                return
            except TimeoutError:
                await self._fail(problem("slow_request", f"It had {self._limits.read_seconds:g} s."))
                return
            if self._wire.our_state is not h11.DONE or self._wire.their_state is not h11.DONE:
                return
            self._wire.start_next_cycle()

    async def _one(self) -> bool:
        """One request and its answer; false when the caller is done."""
        if not self._wire.trailing_data[0] and not await self._first_bytes():
            return False
        async with asyncio.timeout(self._limits.read_seconds):
            request = await self._event()
            if not isinstance(request, h11.Request):
                return False
            body = None if self._refuse else await self._body()
        method, target = request.method.decode(), request.target.decode()
        if self._refuse:
            await self._send(problem("busy", "Too many connections.", headers={"retry-after": "1"}), close=True)
        elif body is None:
            most = self._limits.body_bytes // (1024 * 1024)
            await self._send(problem("body_too_large", f"A body may have {most} MiB."), close=True)
        else:
            await self._send(await self._server.answer(method, target, body), head=method == "HEAD")
        return True

    async def _first_bytes(self) -> bool:
        try:
            async with asyncio.timeout(self._limits.idle_seconds):
                data = await self._reader.read(65536)
        except TimeoutError:
            return False
        self._wire.receive_data(data)
        return bool(data)

    async def _event(self) -> h11.Event | type[h11.PAUSED]:
        while True:
            event = self._wire.next_event()
            if event is not h11.NEED_DATA:
                return event  # type: ignore[return-value]
            if self._wire.they_are_waiting_for_100_continue:
                await self._write(h11.InformationalResponse(status_code=100, headers=[]))
            self._wire.receive_data(await self._reader.read(65536))

    async def _body(self) -> bytes | None:
        """The whole body; `None` as soon as it is too large."""
        parts, size = [], 0
        while isinstance(event := await self._event(), h11.Data):
            size += len(event.data)
            if size > self._limits.body_bytes:
                return None
            parts.append(bytes(event.data))
        if not isinstance(event, h11.EndOfMessage):
            raise h11.RemoteProtocolError("the body broke off")
        return b"".join(parts)

    async def _fail(self, answer: Answer) -> None:
        if self._wire.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            await self._send(answer, close=True)

    async def _send(self, answer: Answer, *, close: bool = False, head: bool = False) -> None:
        headers = {
            "content-type": answer.media_type,
            "content-length": str(len(answer.body)),
            "x-request-id": f"run_{uuid.uuid4().hex}",
            **answer.headers,
        }
        if close:
            headers["connection"] = "close"
        await self._write(
            h11.Response(status_code=answer.status, headers=list(headers.items())),
            *([] if head else [h11.Data(data=answer.body)]),
            h11.EndOfMessage(),
        )

    async def _write(self, *events: h11.Event) -> None:
        self._writer.write(b"".join(self._wire.send(event) or b"" for event in events))
        async with asyncio.timeout(self._limits.read_seconds):
            await self._writer.drain()
