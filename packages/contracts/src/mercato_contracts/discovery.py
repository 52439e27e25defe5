"""What discovery receives and answers under `/api/search`."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from mercato_contracts.manifest import Protocol, Tag, Task
from mercato_contracts.money import Currency
from mercato_contracts.wire import Nanos, Slug, Wire

Licence = Annotated[str, StringConstraints(min_length=2, max_length=64)]
Modality = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,16}$")]


YesNo = Literal["yes", "no"]
SortName = Literal[
    "relevance", "price_per_call", "price_per_1k_tokens", "price_per_month", "context_window", "p95_ms",
    "availability_bp", "rating", "calls", "consumers", "released",
]  # fmt: skip
Whole = Annotated[int, Field(ge=0, le=9_000_000_000_000_000_000)]
Stars = Annotated[float, Field(ge=1, le=5)]
BasisPoints = Annotated[int, Field(ge=0, le=10_000)]


class ListingFilters(Wire):
    """What listings must be. Values of one filter are alternatives; different filters must all hold.

    A listing whose number is not known fits no range of it.
    """

    q: str = Field(default="", max_length=500, description="Plain words; empty lists the newest first")
    protocol: list[Protocol] = Field(default=[], max_length=20)
    task: list[Task] = Field(default=[], max_length=20)
    modality: list[Modality] = Field(default=[], max_length=20)
    modality_in: list[Modality] = Field(default=[], max_length=20)
    modality_out: list[Modality] = Field(default=[], max_length=20)
    tag: list[Tag] = Field(default=[], max_length=20)
    licence: list[Licence] = Field(default=[], max_length=20)
    vendor: list[Slug] = Field(default=[], max_length=20)
    region: list[Tag] = Field(default=[], max_length=20)
    status: list[Literal["live", "deprecated"]] = Field(default=[], max_length=2)
    pricing: list[Literal["free", "per_call", "per_token", "per_month"]] = Field(default=[], max_length=4)
    verified: list[YesNo] = Field(default=[], max_length=2)
    sla_met: list[YesNo] = Field(default=[], max_length=2)
    currency: Currency = Field(default="USD", description="The currency of the prices")
    min_price_per_call: Nanos | None = None
    max_price_per_call: Nanos | None = Field(
        default=None,
        description="Nano-units that one more call may cost under the cheapest plan, the monthly fee apart; services "
        "that charge by tokens have `max_price_per_1k_tokens`",
    )
    min_price_per_1k_tokens: Nanos | None = None
    max_price_per_1k_tokens: Nanos | None = Field(
        default=None,
        description="Nano-units that 1,000 tokens may cost, in or out, under the cheapest plan that charges by them",
    )
    min_price_per_month: Nanos | None = None
    max_price_per_month: Nanos | None = Field(default=None, description="The highest monthly fee of the cheapest plan")
    min_context_window: Whole | None = None
    max_context_window: Whole | None = None
    min_p95_ms: Whole | None = None
    max_p95_ms: Whole | None = Field(default=None, description="Measured at the gateway over 30 days, in milliseconds")
    min_availability_bp: BasisPoints | None = Field(default=None, description="Measured, in ten thousandths")
    max_availability_bp: BasisPoints | None = None
    min_rating: Stars | None = Field(default=None, description="The mean of its reviews, 1 to 5")
    max_rating: Stars | None = None
    min_calls: Whole | None = Field(default=None, description="Calls of the last 30 days")
    max_calls: Whole | None = None
    min_consumers: Whole | None = Field(default=None, description="Organisations that called it in the last 30 days")
    max_consumers: Whole | None = None
    released_since: datetime | None = Field(default=None, description="Whose latest release is not older")
    released_until: datetime | None = Field(default=None, description="Whose latest release is not newer")


class SearchRequest(ListingFilters):
    """A search, as the query of an address."""

    sort: SortName = Field(default="relevance", description="With words, the 200 best hits are put in this order")
    order: Literal["asc", "desc"] | None = Field(
        default=None, description="Left out, the better end first: low prices and times, high ratings and windows"
    )
    limit: int = Field(default=10, ge=1, le=50)
    cursor: str | None = Field(default=None, max_length=2_000, description="`next` of the page before")
    explain: bool = Field(default=False, description="Whether each hit says why it was found")


class PriceView(Wire):
    """What a plan charges, in nano-units of its currency."""

    plan: str
    currency: Currency
    monthly: Nanos
    per_call: Nanos
    per_1k_input_tokens: Nanos
    per_1k_output_tokens: Nanos


class MeasuredView(Wire):
    """What 30 days of calls say of a service, and its consumers' reviews; null: not known."""

    calls: int
    consumers: int
    p95_ms: int | None
    availability_bp: int | None
    sla_met: bool | None = Field(description="Whether it kept what its vendor promises")
    rating: float | None = Field(description="The mean of its reviews, 1 to 5")
    reviews: int


class SnippetView(Wire):
    """The passage that answers best; `marks` are ranges `[start, end)` of its characters (code points) that matched."""

    text: str
    marks: list[tuple[int, int]]


class ReasonsView(Wire):
    """Why a hit stands where it stands. Ranks count from 1; null means: not found this way."""

    exact_name: bool
    text_rank: int | None
    text_score: float | None
    vector_rank: int | None
    similarity: float | None = Field(description="Cosine of query and listing")
    corrected: bool = Field(description="Found by reading a misspelt word as its neighbour")
    words: dict[str, list[str]] = Field(description="Stems of the query's words, and the fields they stand in")


class SearchHit(Wire):
    """A listing that was found. `score` compares within one answer only."""

    service_id: str
    name: str = Field(description="`vendor/name`")
    vendor: str
    title: str
    summary: str
    version: str
    protocol: str
    task: str
    licence: str
    tags: list[str]
    modalities: list[str]
    regions: list[str]
    inputs: list[str] = Field(description="What goes in")
    outputs: list[str] = Field(description="What comes out")
    context_window: int | None
    prices: list[PriceView]
    released_at: datetime
    status: str
    vendor_verified: bool
    measured: MeasuredView
    score: float
    snippet: SnippetView
    reasons: ReasonsView | None = None


class FacetValue(Wire):
    """A value, and how many of the listings that match have it."""

    value: str
    count: int


class StepCount(Wire):
    """A bound, and how many of the listings that match keep it."""

    bound: int = Field(description="In the number's own unit; ratings in hundredths")
    count: int


class NumberFacet(Wire):
    """How a number is spread: whether each bound is the most or the least that is allowed, and how many keep it."""

    bounds: Literal["at_most", "at_least"]
    steps: list[StepCount]


class FacetsAnswer(Wire):
    """Everything to filter by, with counts. What is filtered by counts as if it were not."""

    total: int
    facets: dict[str, list[FacetValue]]
    numbers: dict[str, NumberFacet]


class SearchAnswer(Wire):
    """One page. Facets count all that match; a facet that is filtered by counts as if it were not."""

    items: list[SearchHit]
    total: int = Field(
        description="How many match; of those found by words, the first 200 can be paged through, without words all"
    )
    next: str | None = Field(description="`cursor` of the next page; null on the last one")
    corrected: bool = Field(description="Whether misspelt words were read as their neighbours")
    doubtful: bool = Field(
        default=False, description="Nothing fits well: no name, word or meaning speaks for what was found"
    )
    facets: dict[str, list[FacetValue]]
