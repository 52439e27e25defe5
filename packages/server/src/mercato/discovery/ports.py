"""The two engines that discovery asks: one finds, one turns text into vectors."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from mercato.discovery.document import ListingDocument, Vector
from mercato_contracts.money import Currency

FacetName = Literal["protocol", "task", "modality", "tag", "licence", "vendor", "region"]
FACETS: tuple[FacetName, ...] = ("protocol", "task", "modality", "tag", "licence", "vendor", "region")

REACH = 200
"""How many hits of one query can be looked at, whatever the paging. Who needs more narrows the query."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What hits must be. Values of one facet are alternatives; different facets must all hold."""

    facets: Mapping[FacetName, tuple[str, ...]] = field(default_factory=dict)
    max_call_nanos: int | None = None
    currency: Currency = "USD"

    def without(self, facet: FacetName) -> "Filters":
        """The same filters, this facet's left out: whose counts then show what choosing another value would give."""
        rest = {name: values for name, values in self.facets.items() if name != facet}
        return Filters(rest, self.max_call_nanos, self.currency)


@dataclass(frozen=True, slots=True)
class IndexQuery:
    """A question to the index. `text` is a person's words, never a query language; empty means: the newest.

    `vector` is what the embedder made of `text`; without it the words decide alone. `offset + limit` beyond `REACH`
    gives no further hits.
    """

    text: str = ""
    vector: Vector | None = None
    filters: Filters = Filters()
    offset: int = 0
    limit: int = 10
    facets: tuple[FacetName, ...] = ()
    explain: bool = False
    also: str = ""
    """Other words for what `text` asks for; a listing that has only these is found too."""


@dataclass(frozen=True, slots=True)
class Reasons:
    """Why a hit stands where it stands. Ranks count from 1; `None` means: not found this way.

    `words` are the query's words (their stems) that the listing contains, and where.
    """

    exact_name: bool
    text_rank: int | None
    text_score: float | None
    vector_rank: int | None
    similarity: float | None
    corrected: bool
    words: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Snippet:
    """The passage of the listing that answers best, and the ranges `[start, end)` of characters that matched."""

    text: str
    marks: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """One listing that was found. `score` falls from hit to hit; it compares within one answer only."""

    document: ListingDocument
    score: float
    snippet: Snippet
    reasons: Reasons | None = None


@dataclass(frozen=True, slots=True)
class IndexAnswer:
    """`total` counts all that match, also beyond `REACH`. Facets count the same listings, most frequent first, but a
    facet that is filtered by counts as if it were not. `corrected`: misspelt words were read as their neighbours.
    """

    hits: tuple[Hit, ...]
    total: int
    facets: Mapping[FacetName, tuple[tuple[str, int], ...]]
    corrected: bool = False
    doubtful: bool = False
    """Nothing found has much to do with the words: what there is may be shown, and must be said to fit badly."""


class SearchIndex(Protocol):
    """Finds listings. What was applied is found by every later search in this process."""

    @property
    def version(self) -> int:
        """Grows with every change: two searches of one version find the same."""
        ...

    async def apply(self, upserts: Sequence[ListingDocument], removals: Collection[str] = ()) -> None:
        """Add or replace listings, then remove others by service id; unknown ids are no error.

        One call is one batch and becomes visible at once; it costs a commit, so hand over many together.
        """
        ...

    async def search(self, query: IndexQuery) -> IndexAnswer:
        """Exact names first, then words and meaning together, then misspelt words where little was found."""
        ...

    async def find_digests(self, service_ids: Sequence[str]) -> dict[str, str]:
        """The digest of each of these listings that the index holds."""
        ...

    async def close(self) -> None:
        """Write what is to be kept; the index answers no more."""
        ...


class Embedder(Protocol):
    """Turns text into vectors whose angles tell how near two meanings are."""

    @property
    def name(self) -> str:
        """Model and version: vectors of different names do not compare."""
        ...

    @property
    def dimensions(self) -> int:
        """The length of every vector."""
        ...

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """One unit-length vector a text, in the same order. Equal texts give equal vectors."""
        ...
