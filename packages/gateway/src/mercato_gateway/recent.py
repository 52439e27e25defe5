"""Recent records of the spool, still in memory: the shipper need not read and check them again."""

from collections import deque

BATCH_RECORDS = 500
_MOST_BATCHES = 8


class Batch:
    """Consecutive records in segment `number`, from `start` up to `end`."""

    __slots__ = ("closed", "end", "events", "number", "start")

    def __init__(self, number: int, start: int) -> None:
        self.number = number
        self.start = start
        self.end = start
        self.events: list[bytes] = []
        self.closed: list[str] = []


class Recent:
    """The last few batches; older ones are only on disk."""

    __slots__ = ("_batches", "_open")

    def __init__(self) -> None:
        self._batches: deque[Batch] = deque()
        self._open: Batch | None = None

    def note(self, number: int, start: int, end: int, events: list[bytes], closed: list[str]) -> None:
        """Adds records that were just written from `start` up to `end`."""
        batch = self._open
        if (
            batch is None
            or batch.number != number
            or batch.end != start
            or len(batch.events) + len(batch.closed) + len(events) + len(closed) > BATCH_RECORDS
        ):
            batch = self._open = Batch(number, start)
            if len(self._batches) >= _MOST_BATCHES:
                self._batches.popleft()
            self._batches.append(batch)
        batch.events.extend(events)
        batch.closed.extend(closed)
        batch.end = end

    def find(self, number: int, start: int) -> Batch | None:
        """The batch that begins there, which then no longer grows; `None` where the disk must be read. Drops earlier
        ones.
        """
        batches = self._batches
        while batches and (batches[0].number < number or (batches[0].number == number and batches[0].start < start)):
            if batches[0] is self._open:
                self._open = None
            batches.popleft()
        if not batches or batches[0].number != number or batches[0].start != start:
            return None
        if batches[0] is self._open:
            self._open = None
        return batches[0]
