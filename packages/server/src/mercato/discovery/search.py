"""The use case: a person's words in, a page of listings out."""

import base64
import json
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import sha256

import structlog
from prometheus_client import Histogram

from mercato.discovery.document import Vector
from mercato.discovery.ports import FACETS, REACH, Embedder, Filters, IndexAnswer, IndexQuery, SearchIndex
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
        self, text: str, filters: Filters, *, limit: int, cursor: str | None = None, explain: bool = False
    ) -> SearchPage:
        """At most `limit` listings, the best first. Raises `CursorOfAnotherSearch`.

        Without the embedding model words decide alone.
        """
        words = " ".join(text.split())
        mark = _mark(words, filters)
        offset = _read_cursor(cursor, mark) if cursor is not None else 0
        with _SECONDS.time():
            meaning = read_meaning(words)
            vector = await self._embed(meaning.text)
            query = IndexQuery(words, vector, filters, offset, limit, FACETS, explain, also=meaning.also)
            answer = await self._index.search(query)
        end = offset + len(answer.hits)
        more = len(answer.hits) == limit and end < min(answer.total, REACH)
        return SearchPage(answer, _write_cursor(end, mark) if more else None)

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


def _mark(words: str, filters: Filters) -> str:
    """A short fingerprint of the search, by which a cursor knows its own."""
    facets = sorted((name, sorted(values)) for name, values in filters.facets.items() if values)
    asked = json.dumps([words, facets, filters.max_call_nanos, filters.currency])
    return sha256(asked.encode()).hexdigest()[:16]


def _write_cursor(offset: int, mark: str) -> str:
    return base64.urlsafe_b64encode(f"{offset}.{mark}".encode()).decode().rstrip("=")


def _read_cursor(cursor: str, mark: str) -> int:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except ValueError:
        text = ""
    offset, _, of = text.partition(".")
    if of != mark or not (offset.isdecimal() and int(offset) < REACH):
        raise CursorOfAnotherSearch("The cursor was not given for these words and filters.")
    return int(offset)
