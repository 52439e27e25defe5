"""Streams of server-sent events: a source that sends 20 a second on each, and a reader that looks for stalls.

`python -m bench.gateway_streams --source PORT` serves; `python -m bench.gateway_streams '{"port", "count", "seconds",
"headers", "body"}'` opens so many streams, waits until all of them run, and prints what it saw: the gaps between one
arrival and the next, which are 50 ms when nothing stalls.
"""

import asyncio
import json
import resource
import sys
import time
from typing import Any

import uvloop

EVENTS_A_SECOND = 20
STALL_SECONDS = 0.1
_SLOTS = 50  # milliseconds between two events of one stream: streams are spread over them
_EVENT = (
    b'data: {"id":"c1","object":"chat.completion.chunk","created":1700000000,"model":"chat",'
    b'"choices":[{"index":0,"delta":{"content":"word "},"finish_reason":null}]}\n\n'
)
_CHUNK = b"%x\r\n%b\r\n" % (len(_EVENT), _EVENT)
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_OPEN_AT_ONCE = 25


class Source(asyncio.Protocol):
    """Answers any request with an endless stream."""

    def __init__(self, wheel: list[set["Source"]]) -> None:
        self._wheel = wheel
        self._slot: set[Source] | None = None
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self._slot is None:
            if data.startswith(b"GET /ready"):
                self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                return
            self._slot = min(self._wheel, key=len)
            self._slot.add(self)
            self.transport.write(_HEAD)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._slot is not None:
            self._slot.discard(self)


async def serve(port: int) -> None:
    """Turns a wheel of one slot a millisecond; what fell behind is caught up with."""
    wheel: list[set[Source]] = [set() for _ in range(_SLOTS)]
    loop = asyncio.get_running_loop()
    await loop.create_server(lambda: Source(wheel), "127.0.0.1", port, backlog=4096)
    began, turned = time.monotonic(), 0
    while True:
        due = int((time.monotonic() - began) * 1000)
        while turned < due:
            for source in list(wheel[turned % _SLOTS]):
                source.transport.write(_CHUNK)
            turned += 1
        await asyncio.sleep(0.001)


class Reader(asyncio.Protocol):
    """One stream; `last` is the time of its last arrival, 0 before the first."""

    def __init__(self, watch: "Watch", request: bytes) -> None:
        self._watch = watch
        self._request = request
        self.last = 0.0
        self.refused = False
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        events = data.count(b"data: ")
        if not events:
            self.refused = self.refused or not data.startswith((b"HTTP/1.1 200", b"\r\n"))
            return
        if self._watch.on and self.last:
            self._watch.events += events
            gap = now - self.last
            if gap > STALL_SECONDS:
                self._watch.stalls += 1
            self._watch.worst = max(self._watch.worst, gap)
        self.last = now

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._watch.over:
            self._watch.lost += 1


class Watch:
    """What all readers see."""

    def __init__(self) -> None:
        self.on = self.over = False
        self.events = self.stalls = self.lost = 0
        self.worst = 0.0


async def read(task: dict[str, Any]) -> dict[str, float]:
    """Opens all streams, lets them settle, watches."""
    loop = asyncio.get_running_loop()
    watch = Watch()
    body = task["body"].encode()
    headers = "".join(f"{name}: {value}\r\n" for name, value in task["headers"].items())
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n{headers}"
    request = f"{head}content-length: {len(body)}\r\n\r\n".encode() + body
    readers: list[Reader] = []
    for start in range(0, task["count"], _OPEN_AT_ONCE):
        count = min(_OPEN_AT_ONCE, task["count"] - start)
        made = [loop.create_connection(lambda: Reader(watch, request), "127.0.0.1", task["port"]) for _ in range(count)]
        readers += [reader for _, reader in await asyncio.gather(*made)]
        await asyncio.sleep(0.02)
    deadline = loop.time() + 15
    while any(not reader.last for reader in readers) and loop.time() < deadline:  # noqa: ASYNC110  (polled)
        await asyncio.sleep(0.1)
    await asyncio.sleep(1.0)
    watch.on = True
    await asyncio.sleep(task["seconds"])
    watch.on, watch.over = False, True
    now = time.monotonic()
    silent = sum(now - reader.last > STALL_SECONDS for reader in readers)
    for reader in readers:
        reader.transport.abort()
    return {
        "streams": len(readers), "running": sum(bool(reader.last) for reader in readers), "lost": watch.lost,
        "refused": sum(reader.refused for reader in readers), "silent": silent, "stalls": watch.stalls,
        "worst_gap_ms": watch.worst * 1000, "events_a_second": watch.events / task["seconds"],
    }  # fmt: skip


def main() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        if sys.argv[1] == "--source":
            runner.run(serve(int(sys.argv[2])))
        else:
            print(json.dumps(runner.run(read(json.loads(sys.argv[1])))))


if __name__ == "__main__":
    main()
