"""Events as files: one line of JSON each, one file a day, for whoever has no Kafka."""

import asyncio
import json
import os
from collections.abc import Sequence
from datetime import date
from itertools import groupby
from pathlib import Path

from mercato.bus import BusEvent, BusUnavailable


class FolderBus:
    """Appends CloudEvents to `<folder>/<day>.jsonl`; the day is that of the event, in UTC.

    A line that was cut off by a crash is closed before anything follows it; a reader skips what is no JSON.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def open(self) -> None:
        """Raises `BusUnavailable`."""
        try:
            await asyncio.to_thread(self._folder.mkdir, 0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise BusUnavailable(f"{self._folder} cannot be made: {error.strerror}") from error

    async def publish(self, events: Sequence[BusEvent]) -> None:
        """Write to disk before it returns. Raises `BusUnavailable`."""
        try:
            await asyncio.to_thread(self._append, events)
        except OSError as error:
            raise BusUnavailable(f"{self._folder} takes no events: {error.strerror}") from error

    async def close(self) -> None:
        """Nothing is held."""

    def _append(self, events: Sequence[BusEvent]) -> None:
        for day, batch in groupby(events, lambda event: event.time.date()):
            self._append_day(day, [{**event.attributes(), "data": dict(event.data)} for event in batch])

    def _append_day(self, day: date, lines: Sequence[dict[str, object]]) -> None:
        with (self._folder / f"{day.isoformat()}.jsonl").open("a+b") as file:
            if file.tell() and not _ends_a_line(file.fileno(), file.tell()):
                file.write(b"\n")
            for line in lines:
                file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())


def _ends_a_line(descriptor: int, size: int) -> bool:
    return os.pread(descriptor, 1, size - 1) == b"\n"
