"""`SearchIndex` in this process: tantivy finds words, usearch finds meaning, a ranking joins them."""

import asyncio
import threading
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from mercato.adapters.search_embedded.edition import Edition
from mercato.adapters.search_embedded.ranking import Ranking, Weighted
from mercato.discovery import IndexAnswer, IndexQuery, Likeness, ListingDocument, Suggestion

_T = TypeVar("_T")


class EmbeddedSearchIndex:
    """Held in memory."""

    def __init__(self, *, dimensions: int, ranking: Ranking | None = None, threads: int = 4) -> None:
        self._edition = Edition(dimensions=dimensions, ranking=ranking or Weighted())
        self._writing = threading.Lock()
        self._version = 0
        self._readers = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="search")
        self._writers = ThreadPoolExecutor(max_workers=1, thread_name_prefix="index")

    @property
    def version(self) -> int:
        return self._version

    async def apply(self, upserts: Sequence[ListingDocument], removals: Collection[str] = ()) -> None:
        await asyncio.get_running_loop().run_in_executor(self._writers, self.apply_now, upserts, removals)

    async def search(self, query: IndexQuery) -> IndexAnswer:
        return await self._read(lambda: self.search_now(query))

    async def suggest(self, text: str, limit: int, viewer: str | None = None) -> tuple[Suggestion, ...]:
        return await self._read(lambda: self.suggest_now(text, limit, viewer))

    async def find_similar(self, service_id: str, limit: int, viewer: str | None = None) -> tuple[Likeness, ...]:
        return await self._read(lambda: self._edition.find_similar(service_id, limit, viewer))

    async def find_digests(self, service_ids: Sequence[str]) -> dict[str, str]:
        return await self._read(lambda: self._edition.find_digests(service_ids))

    async def list_ids(self, after: str, limit: int) -> tuple[list[str], str]:
        return await self._read(lambda: self._edition.list_ids(after, limit))

    async def close(self) -> None:
        await asyncio.to_thread(self._close)

    def search_now(self, query: IndexQuery) -> IndexAnswer:
        """`search` on the calling thread."""
        return self._edition.search(query)

    def suggest_now(self, text: str, limit: int, viewer: str | None = None) -> tuple[Suggestion, ...]:
        """`suggest` on the calling thread."""
        return self._edition.suggest(text, limit, viewer)

    def apply_now(self, upserts: Sequence[ListingDocument], removals: Collection[str] = ()) -> None:
        """`apply` on the calling thread. Raises `ValueError`, with nothing changed, on a vector of another length."""
        with self._writing:
            # Raised before and after: what is found in the midst of a change is of no version that stays.
            self._version += 1
            try:
                self._edition.apply(upserts, removals)
            finally:
                self._version += 1

    async def _read(self, ask: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._readers, ask)

    def _close(self) -> None:
        self._writers.shutdown()
        self._readers.shutdown()
        with self._writing:
            self._edition.close()
