"""The two engines that discovery asks: one finds, one turns text into vectors."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, get_args

from mercato.discovery.document import ListingDocument, Vector
from mercato.discovery.numbers import NumberName, Range, Sort
from mercato.platform import Place
from mercato_contracts.money import Currency

FacetName = Literal[
    "protocol", "task", "modality", "modality_in", "modality_out", "tag", "licence", "vendor", "region", "status",
    "pricing", "verified", "sla_met",
]  # fmt: skip
FACETS: tuple[FacetName, ...] = get_args(FacetName)

REACH = 200
"""How many hits of one query can be looked at, whatever the paging. Who needs more narrows the query."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What hits must be. Values of one facet are alternatives; different facets, and all ranges, must hold.

    Prices are those in `currency`.
    """

    facets: Mapping[FacetName, tuple[str, ...]] = field(default_factory=dict)
    ranges: Mapping[NumberName, Range] = field(default_factory=dict)
    currency: Currency = "USD"
    viewer: str | None = None
    """The slug of the organisation that asks: a listing with `seen_by` is there for those organisations only, in hits,
    totals, facets and steps alike."""

    @property
    def narrow(self) -> bool:
        """Whether they leave anything out that the viewer sees."""
        return any(self.facets.values()) or bool(self.ranges)

    def without(self, name: FacetName | NumberName) -> "Filters":
        """The same filters, this one left out: whose counts then show what another choice would give."""
        facets = {facet: values for facet, values in self.facets.items() if facet != name}
        ranges = {number: span for number, span in self.ranges.items() if number != name}
        return Filters(facets, ranges, self.currency, self.viewer)


@dataclass(frozen=True, slots=True)
class CosineScale:
    """Puts the cosines of a model where those of the model lie that floors and weights were chosen with."""

    factor: float = 1.0
    shift: float = 0.0

    def of(self, cosine: float) -> float:
        """The cosine on the scale of floors and weights."""
        return self.factor * cosine + self.shift


AS_IS = CosineScale()


@dataclass(frozen=True, slots=True)
class IndexQuery:
    """A question to the index. `text` is a person's words, never a query language; empty means: the newest.

    `vector` is what the embedder made of `text`; without it the words decide alone. With words, `sort` orders the best
    `REACH` hits anew; without words it orders everything. `after` is `next` of the answer before, and nothing that was
    in that one comes again, whatever the index learned in between. `offset + limit` beyond `REACH` gives no further
    hits. `steps` are the numbers whose steps are to be counted.
    """

    text: str = ""
    vector: Vector | None = None
    filters: Filters = Filters()
    offset: int = 0
    limit: int = 10
    facets: tuple[FacetName, ...] = ()
    explain: bool = False
    sort: Sort | None = None
    after: str | None = None
    steps: tuple[NumberName, ...] = ()
    also: str = ""
    """Other words for what `text` asks for; a listing that has only these is found too."""
    meant: str = ""
    """The words of `text` that `also` stands beside: they are known, so they are not misspelt."""
    fitting_first: bool = False
    """Whether `sort` orders only hits that fit about as well as the best; the others follow as they stand."""
    scale: CosineScale = AS_IS
    """Of the model that made `vector`."""


@dataclass(frozen=True, slots=True)
class Reasons:
    """Why a hit has its rank. Ranks count from 1; `None` means: not found this way.

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
    facet that is filtered by counts as if it were not; so do `steps`, pairs of a bound and how many listings keep it.
    `next` asks for the hits after these; `None` where there are none. `corrected`: misspelt words were read as their
    neighbours.
    """

    hits: tuple[Hit, ...]
    total: int
    facets: Mapping[FacetName, tuple[tuple[str, int], ...]]
    corrected: bool = False
    next: str | None = None
    steps: Mapping[NumberName, tuple[tuple[int, int], ...]] = field(default_factory=dict)
    doubtful: bool = False
    """No hit matches the words well: hits may be shown, but only with a warning that they fit badly."""
    partial: bool = False
    """The index did not answer: these listings contain the words, read from the records; some may be missing."""


SuggestionKind = Literal["service", "vendor", "task", "tag"]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A suggestion for the first letters of a word: `text` as it is shown, and the `name` of a service.

    `count` are a service's calls, or the services of a vendor, task or tag.
    """

    kind: SuggestionKind
    text: str
    count: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class Likeness:
    """A listing that is like another one, and what they share. `similarity` is the cosine of their meanings."""

    document: ListingDocument
    score: float
    similarity: float | None
    same_task: bool
    tags: tuple[str, ...]


class IndexUnavailable(Exception):
    """The engine does not answer now. Its words name the setting and what to do, and hold nothing secret."""


class IndexRefused(IndexUnavailable):
    """The engine does not let us in, or does not fit: waiting does not help."""


class QueryRefused(IndexUnavailable):
    """The engine does not understand this one question; it answers others."""


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
        """Exact names first, then words and meaning together, then misspelt words where little was found.

        Raises `ValueError` where `after` was never a `next`.
        """
        ...

    async def suggest(self, text: str, limit: int, viewer: str | None = None) -> tuple[Suggestion, ...]:
        """What begins as `text` does: tasks, vendors and tags with services, then services by calls; of and among the
        listings that the viewer sees (`Filters.viewer`)."""
        ...

    async def find_similar(self, service_id: str, limit: int, viewer: str | None = None) -> tuple[Likeness, ...]:
        """The listings that are most like this one, itself left out; none where the index does not hold it, or the
        viewer does not see it."""
        ...

    async def find_digests(self, service_ids: Sequence[str]) -> dict[str, str]:
        """The digest of each of these listings that the index holds."""
        ...

    async def list_ids(self, after: str, limit: int) -> tuple[list[str], str]:
        """At most `limit` of the service ids that the index holds, private listings' too, in an order of its own, and
        what to ask for those after them with: empty at first, and at the end."""
        ...

    async def close(self) -> None:
        """Write what is to be kept; the index answers no longer."""
        ...


class KeptIndex(SearchIndex, Protocol):
    """An index of this machine that outlives its processes. One of them writes it, the others read what it wrote; when
    it ends, another one takes its place.

    While there is no whole index to ask, and where the disk takes nothing, methods raise `IndexUnavailable`. In a
    process that only reads, `apply` waits until the one that writes has done the same.
    """

    @property
    def is_open(self) -> bool:
        """Whether there is a whole index to ask."""
        ...

    @property
    def is_worn(self) -> bool:
        """Whether an index that is filled anew would be much smaller."""
        ...

    @property
    def writes(self) -> bool:
        """Whether this process is the one that writes."""
        ...

    async def look(self, mark: str) -> bool:
        """Open the index that is made of the records and vectors of this `mark`, become the process that writes, take
        what another one wrote, let go what is damaged: whatever there is to do. Returns `is_open`."""
        ...

    async def kept_place(self) -> Place:
        """The place in the log of news up to which the index has everything."""
        ...

    async def keep_place(self, place: Place) -> None:
        """Remember the place, in the process that writes."""
        ...

    async def begin(self, place: Place, *, anew: bool = False) -> tuple[str, Place]:
        """Begin an index beside the one that is asked, with the records of this place or later; or, unless `anew`, go
        on with one that was begun. Returns after which listing to go on, and the place at which it was begun."""
        ...

    async def fill(self, listings: Sequence[ListingDocument], upto: str) -> None:
        """Add listings to the new index alone; `upto` is the last one that was looked at."""
        ...

    async def finish(self) -> None:
        """The new index takes the place of the one that is asked, between two searches."""
        ...


class SharedIndex(SearchIndex, Protocol):
    """An index beyond this process: all ask it, and one feeds it. Every method may raise `IndexUnavailable`."""

    def note_change(self) -> None:
        """Another process changed what is found."""
        ...

    async def open(self) -> bool:
        """Whether the engine has a whole index of this release's shape. Raises `IndexRefused` where it does not fit."""
        ...

    async def is_begun(self) -> bool:
        """Whether there is an index that was begun and not finished, by this process or by one that died."""
        ...

    async def begin(self) -> None:
        """Make an empty index beside the one that is asked. Until `finish`, `apply` writes to both."""
        ...

    async def fill(self, listings: Sequence[ListingDocument]) -> None:
        """Add listings to the new index alone."""
        ...

    async def finish(self) -> None:
        """The new index takes the place of the one that is asked, between two searches."""
        ...


class Embedder(Protocol):
    """Turns text into vectors; the angle between two measures how close their meanings are."""

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
