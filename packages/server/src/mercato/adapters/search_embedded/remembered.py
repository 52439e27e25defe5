"""What was read from the index lately: reading it again costs more than finding it."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import tantivy

from mercato.adapters.search_embedded.documents import from_source
from mercato.adapters.search_embedded.snippets import Passage
from mercato.discovery import ListingDocument

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")


@dataclass(slots=True)
class Shown:
    """A listing, and its passages once a snippet was made of them."""

    listing: ListingDocument
    passages: list[Passage] = field(default_factory=list)


class Remembered(Generic[_Key, _Value]):
    """At most `most` values, by the generation of the index: nothing outlives a change."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._generation = 0
        self._values: OrderedDict[_Key, _Value] = OrderedDict()

    def get(self, generation: int, key: _Key, read: Callable[[], _Value]) -> _Value:
        """The value of `key`, which `read` takes from a searcher; `generation` is the one that the searcher was taken
        in.
        """
        with self._lock:
            if generation > self._generation:
                self._generation = generation
                self._values.clear()
            elif generation == self._generation and key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        value = read()
        with self._lock:
            if generation == self._generation:
                self._values[key] = value
                if len(self._values) > self._most:
                    self._values.popitem(last=False)
        return value


class RememberedListings(Remembered[int, Shown]):
    """Listings that were shown, by key."""

    def at(self, searcher: tantivy.Searcher, generation: int, key: int, address: tantivy.DocAddress) -> Shown:
        """The listing of `key` as this searcher sees it."""
        return self.get(generation, key, lambda: Shown(from_source(searcher, address)))
