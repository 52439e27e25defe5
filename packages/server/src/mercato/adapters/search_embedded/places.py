"""Which place holds whose vector: a sorted part that is searched, and a dictionary of what changed since."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mercato.adapters.search_embedded.tail import RECORD, Records

_MANY = 10_000
PlaceNumbers = NDArray[np.int64]


class Places:
    """Of a million keys a dictionary would take 100 MB."""

    def __init__(self) -> None:
        self._records: Records = np.empty(0, RECORD)
        self.count = 0
        """How many places there are; the next one is this number."""
        self._sorted_keys: NDArray[np.uint64] = np.empty(0, np.uint64)
        self._sorted_places: PlaceNumbers = np.empty(0, np.int64)
        self._later: dict[int, int] = {}
        self._living: NDArray[np.bool_] = np.empty(0, np.bool_)
        self._known = 0

    def __len__(self) -> int:
        return self._known

    def take(self, records: Records) -> PlaceNumbers:
        """Give these records the next places; returns those of them that count."""
        first, self.count = self.count, self.count + len(records)
        self._make_room()
        self._records[first : self.count] = records
        if len(records) >= _MANY and not first:
            self._sort(first)
        else:
            for at, (key, gone) in enumerate(zip(records["key"].tolist(), records["is_gone"].tolist(), strict=True)):
                self._put(key, None if gone else first + at)
        return first + np.flatnonzero(self._living[first : self.count])

    def find(self, keys: Sequence[int]) -> PlaceNumbers:
        """The place of each of these keys; -1 of one that has none."""
        asked = np.array(keys, np.uint64)
        places = np.full(len(asked), -1, np.int64)
        if len(self._sorted_keys):
            at = np.minimum(np.searchsorted(self._sorted_keys, asked), len(self._sorted_keys) - 1)
            there = self._sorted_keys[at] == asked
            places[there] = self._sorted_places[at[there]]
        if self._later:
            for number, key in enumerate(keys):
                if key in self._later:
                    places[number] = self._later[key]
        return places

    def living(self, places: PlaceNumbers) -> PlaceNumbers:
        """Those that count, in their order."""
        return places[self._living[places]]

    def keys_at(self, places: PlaceNumbers) -> NDArray[np.uint64]:
        """The key of each of these places."""
        found: NDArray[np.uint64] = self._records["key"][places]
        return found

    def living_between(self, first: int, end: int) -> PlaceNumbers:
        """The places from `first` to before `end` that count."""
        return first + np.flatnonzero(self._living[first:end])

    def records(self) -> Records:
        """Of every place, in order."""
        return self._records[: self.count]

    def _put(self, key: int, place: int | None) -> None:
        before = int(self.find([key])[0])
        if before >= 0:
            self._living[before] = False
            self._known -= 1
        if place is not None:
            self._living[place] = True
            self._known += 1
        self._later[key] = -1 if place is None else place

    def _sort(self, first: int) -> None:
        """All at once, at the start: of several records of a key the last one holds."""
        records = self._records[first : self.count]
        keys, from_end = np.unique(records["key"][::-1], return_index=True)
        places = len(records) - 1 - from_end
        there = records["is_gone"][places] == 0
        self._sorted_keys, self._sorted_places = keys[there], (first + places[there]).astype(np.int64)
        self._living[self._sorted_places] = True
        self._known = len(self._sorted_places)

    def _make_room(self) -> None:
        if self.count > len(self._living):
            size = max(self.count, 2 * len(self._living), 1_024)
            self._records = _grown(self._records, size)
            self._living = _grown(self._living, size)


def _grown(array: NDArray[Any], size: int) -> NDArray[Any]:
    room = np.zeros(size, array.dtype)
    room[: len(array)] = array
    return room
