"""The spool: usage on local disk, written before an answer ends, read by the shipper in the same order.

A segment is a preallocated file named `{life}-{number}.spool`. A record is its length and its CRC-32 (two little-endian
32-bit words) and a payload: `E` and the JSON of a usage event, or `C` and the id of a closed lease. A length of zero or
a record whose checksum does not fit is the end of what was written.

Each call reserves room for its record before it is admitted. The room really exists on disk (`posix_fallocate`): an
answer never waits for disk space. Records are collected and written together by `flush`: the calls that end in one turn
of the event loop share a `pwrite`, and none of their answers ends before it. Not thread-safe: one event loop owns it.
"""

import contextlib
import fcntl
import os
import re
import struct
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mercato_gateway.recent import Recent

SEGMENT_BYTES = 8 << 20
RECORD_ROOM = 2048
# Closed leases are written without reserving.
_SLACK = 64 << 10
HEADER = struct.Struct("<II")
EVENT = b"E"
CLOSED = b"C"
_NAME = re.compile(r"(life_[0-9a-f]{32})-(\d{8})\.spool")
_pack = HEADER.pack
_crc32 = zlib.crc32
HEADER_BYTES = HEADER.size
_EVENT_CRC = _crc32(EVENT)


@dataclass(frozen=True, slots=True, order=True)
class SegmentName:
    """The number of a segment and its life; sorts in the order of writing."""

    life: str
    number: int

    def __str__(self) -> str:
        return f"{self.life}-{self.number:08d}.spool"


def parse_segment_name(text: str) -> SegmentName | None:
    """The segment of a file name, or `None` for other files."""
    match = _NAME.fullmatch(text)
    return SegmentName(match[1], int(match[2])) if match else None


def frame(payload: bytes) -> bytes:
    """A record as in a segment."""
    return _pack(len(payload), _crc32(payload)) + payload


def _put(parts: list[bytes], kind: bytes, payload: bytes, checksum: int) -> int:
    """Adds a record, in three parts; returns its size."""
    length = len(payload) + 1
    parts.append(_pack(length, checksum))
    parts.append(kind)
    parts.append(payload)
    return HEADER_BYTES + length


def read_records(data: bytes, offset: int = 0) -> Iterator[tuple[bytes, int]]:
    """Each complete record's payload and the offset after it; stops at the first incomplete one."""
    end = len(data)
    while offset + HEADER.size <= end:
        length, checksum = HEADER.unpack_from(data, offset)
        after = offset + HEADER.size + length
        if length == 0 or after > end:
            return
        payload = data[offset + HEADER.size : after]
        if _crc32(payload) != checksum:
            return
        yield payload, after
        offset = after


def segments_in(folder: Path) -> list[SegmentName]:
    """All segments, oldest first."""
    return sorted(name for name in map(parse_segment_name, os.listdir(folder)) if name is not None)


class SpoolLocked(Exception):
    """Another process owns this spool."""


class Spool:
    """The writing end. `full` is true while no new call may be admitted."""

    def __init__(
        self, folder: Path, life: str, *, max_bytes: int, sync_each: bool, on_trouble: Callable[[str], None]
    ) -> None:
        self.folder = folder
        self.life = life
        self._max_bytes = max_bytes
        self._segment_bytes = min(SEGMENT_BYTES, max(max_bytes // 4, 4 * _SLACK))
        self._sync_each = sync_each
        self._on_trouble = on_trouble
        self._number = -1
        self._fd = -1
        self._offset = 0
        self._spare: tuple[int, int] | None = None  # number and descriptor of the next segment
        self._reserved = 0
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._waiting_events: list[bytes] = []
        self._waiting_closed: list[str] = []
        self.recent = Recent()
        # Called when the first record waits for `flush`.
        self.on_waiting: Callable[[], None] | None = None
        self._unwritten: deque[bytes] = deque()
        self._trouble = ""
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SpoolLocked(f"{folder} belongs to a running gateway; choose another --state") from None
        self._segments = len(segments_in(folder))
        self._roll()
        self.shipped = self.position  # up to here the control plane has accepted what was written

    # Room.

    @property
    def full(self) -> bool:
        """Whether nothing more may be admitted."""
        return bool(self._trouble or self._unwritten)

    @property
    def trouble(self) -> str:
        """Why the spool is full; empty when it is not."""
        return self._trouble

    @property
    def unwritten(self) -> int:
        """Records kept in memory because the disk refused them."""
        return len(self._unwritten)

    def reserve(self) -> bool:
        """Reserves room for one record; false when there is none."""
        if self._unwritten or self._trouble:
            return False
        left = self._segment_bytes - self._offset - self._waiting_bytes - (self._reserved + 1) * RECORD_ROOM - _SLACK
        if left < 0 and left + self._prepare_spare() < RECORD_ROOM:
            return False
        self._reserved += 1
        return True

    def unreserve(self) -> None:
        """Gives the room back unused."""
        self._reserved -= 1

    def _prepare_spare(self) -> int:
        """Bytes in the next segment; 0 when it cannot be made."""
        if self._spare is None:
            if (self._segments + 1) * self._segment_bytes > self._max_bytes:
                self._report("the spool has reached its size limit and the control plane accepts no usage")
                return 0
            self._spare = self._allocate(self._number + 1)
        return self._segment_bytes if self._spare else 0

    def _allocate(self, number: int) -> tuple[int, int] | None:
        path = self.folder / str(SegmentName(self.life, number))
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as error:
            self._report(f"{error.strerror}")
            return None
        try:
            os.posix_fallocate(fd, 0, self._segment_bytes)
        except OSError as error:
            os.close(fd)
            with contextlib.suppress(OSError):
                os.unlink(path)
            self._report(f"{error.strerror}")
            return None
        self._segments += 1
        return number, fd

    def _report(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            self._on_trouble(trouble)

    def _roll(self) -> bool:
        spare = self._spare or (
            (self._segments + 1) * self._segment_bytes <= self._max_bytes and self._allocate(self._number + 1)
        )
        if not spare:
            if not self._trouble:
                self._report("the spool has reached its size limit and the control plane accepts no usage")
            return False
        if self._fd >= 0:
            os.close(self._fd)
        self._spare = None
        self._number, self._fd = spare
        self._offset = 0
        return True

    # Writing.

    def append_event(self, event: bytes, known: int = 0, known_crc: int = _EVENT_CRC) -> None:
        """Takes a usage event, for which room was reserved, into the next `flush`. `known_crc` is the checksum of `E`
        and the first `known` bytes of the event, where the caller has it.
        """
        self._reserved -= 1
        rest = event[known:] if known else event
        waiting = self._waiting
        if not waiting and not self._waiting_closed and self.on_waiting is not None:
            self.on_waiting()
        self._waiting_events.append(event)
        self._waiting_bytes += _put(waiting, EVENT, event, _crc32(rest, known_crc))

    def append_closed(self, lease_id: str) -> None:
        """Records that no later event spends from this lease. Those of the same `flush` may: they are written first."""
        if not self._waiting and not self._waiting_closed and self.on_waiting is not None:
            self.on_waiting()
        self._waiting_closed.append(lease_id)
        self._waiting_bytes += HEADER_BYTES + len(CLOSED) + len(lease_id)

    def flush(self) -> None:
        """Writes what was appended; keeps it for `retry` where the disk refuses."""
        parts, events, closed = self._waiting, self._waiting_events, self._waiting_closed
        if not parts and not closed:
            return
        for lease_id in closed:
            payload = lease_id.encode("ascii")
            _put(parts, CLOSED, payload, _crc32(CLOSED + payload))
        start, end = self._offset, self._offset + self._waiting_bytes
        self._waiting, self._waiting_events, self._waiting_closed, self._waiting_bytes = [], [], [], 0
        if self._fd >= 0 and end <= self._segment_bytes and not self._unwritten and self._write(b"".join(parts)):
            self.recent.note(self._number, start, end, events, closed)
            return
        for first in range(0, len(parts), 3):
            record = b"".join(parts[first : first + 3])
            if self._unwritten or not self._write(record):
                self._unwritten.append(record)

    def _write(self, record: bytes) -> bool:
        if (self._fd < 0 or self._offset + len(record) > self._segment_bytes) and not self._roll():
            return False
        try:
            written = os.pwrite(self._fd, record, self._offset)
            if self._sync_each:
                os.fdatasync(self._fd)
        except OSError as error:
            self._report(f"{error.strerror}")
            return False
        if written != len(record):
            self._report("a write was cut short")
            return False
        self._offset += written
        return True

    def retry(self) -> None:
        """Writes what the disk refused before, and checks whether there is room again. Called by a timer."""
        while self._unwritten and self._write(self._unwritten[0]):
            self._unwritten.popleft()
        if self._trouble and not self._unwritten and (self._roll() if self._fd < 0 else self._prepare_spare()):
            self._trouble = ""

    def sync(self) -> None:
        """Forces what was written to the disk; may block, so call it from a thread."""
        if self._fd >= 0:
            with contextlib.suppress(OSError):
                os.fdatasync(self._fd)

    # For the reading end.

    @property
    def position(self) -> tuple[SegmentName, int]:
        """The end of the written records, without those that wait for `flush`."""
        return SegmentName(self.life, max(self._number, 0)), self._offset

    def segment_removed(self) -> None:
        """The shipper deleted a segment: its bytes no longer count."""
        self._segments -= 1

    @property
    def bytes_held(self) -> int:
        """Disk space of all segments."""
        return self._segments * self._segment_bytes

    def close(self) -> None:
        """Writes what waits and unlocks the folder; removes segments without records."""
        self.flush()
        for fd in (self._fd, self._spare[1] if self._spare else -1):
            if fd >= 0:
                os.close(fd)
        unused = [self._spare[0]] if self._spare else []
        unused += [self._number] if self._fd >= 0 and self._offset == 0 else []
        for number in unused:
            (self.folder / str(SegmentName(self.life, number))).unlink(missing_ok=True)
        os.close(self._lock)
