"""The use case: a person's words in, a page of listings out."""

import json
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import sha256

import structlog
from prometheus_client import Histogram

from mercato.discovery.document import Vector
from mercato.discovery.numbers import NumberName, Sort
from mercato.discovery.ports import (
    FACETS,
    Embedder,
    FacetName,
    Filters,
    IndexAnswer,
    IndexQuery,
    Likeness,
    SearchIndex,
    Suggestion,
)
from mercato.discovery.refusals import CursorOfAnotherSearch
from mercato.discovery.vocabulary import read_meaning
from mercato.platform import Unavailable

log = structlog.get_logger(__name__)

_REMEMBERED = 4_096
_SECONDS = Histogram(
    "mercato_search_seconds",
    "Time of one search, embedding included",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5),
)


@dataclass(frozen=True, slots=True)
class SearchPage:
    """A page of an answer; `next` is the cursor of the one after, `None` on the last."""

    answer: IndexAnswer
    next: str | None


class Searching:
    """Answers searches from one index. The vectors of recent queries are remembered: embedding is the dearest part."""

    def __init__(self, index: SearchIndex, embedder: Embedder) -> None:
        self._index = index
        self._embedder = embedder
        self._vectors: OrderedDict[str, Vector] = OrderedDict()
        self._words_only = False

    @property
    def version(self) -> int | None:
        """Two searches of one version have one answer; `None` while the model is missing, which may come any time."""
        return None if self._words_only else self._index.version

    async def search(
        self,
        text: str,
        filters: Filters,
        *,
        limit: int,
        cursor: str | None = None,
        explain: bool = False,
        sort: Sort | None = None,
        facets: tuple[FacetName, ...] = FACETS,
        steps: tuple[NumberName, ...] = (),
    ) -> SearchPage:
        """At most `limit` listings, the best first or as they are sorted. Raises `CursorOfAnotherSearch`.

        Without the embedding model words decide alone.
        """
        words = " ".join(text.split())
        mark = _mark(words, filters, sort)
        after = _read_cursor(cursor, mark) if cursor is not None else None
        with _SECONDS.time():
            meaning = read_meaning(words)
            vector = await self._embed(meaning.text)
            query = IndexQuery(words, vector, filters, 0, limit, facets, explain, sort, after, steps, also=meaning.also)
            try:
                answer = await self._index.search(query)
            except ValueError as error:
                if after is None:
                    raise
                raise CursorOfAnotherSearch("The cursor was changed on the way.") from error
        return SearchPage(answer, None if answer.next is None else f"{mark}.{answer.next}")

    async def suggest(self, text: str, limit: int) -> tuple[Suggestion, ...]:
        """What somebody may mean who has typed this much."""
        return await self._index.suggest(text, limit)

    async def find_similar(self, service_id: str, limit: int) -> tuple[Likeness, ...]:
        """The listings that are most like this one."""
        return await self._index.find_similar(service_id, limit)

    async def _embed(self, words: str) -> Vector | None:
        if not any(character.isalnum() for character in words):
            return None
        known = self._vectors.get(words)
        if known is not None:
            self._vectors.move_to_end(words)
            return known
        try:
            (vector,) = await self._embedder.embed([words])
        except Unavailable as refusal:
            log.warning("searching by words only", reason=refusal.detail)
            self._words_only = True
            return None
        self._words_only = False
        self._vectors[words] = vector
        if len(self._vectors) > _REMEMBERED:
            self._vectors.popitem(last=False)
        return vector


def _mark(words: str, filters: Filters, sort: Sort | None) -> str:
    """A short fingerprint of the search, by which a cursor knows its own."""
    facets = sorted((name, sorted(values)) for name, values in filters.facets.items() if values)
    ranges = sorted((name, span.least, span.most) for name, span in filters.ranges.items())
    order = None if sort is None else (sort.by, sort.descending)
    asked = json.dumps([words, facets, ranges, filters.currency, order])
    return sha256(asked.encode()).hexdigest()[:16]


def _read_cursor(cursor: str, mark: str) -> str:
    of, _, after = cursor.partition(".")
    if of != mark:
        raise CursorOfAnotherSearch("The cursor was not given for these words, filters and order.")
    return after
