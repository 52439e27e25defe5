"""The use case: a person's words in, a page of listings out."""

import json
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256

import structlog
from prometheus_client import Histogram

from mercato.discovery.cosine_scale import ScaleOf
from mercato.discovery.document import Vector
from mercato.discovery.indexing import IndexState
from mercato.discovery.numbers import NumberName, Sort
from mercato.discovery.ports import (
    AS_IS,
    FACETS,
    CosineScale,
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
from mercato.discovery.wishes import Understood, Wish, read_wishes
from mercato.platform import Unavailable

log = structlog.get_logger(__name__)

_REMEMBERED = 4_096
_PRICES: Mapping[str, NumberName] = {
    "per_token": "price_per_1k_tokens",
    "per_call": "price_per_call",
    "per_month": "price_per_month",
}
_SECONDS = Histogram(
    "mercato_search_seconds",
    "Time of one search, embedding included",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5),
)


@dataclass(frozen=True, slots=True)
class SearchPage:
    """A page of an answer; `next` is the cursor of the one after, `None` on the last. `understood`: words that were
    read as filters or as an order."""

    answer: IndexAnswer
    next: str | None
    understood: tuple[Wish, ...] = ()
    state: IndexState = "whole"


def _whole() -> IndexState:
    """Of an index that is never built."""
    return "whole"


class Searching:
    """Answers searches from one index. The vectors of recent queries are remembered: embedding is the dearest part."""

    def __init__(self, index: SearchIndex, embedder: Embedder, state: Callable[[], IndexState] = _whole) -> None:
        self._index = index
        self._state = state
        self._embedder = embedder
        self._scale = ScaleOf(embedder)
        self._vectors: OrderedDict[str, Vector] = OrderedDict()
        self._words_only = False

    @property
    def version(self) -> int | None:
        """Two searches of one version have one answer; `None` while the model is missing, which may come any time, or
        the index is not whole."""
        return None if self._words_only or self._state() != "whole" else self._index.version

    @property
    def state(self) -> IndexState:
        """Whether answers may lack listings."""
        return self._state()

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
        understand: bool = False,
    ) -> SearchPage:
        """At most `limit` listings, the best first or as they are sorted. Raises `CursorOfAnotherSearch`.

        Words about prices, context and order are read as filters where `understand` says so. Without the embedding
        model words decide alone.
        """
        whole = " ".join(text.split())
        # Taken before the answer: one that an index gave while it was built is not whole.
        state = self._state()
        with _SECONDS.time():
            read = await self._understand(whole, filters, sort) if understand else Understood(whole, filters, sort)
            mark = _mark(read.text, read.filters, read.sort)
            after = _read_cursor(cursor, mark) if cursor is not None else None
            meaning = read_meaning(read.text)
            vector, scale = await self._embed(meaning.text)
            query = IndexQuery(
                read.text, vector, read.filters, 0, limit, facets, explain, read.sort, after, steps, also=meaning.also,
                meant=meaning.phrases, fitting_first=sort is None, scale=scale,
            )  # fmt: skip
            try:
                answer = await self._index.search(query)
            except ValueError as error:
                if after is None:
                    raise
                raise CursorOfAnotherSearch("The cursor was changed on the way.") from error
        if answer.partial and state == "whole":
            state = "catching_up"
        return SearchPage(answer, None if answer.next is None else f"{mark}.{answer.next}", read.wishes, state)

    async def _understand(self, words: str, filters: Filters, sort: Sort | None) -> Understood:
        """The words with what they ask for; as they are where a listing is called so."""
        read = read_wishes(words, filters, sort)
        if read.order is None and not read.wishes:
            return Understood(words, filters, sort)
        seen = Filters(viewer=filters.viewer)
        named = (await self._index.search(IndexQuery(words, filters=seen, limit=1, explain=True))).hits
        if named and named[0].reasons is not None and named[0].reasons.exact_name:
            return Understood(words, filters, sort)
        if read.order is None:
            return read
        return read.sorted_by(await self._usual_price(read) if read.order == "price" else read.order)

    async def _usual_price(self, read: Understood) -> NumberName:
        """The price that most of these listings have: each task has its way to charge."""
        query = IndexQuery(read.text, filters=read.filters, limit=0, facets=("pricing",))
        counts = dict((await self._index.search(query)).facets["pricing"])
        best = max(_PRICES, key=lambda way: counts.get(way, 0))
        return _PRICES[best]

    async def suggest(self, text: str, limit: int, viewer: str | None = None) -> tuple[Suggestion, ...]:
        """Suggestions for the letters typed so far."""
        return await self._index.suggest(text, limit, viewer)

    async def find_similar(self, service_id: str, limit: int, viewer: str | None = None) -> tuple[Likeness, ...]:
        """The listings that are most like this one."""
        return await self._index.find_similar(service_id, limit, viewer)

    async def embed_for_keeping(self, words: str) -> tuple[str, Vector | None]:
        """The model's name and what it makes of these words; nothing where it is missing."""
        vector, _ = await self._embed(read_meaning(words).text)
        return ("", None) if vector is None else (self._embedder.name, vector)

    async def _embed(self, words: str) -> tuple[Vector | None, CosineScale]:
        """What the model makes of the words, and where its cosines lie."""
        if not any(character.isalnum() for character in words):
            return None, AS_IS
        try:
            scale = await self._scale.read()
            return await self._vector_of(words), scale
        except Unavailable as refusal:
            log.warning("searching by words only", reason=refusal.detail)
            self._words_only = True
            return None, AS_IS

    async def _vector_of(self, words: str) -> Vector:
        known = self._vectors.get(words)
        if known is not None:
            self._vectors.move_to_end(words)
            return known
        (vector,) = await self._embedder.embed([words])
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
