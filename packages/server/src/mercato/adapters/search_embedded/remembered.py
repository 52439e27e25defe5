"""Listings that were shown lately: decoding one and cutting it into words costs more than finding it."""

import threading
from collections import OrderedDict
from dataclasses import dataclass, field

import tantivy

from mercato.adapters.search_embedded.documents import from_tantivy
from mercato.adapters.search_embedded.snippets import Passage
from mercato.discovery import ListingDocument

_MOST = 2_048


@dataclass(slots=True)
class Shown:
    """A listing, and its passages once a snippet was made of them."""

    listing: ListingDocument
    passages: list[Passage] = field(default_factory=list)


class Remembered:
    """By the generation of the index: nothing outlives a change."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._generation = 0
        self._shown: OrderedDict[int, Shown] = OrderedDict()

    def get(self, searcher: tantivy.Searcher, generation: int, key: int, address: tantivy.DocAddress) -> Shown:
        """The listing of `key` as this searcher sees it; `generation` is the one that the searcher was taken in."""
        with self._lock:
            if generation > self._generation:
                self._generation = generation
                self._shown.clear()
            elif generation == self._generation and key in self._shown:
                self._shown.move_to_end(key)
                return self._shown[key]
        shown = Shown(from_tantivy(searcher.doc(address))[0])
        with self._lock:
            if generation == self._generation:
                self._shown[key] = shown
                if len(self._shown) > _MOST:
                    self._shown.popitem(last=False)
        return shown
