"""Follows the control plane's stream: fills the catalog, passes invalidations on, reconnects when it breaks."""

import asyncio
import random
import re

import msgspec

from mercato_gateway.authenticate import Keys
from mercato_gateway.catalog import Catalog
from mercato_gateway.control import ControlClient, ControlUnavailable
from mercato_gateway.log import log
from mercato_gateway.wall import Wall
from mercato_gateway.wire import (
    Begin,
    ConsumerChanged,
    Heartbeat,
    KeyChanged,
    Ready,
    ServiceRemoved,
    SnapshotLine,
    SnapshotService,
)

SILENCE_SECONDS = 5.0
_LONGEST_LINE = 64 << 20
_SERVICE_ID = re.compile(rb"svc_[0-9a-f]{32}")
_decode = msgspec.json.Decoder(SnapshotLine).decode


class SnapshotClient:
    """Keeps the catalog up to date for as long as the worker lives; it stays in use when the stream is lost."""

    def __init__(self, control: ControlClient, catalog: Catalog, keys: Keys, wall: Wall) -> None:
        self._control = control
        self._catalog = catalog
        self._keys = keys
        self._wall = wall
        self._partial = b""
        self._seen: set[str] | None = None
        self._heard = 0.0
        self.connected = False

    async def run(self) -> None:
        """Runs until cancelled. Waits 0.1 to 2 s between attempts, with jitter."""
        loop = asyncio.get_running_loop()
        wait = 0.1
        while True:
            try:
                await self._follow(loop)
            except ControlUnavailable as error:
                if wait == 0.1:
                    log("snapshot_stream_lost", reason=str(error))
            wait = 0.1 if self.connected else min(wait * 2, 2.0)
            self.connected = False
            await asyncio.sleep(wait * random.uniform(0.5, 1.0))  # noqa: S311  (jitter, no secret)

    async def _follow(self, loop: asyncio.AbstractEventLoop) -> None:
        self._partial, self._seen, self._heard = b"", None, loop.time()
        connection, ended = await self._control.stream("/internal/snapshot", self._feed)
        try:
            while not ended.done():
                await asyncio.wait({ended}, timeout=1.0)
                if not ended.done() and loop.time() - self._heard > SILENCE_SECONDS:
                    raise ControlUnavailable("the stream fell silent")
            status, body = ended.result()
            raise ControlUnavailable(f"the stream ended with {status} {body[:200].decode(errors='replace')}")
        finally:
            connection.transport.abort()

    def _feed(self, chunk: bytes) -> None:
        self._heard = asyncio.get_running_loop().time()
        *lines, self._partial = (self._partial + chunk).split(b"\n")
        if len(self._partial) > _LONGEST_LINE:
            self._partial = b""
        for line in lines:
            if line.strip():
                self._line(line)

    def _line(self, line: bytes) -> None:
        try:
            self._take(_decode(line))
        except (msgspec.MsgspecError, ValueError) as error:
            # One service that this version cannot read must not stop the others.
            # Never the line itself: it may carry a vendor's credential.
            named = _SERVICE_ID.search(line)
            log("snapshot_line_unreadable", reason=str(error), service=named[0].decode() if named else "")

    def _tell_time(self, at_ms: int | None) -> None:
        if at_ms is not None:
            self._wall.hear(at_ms)

    def _take(self, line: SnapshotLine) -> None:
        match line:
            case Heartbeat():
                self._wall.hear(line.at_ms)
            case SnapshotService():
                self._catalog.put(line)
                if self._seen is not None:
                    self._seen.add(line.id)
            case ServiceRemoved():
                self._catalog.remove(line.id)
            case KeyChanged():
                self._keys.key_changed(line.id)
            case ConsumerChanged():
                self._keys.consumer_changed(line.id)
            case Begin():
                self._tell_time(line.at_ms)
                self._seen = set()
                # Changes may have been missed while the stream was down: cached keys must be introspected again.
                self._keys.suspect_all()
            case Ready():
                self._tell_time(line.at_ms)
                self._catalog.keep_only(self._seen or set())
                self._seen = None
                self.connected = True
                log("snapshot_ready", services=len(self._catalog))
