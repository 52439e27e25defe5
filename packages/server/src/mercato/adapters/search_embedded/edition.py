"""One whole index: words in tantivy, vectors, and what is added to a listing's score."""

import contextlib
import gc
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import tantivy

from mercato.adapters.search_embedded.checksums import Damaged, check_all
from mercato.adapters.search_embedded.documents import from_tantivy
from mercato.adapters.search_embedded.kept_vectors import LEAST_MAPPED, KeptVectors, sums_of
from mercato.adapters.search_embedded.numbers import read_priors
from mercato.adapters.search_embedded.question import filtered
from mercato.adapters.search_embedded.ranking import Ranking
from mercato.adapters.search_embedded.schema import key_of, keys_after, new_schema, to_tantivy
from mercato.adapters.search_embedded.search import Search
from mercato.adapters.search_embedded.segments import find_missing, segment_files
from mercato.adapters.search_embedded.suggest import suggestions
from mercato.adapters.search_embedded.vectors import ManyOrOne, VectorIndex
from mercato.adapters.search_embedded.words import ANALYZER, new_analyzer
from mercato.discovery import (
    Filters,
    IndexAnswer,
    IndexQuery,
    IndexUnavailable,
    Likeness,
    ListingDocument,
    Suggestion,
    Vector,
    prior,
    unpack_vector,
)

_WRITER_BYTES = 64 << 20
_Errors = type[Exception] | tuple[()]
_CLOSED = "The search index is being replaced; ask again."


class Edition:
    """In memory, or in `folder`, which one process at a time `writes` and others read. Searches come from any thread,
    changes from one. What fails because of the engine is an `IndexUnavailable`.

    Raises `Damaged` where the folder cannot be used.
    """

    def __init__(
        self,
        *,
        dimensions: int,
        ranking: Ranking,
        folder: Path | None = None,
        writes: bool = True,
        least_mapped: int = LEAST_MAPPED,
    ) -> None:
        self._dimensions = dimensions
        self._folder = folder
        self._writes = writes
        self._least_mapped = least_mapped
        self._schema = new_schema()
        self._text: Any = self._open_text()
        self._vectors: Any = VectorIndex(dimensions) if folder is None else self._open_vectors()
        self._priors: dict[int, float] = {}
        self._search = Search(self._schema, self._vectors, ranking, self._priors)
        self._ranking = ranking
        self._writer: Any = None
        self._use = ManyOrOne()
        self._is_closed = False
        self._generation = 0
        self._seen = self._meta()
        if folder is not None:
            self._priors.update(read_priors(self._schema, self._text.searcher()))

    @property
    def is_worn(self) -> bool:
        """Whether another one made of the same listings would be much smaller."""
        return isinstance(self._vectors, KeptVectors) and self._vectors.is_worn

    @property
    def vectors(self) -> int:
        """How many vectors were ever written to the folder."""
        return self._vectors.count if isinstance(self._vectors, KeptVectors) else 0

    def mapped(self) -> list[Path]:
        """The files that are mapped into memory, where it lies in a folder."""
        if self._folder is None:
            return []
        return [*segment_files(self._folder / "text"), *self._vectors.mapped()]

    def find_missing(self) -> list[Path]:
        """The files of the folder that it needs and that are gone."""
        return [] if self._folder is None else find_missing(self._folder / "text")

    def search(self, query: IndexQuery) -> IndexAnswer:
        """As `SearchIndex.search`."""
        with self._asking(passes=ValueError if query.after else ()):
            # Taken before the searcher: one that is newer than its generation is remembered for too short a time only.
            generation = self._generation
            return self._search.run(self._text.searcher(), query, generation)

    def suggest(self, text: str, limit: int, viewer: str | None) -> tuple[Suggestion, ...]:
        """As `SearchIndex.suggest`."""
        with self._asking():
            generation = self._generation
            searcher = self._text.searcher()

            def seen(query: tantivy.Query) -> tantivy.Query:
                return filtered(self._schema, searcher, query, Filters(viewer=viewer))

            def read(addresses: list[tantivy.DocAddress]) -> list[ListingDocument]:
                return self._search.read(searcher, addresses, generation)

            return suggestions(self._schema, searcher, seen, read, text, limit)

    def find_similar(self, service_id: str, limit: int, viewer: str | None) -> tuple[Likeness, ...]:
        """As `SearchIndex.find_similar`."""
        with self._asking():
            generation = self._generation
            return self._search.find_similar(self._text.searcher(), service_id, limit, viewer, generation)

    def find_digests(self, service_ids: Sequence[str]) -> dict[str, str]:
        """As `SearchIndex.find_digests`."""
        if not service_ids:
            return {}
        with self._asking():
            searcher = self._text.searcher()
            keys = [key_of(service_id) for service_id in service_ids]
            found = searcher.search(tantivy.Query.term_set_query(self._schema, "key", keys), len(keys), count=False)
            listings = [from_tantivy(searcher.doc(address)) for _, address in found.hits]
        return {listing.service_id: digest for listing, digest in listings}

    def list_ids(self, after: str, limit: int) -> tuple[list[str], str]:
        """As `SearchIndex.list_ids`."""
        with self._asking():
            searcher = self._text.searcher()
            rows = keys_after(self._schema, searcher, int(after) if after else None, limit)
            ids = [from_tantivy(searcher.doc(address))[0].service_id for _, address in rows]
        return ids, str(rows[-1][0]) if len(rows) == limit else ""

    def apply(self, upserts: Sequence[ListingDocument], removals: Collection[str] = ()) -> None:
        """As `SearchIndex.apply`. Raises `ValueError`, with nothing changed, on a vector of another length."""
        gone = {key_of(service_id) for service_id in removals}
        latest = {key_of(listing.service_id): listing for listing in upserts}
        kept = {key: listing for key, listing in latest.items() if key not in gone}
        vectors = {key: self._vector_of(listing) for key, listing in kept.items() if listing.vector}
        with _engine():
            # Vectors first: a meaning whose words are not there yet is not shown, words without meaning rank wrong.
            self._vectors.put(vectors)
            self._note_priors(list(gone), kept)
            self._write_text([*latest, *gone], list(kept.values()))
            self._vectors.remove([*gone, *(key for key in kept if key not in vectors)])

    def refresh(self) -> bool:
        """Take what the writing process changed; whether there was anything. Raises `Damaged`."""
        if self._writes:
            return False
        meta = self._meta()
        with _engine():
            # Vectors are written before words, and a listing without its vector ranks wrong.
            if not self._vectors.refresh():
                self._vectors = self._open_vectors()
                self._search = Search(self._schema, self._vectors, self._ranking, self._priors)
            if self._seen == meta:
                return False
            self._reload()
            weights = read_priors(self._schema, self._text.searcher())
            for key in [key for key in self._priors if key not in weights]:
                del self._priors[key]
            self._priors.update(weights)
        self._seen = meta
        return True

    def save(self) -> None:
        """Write what would otherwise be made anew by whoever opens the folder next."""
        if isinstance(self._vectors, KeptVectors) and self._writes:
            with _engine():
                self._vectors.save()

    def close(self) -> None:
        """Wait for searches and let everything go: nothing is mapped any longer."""
        if self._writer is not None:
            with contextlib.suppress(IndexUnavailable), _engine():
                self._writer.wait_merging_threads()
        with self._use.writing():
            self._is_closed = True
            self._writer = self._text = self._vectors = self._search = None  # type: ignore[assignment]
        # A search remembers stems in a cache that knows it: only the collector frees it, and the files it maps.
        gc.collect()

    @contextlib.contextmanager
    def _asking(self, passes: _Errors = ()) -> Iterator[None]:
        with self._use.reading():
            if self._is_closed:
                raise IndexUnavailable(_CLOSED)
            with _engine(passes):
                yield

    def _open_text(self) -> Any:
        path = None
        if self._folder is not None:
            path = self._folder / "text"
            path.mkdir(parents=True, exist_ok=True)
            check_all(sums_of(self._folder / "vectors"), segment_files(path))
        try:
            with _engine():
                text = tantivy.Index(self._schema, path=None if path is None else str(path))
                text.register_tokenizer(ANALYZER, new_analyzer())
                text.config_reader("manual")
                text.reload()
        except IndexUnavailable as error:
            raise Damaged(f"The words in {path} cannot be read: {error}") from error
        return text

    def _open_vectors(self) -> KeptVectors:
        assert self._folder is not None
        try:
            with _engine():
                return KeptVectors(
                    self._folder / "vectors", self._dimensions, writes=self._writes, least_mapped=self._least_mapped
                )
        except IndexUnavailable as error:
            raise Damaged(f"The vectors in {self._folder} cannot be read: {error}") from error

    def _meta(self) -> tuple[int, int] | None:
        """What changes with every commit of the words."""
        if self._folder is None:
            return None
        try:
            found = (self._folder / "text" / "meta.json").stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino

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
        if self._writer is None:
            self._writer = self._text.writer(_WRITER_BYTES, 1)
        try:
            self._writer.delete_documents_by_query(tantivy.Query.term_set_query(self._schema, "key", replaced))
            for listing in listings:
                self._writer.add_document(to_tantivy(listing))
            self._writer.commit()
        except BaseException:
            # A writer that failed once may fail for ever; the next change gets another one.
            writer, self._writer = self._writer, None
            with contextlib.suppress(Exception):
                writer.rollback()
            raise
        self._reload()

    def _reload(self) -> None:
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


@contextlib.contextmanager
def _engine(passes: _Errors = ()) -> Iterator[None]:
    """What the engines fail with, as `IndexUnavailable`; these errors pass as they are."""
    try:
        yield
    except passes:
        raise
    except (OSError, ValueError, RuntimeError, SystemError) as error:
        raise IndexUnavailable(f"The search index failed: {error}") from error
    except BaseException as error:
        # A panic of a Rust library is no `Exception`, and would end the thread that carries the searches.
        if type(error).__name__ != "PanicException":
            raise
        raise IndexUnavailable(f"The search index failed: {error}") from error
