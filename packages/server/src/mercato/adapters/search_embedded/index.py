"""`SearchIndex` in this process: tantivy finds words, usearch finds meaning, a ranking joins them."""

import asyncio
import json
import shutil
import threading
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import tantivy

from mercato.adapters.search_embedded.documents import from_tantivy
from mercato.adapters.search_embedded.question import filtered
from mercato.adapters.search_embedded.ranking import Ranking, Weighted
from mercato.adapters.search_embedded.schema import key_of, keys_after, new_schema, to_tantivy
from mercato.adapters.search_embedded.search import Search
from mercato.adapters.search_embedded.suggest import suggestions
from mercato.adapters.search_embedded.vectors import VectorIndex
from mercato.adapters.search_embedded.words import ANALYZER, new_analyzer
from mercato.discovery import (
    Filters,
    IndexAnswer,
    IndexQuery,
    Likeness,
    ListingDocument,
    Suggestion,
    Vector,
    prior,
    unpack_vector,
)

_WRITER_BYTES = 64 << 20
_FORMAT = "6"
"""Raised with every change of the schema: an index of another format is thrown away and fed again."""


class EmbeddedSearchIndex:
    """Held in memory, or in `folder`, which belongs to this one process.

    A folder outlives the process only when `close` was called: after a crash the index starts empty, because it can be
    fed again from the records at any time and a torn pair of engines could not be told from a whole one.
    """

    def __init__(
        self, *, dimensions: int, folder: Path | None = None, ranking: Ranking | None = None, threads: int = 4
    ) -> None:
        self._dimensions = dimensions
        self._folder = folder
        text_folder = _open_folder(folder, dimensions) if folder else None
        self._schema = new_schema()
        self._text = tantivy.Index(self._schema, path=str(text_folder) if text_folder else None)
        self._text.register_tokenizer(ANALYZER, new_analyzer())
        self._text.config_reader("manual")
        self._text.reload()
        self._vectors = VectorIndex(dimensions, folder / "vectors.usearch" if folder else None)
        self._priors: dict[int, float] = _read_priors(folder / "priors.json") if folder else {}
        self._search = Search(self._schema, self._vectors, ranking or Weighted(), self._priors)
        self._writer = self._text.writer(_WRITER_BYTES, 1)
        self._writing = threading.Lock()
        self._version = 0
        self._generation = 0
        self._readers = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="search")
        self._writers = ThreadPoolExecutor(max_workers=1, thread_name_prefix="index")

    @property
    def version(self) -> int:
        return self._version

    async def apply(self, upserts: Sequence[ListingDocument], removals: Collection[str] = ()) -> None:
        await asyncio.get_running_loop().run_in_executor(self._writers, self.apply_now, upserts, removals)

    async def search(self, query: IndexQuery) -> IndexAnswer:
        return await asyncio.get_running_loop().run_in_executor(self._readers, self.search_now, query)

    async def suggest(self, text: str, limit: int, viewer: str | None = None) -> tuple[Suggestion, ...]:
        return await asyncio.get_running_loop().run_in_executor(self._readers, self.suggest_now, text, limit, viewer)

    async def find_similar(self, service_id: str, limit: int, viewer: str | None = None) -> tuple[Likeness, ...]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, self._similar, service_id, limit, viewer)

    async def find_digests(self, service_ids: Sequence[str]) -> dict[str, str]:
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._find_digests, service_ids)

    async def list_ids(self, after: str, limit: int) -> tuple[list[str], str]:
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._list_ids, after, limit)

    async def close(self) -> None:
        await asyncio.to_thread(self._close)

    def search_now(self, query: IndexQuery) -> IndexAnswer:
        """`search` on the calling thread."""
        # Taken before the searcher: one that is newer than its generation is remembered for too short a time only.
        generation = self._generation
        return self._search.run(self._text.searcher(), query, generation)

    def suggest_now(self, text: str, limit: int, viewer: str | None = None) -> tuple[Suggestion, ...]:
        """`suggest` on the calling thread."""
        searcher = self._text.searcher()

        def seen(query: tantivy.Query) -> tantivy.Query:
            return filtered(self._schema, searcher, query, Filters(viewer=viewer))

        return suggestions(self._schema, searcher, seen, text, limit)

    def _similar(self, service_id: str, limit: int, viewer: str | None) -> tuple[Likeness, ...]:
        generation = self._generation
        return self._search.find_similar(self._text.searcher(), service_id, limit, viewer, generation)

    def apply_now(self, upserts: Sequence[ListingDocument], removals: Collection[str] = ()) -> None:
        """`apply` on the calling thread. Raises `ValueError`, with nothing changed, on a vector of another length."""
        gone = {key_of(service_id) for service_id in removals}
        latest = {key_of(listing.service_id): listing for listing in upserts}
        kept = {key: listing for key, listing in latest.items() if key not in gone}
        vectors = {key: self._vector_of(listing) for key, listing in kept.items() if listing.vector}
        with self._writing:
            # Raised before and after: what is found in the midst of a change is of no version that stays.
            self._version += 1
            try:
                # Vectors first: a meaning whose words are not there yet is not shown, words without meaning rank wrong.
                self._vectors.put(vectors)
                self._note_priors(list(gone), kept)
                self._write_text([*latest, *gone], list(kept.values()))
                self._vectors.remove([*gone, *(key for key in kept if key not in vectors)])
            finally:
                self._version += 1

    def _note_priors(self, gone: list[int], kept: dict[int, ListingDocument]) -> None:
        for key in gone:
            self._priors.pop(key, None)
        for key, listing in kept.items():
            weight = prior(listing)
            if weight:
                self._priors[key] = weight
            else:
                self._priors.pop(key, None)

    def _write_text(self, replaced: list[int], listings: Sequence[ListingDocument]) -> None:
        try:
            self._writer.delete_documents_by_query(tantivy.Query.term_set_query(self._schema, "key", replaced))
            for listing in listings:
                self._writer.add_document(to_tantivy(listing))
            self._writer.commit()
        except BaseException:
            self._writer.rollback()
            raise
        self._generation += 1
        self._text.reload()
        self._generation += 1

    def _vector_of(self, listing: ListingDocument) -> Vector:
        vector = unpack_vector(listing.vector)
        if len(vector) != self._dimensions:
            raise ValueError(
                f"{listing.name}: a vector of {len(vector)} dimensions, not {self._dimensions}; embed it again"
            )
        return vector

    def _find_digests(self, service_ids: Sequence[str]) -> dict[str, str]:
        if not service_ids:
            return {}
        searcher = self._text.searcher()
        keys = [key_of(service_id) for service_id in service_ids]
        found = searcher.search(tantivy.Query.term_set_query(self._schema, "key", keys), len(keys), count=False)
        listings = [from_tantivy(searcher.doc(address)) for _, address in found.hits]
        return {listing.service_id: digest for listing, digest in listings}

    def _list_ids(self, after: str, limit: int) -> tuple[list[str], str]:
        searcher = self._text.searcher()
        rows = keys_after(self._schema, searcher, int(after) if after else None, limit)
        ids = [from_tantivy(searcher.doc(address))[0].service_id for _, address in rows]
        return ids, str(rows[-1][0]) if len(rows) == limit else ""

    def _close(self) -> None:
        self._writers.shutdown()
        self._readers.shutdown()
        with self._writing:
            self._writer.wait_merging_threads()
            if self._folder:
                self._vectors.save(self._folder / "vectors.usearch")
                (self._folder / "priors.json").write_text(json.dumps(list(self._priors.items())))
                (self._folder / "closed-well").write_text(_stamp(self._dimensions))


def _read_priors(path: Path) -> dict[int, float]:
    return {int(key): float(weight) for key, weight in json.loads(path.read_text())} if path.exists() else {}


def _stamp(dimensions: int) -> str:
    return f"format {_FORMAT}, {dimensions} dimensions\n"


def _open_folder(folder: Path, dimensions: int) -> Path:
    """The folder of the text index: as it was closed, or empty."""
    closed_well = folder / "closed-well"
    if not closed_well.exists() or closed_well.read_text() != _stamp(dimensions):
        shutil.rmtree(folder / "text", ignore_errors=True)
        for name in ("vectors.usearch", "vectors.rows.npz", "priors.json"):
            (folder / name).unlink(missing_ok=True)
    closed_well.unlink(missing_ok=True)
    (folder / "text").mkdir(parents=True, exist_ok=True)
    return folder / "text"
