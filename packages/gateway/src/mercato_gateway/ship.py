"""Ships the spool to the control plane, in order, and reports when all spools of earlier lives are shipped.

Records are spliced into batches unchanged, never decoded. Those that were just written are still in memory (see
`recent`), others are read from disk. Each batch is small, to keep the event loop free. The cursor is written after each
receipt; a batch that is sent twice is harmless, because the control plane accepts each id once.
"""

import asyncio
import os
import random
import time
from pathlib import Path

import msgspec

from mercato_gateway.control import ControlClient, ControlRefused, ControlUnavailable
from mercato_gateway.log import log
from mercato_gateway.recent import BATCH_RECORDS
from mercato_gateway.spool import (
    CLOSED,
    EVENT,
    SegmentName,
    Spool,
    frame,
    parse_segment_name,
    read_records,
    segments_in,
)

_READ_BYTES = 256 << 10
_LONGEST_RECORD = 64 << 10
_PAUSE_SECONDS = 0.05
_CURSOR_BYTES = 256


class Shipper:
    """The reading end of the spool."""

    def __init__(self, spool: Spool, control: ControlClient, gateway: str) -> None:
        self._spool = spool
        self._control = control
        self._gateway = gateway
        self._folder = spool.folder
        self._fd = -1
        self._fd_name = ""
        self.shipped = 0
        self.rejected = 0
        self.failures = 0
        self.recovered = False
        self._caught_up = time.monotonic()
        self._cursor_fd = os.open(self._folder / "cursor", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._position = self._read_cursor()

    # The cursor.

    def _read_cursor(self) -> tuple[SegmentName, int]:
        first = segments_in(self._folder)[:1]
        record = next(read_records(os.pread(self._cursor_fd, _CURSOR_BYTES, 0)), None)
        name, offset = None, 0
        if record is not None:
            text, _, number = record[0].decode().partition(" ")
            name, offset = parse_segment_name(text), int(number)
        if name is not None and (not first or name >= first[0]):
            return name, offset
        return (first[0] if first else self._spool.position[0]), 0

    def _save_cursor(self) -> None:
        """Overwrites one small record with a checksum. A torn record is not a cursor: all is sent again, which is
        harmless.

        To replace the file by renaming would cost 2 ms on ext4, which flushes the new file's data first.
        """
        record = frame(f"{self._position[0]} {self._position[1]:020d}".encode())
        os.pwrite(self._cursor_fd, record, 0)

    # Reading.

    def _read(self) -> bytes:
        name, offset = self._position
        if self._fd_name != str(name):
            if self._fd >= 0:
                os.close(self._fd)
                self._fd, self._fd_name = -1, ""
            try:
                self._fd = os.open(self._folder / str(name), os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                return b""
            self._fd_name = str(name)
        limit = _READ_BYTES
        written, end = self._spool.position
        if name == written:
            limit = min(limit, end - offset)
        return os.pread(self._fd, limit, offset) if limit > 0 else b""

    def _next_batch(self) -> tuple[list[bytes], list[str], int]:
        """Events, closed leases and their size in bytes."""
        name, offset = self._position
        recent = self._spool.recent.find(name.number, offset) if name.life == self._spool.life else None
        if recent is not None:
            return recent.events, recent.closed, recent.end - recent.start
        events: list[bytes] = []
        closed: list[str] = []
        after = 0
        for payload, after in read_records(self._read()):  # noqa: B007  (the last one counts)
            if payload[:1] == EVENT:
                events.append(payload[1:])
            elif payload[:1] == CLOSED:
                closed.append(payload[1:].decode())
            if len(events) + len(closed) >= BATCH_RECORDS:
                break
        return events, closed, after

    def _advance(self) -> bool:
        """Moves to the next segment once this one is read to its end; false when nothing is left."""
        name, _ = self._position
        if name >= self._spool.position[0]:
            return False
        torn = any(self._read()[:4])
        later = [other for other in segments_in(self._folder) if other > name]
        self._position = (later[0] if later else self._spool.position[0], 0)
        self._save_cursor()
        self._drop(name, torn)
        return True

    def _drop(self, name: SegmentName, torn: bool) -> None:
        path = self._folder / str(name)
        if not path.exists():
            return
        if torn:
            (self._folder / "rejected").mkdir(exist_ok=True)
            path.replace(self._folder / "rejected" / f"{name}.torn")
            log("spool_segment_torn", segment=str(name), fix="a record is damaged; the file is kept in rejected/")
        else:
            path.unlink()
        self._spool.segment_removed()

    # Shipping.

    async def run(self) -> None:
        """Ships for as long as the worker lives; waits and tries again while the control plane does not answer."""
        wait = 0.1
        while True:
            try:
                while await self.ship_once():  # noqa: ASYNC110  (work, not waiting; the loop gets its turn between batches)
                    await asyncio.sleep(0)
                wait = 0.1
                await asyncio.sleep(_PAUSE_SECONDS)
            except (ControlUnavailable, OSError) as error:
                self.failures += 1
                if wait == 0.1:
                    log("usage_not_shipped", reason=str(error), fix="kept in the spool and tried again")
                wait = min(wait * 2, 5.0)
                await asyncio.sleep(wait * random.uniform(0.5, 1.0))  # noqa: S311  (jitter, no secret)

    async def ship_once(self) -> bool:
        """Ships one batch; false when all that was written is shipped."""
        self._spool.flush()
        # Taken before the read: what is written later belongs to the next round.
        if not self.recovered and self._position[0].life == self._spool.life:
            await self._say_recovered()
        events, closed, read = self._next_batch()
        if not events and not closed:
            if self._advance():
                return True
            self._caught_up = time.monotonic()
            return False
        await self._send(self._position[0].life, events, closed)
        self._position = self._spool.shipped = (self._position[0], self._position[1] + read)
        self._save_cursor()
        return True

    async def _say_recovered(self) -> None:
        body = msgspec.json.encode({"life": self._spool.life})
        try:
            await self._control.post(f"/internal/gateways/{self._gateway}/recovered", body, 10.0)
        except ControlRefused as error:
            log("recovered_refused", reason=str(error))
        self.recovered = True

    async def _send(self, life: str, events: list[bytes], closed: list[str]) -> None:
        try:
            await self._control.post("/internal/usage", self._body(life, events, closed), 30.0)
            self.shipped += len(events)
        except ControlRefused as error:
            if len(events) + len(closed) == 1:
                self._set_aside(life, events, closed, error)
                return
            # One bad record must not hold back the others: halve the batch until it stands alone.
            half = max(1, len(events) // 2)
            await self._send(life, events[:half], [] if events[half:] else closed[: len(closed) // 2])
            await self._send(life, events[half:], closed if events[half:] else closed[len(closed) // 2 :])

    def _body(self, life: str, events: list[bytes], closed: list[str]) -> bytes:
        head = msgspec.json.encode({"gateway": self._gateway, "life": life, "closed": closed})
        return head[:-1] + b',"events":[' + b",".join(events) + b"]}"

    def _set_aside(self, life: str, events: list[bytes], closed: list[str], error: ControlRefused) -> None:
        """Keeps records that the control plane rejects in `rejected/`, framed as in the spool, for an operator."""
        self.rejected += 1
        folder = Path(self._folder / "rejected")
        folder.mkdir(exist_ok=True)
        path = folder / f"{life}.spool"
        with path.open("ab") as file:
            for event in events:
                file.write(frame(EVENT + event))
            for lease in closed:
                file.write(frame(CLOSED + lease.encode()))
            file.flush()
            os.fsync(file.fileno())
        log(
            "usage_rejected",
            reason=str(error),
            file=str(path),
            fix="the control plane refuses this record; see the file",
        )

    def close(self) -> None:
        """Closes its files."""
        for fd in (self._fd, self._cursor_fd):
            if fd >= 0:
                os.close(fd)

    @property
    def unshipped_seconds(self) -> float:
        """How long ago all that was written was shipped; zero while nothing waits."""
        return time.monotonic() - self._caught_up if self.behind else 0.0

    @property
    def behind(self) -> int:
        """Bytes that are written but not shipped in the current segment; older segments count whole."""
        (name, offset), (written, end) = self._position, self._spool.position
        return end - offset if name == written else end + self._spool.bytes_held
