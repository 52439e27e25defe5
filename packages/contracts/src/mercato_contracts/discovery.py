"""What discovery receives and answers under `/api/search`."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from mercato_contracts.fields import ServiceId, VendorSlug
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
    protocol: list[Protocol] = Field(default=[], max_length=20, description="Protocols, any of them")
    task: list[Task] = Field(default=[], max_length=20, description="Tasks, any of them")
    modality: list[Modality] = Field(default=[], max_length=20, description="Modalities, any of them")
    modality_in: list[Modality] = Field(default=[], max_length=20, description="What goes in, any of them")
    modality_out: list[Modality] = Field(default=[], max_length=20, description="What comes out, any of them")
    tag: list[Tag] = Field(default=[], max_length=20, description="Tags, any of them")
    licence: list[Licence] = Field(default=[], max_length=20, description="SPDX expressions, any of them")
    vendor: list[Slug] = Field(default=[], max_length=20, description="Vendors' short names, any of them")
    region: list[Tag] = Field(default=[], max_length=20, description="Regions, any of them")
    status: list[Literal["live", "deprecated"]] = Field(
        default=[], max_length=2, description="The state of the newest release"
    )
    pricing: list[Literal["free", "per_call", "per_token", "per_month"]] = Field(
        default=[], max_length=4, description="Ways to charge, any of them"
    )
    verified: list[YesNo] = Field(default=[], max_length=2, description="Whether an operator verified the vendor")
    sla_met: list[YesNo] = Field(default=[], max_length=2, description="Whether it keeps what its vendor promises")
    currency: Currency = Field(default="USD", description="The currency of the prices")
    min_price_per_call: Nanos | None = Field(
        default=None, description="The lowest price of one more call, in nano-units"
    )
    max_price_per_call: Nanos | None = Field(
        default=None,
        description="Nano-units that one more call may cost under the cheapest plan, the monthly fee apart; services "
        "that charge by tokens have `max_price_per_1k_tokens`",
    )
    min_price_per_1k_tokens: Nanos | None = Field(
        default=None, description="The lowest price of 1,000 tokens, in nano-units"
    )
    max_price_per_1k_tokens: Nanos | None = Field(
        default=None,
        description="Nano-units that 1,000 tokens may cost, in or out, under the cheapest plan that charges by them",
    )
    min_price_per_month: Nanos | None = Field(default=None, description="The lowest monthly fee, in nano-units")
    max_price_per_month: Nanos | None = Field(default=None, description="The highest monthly fee of the cheapest plan")
    min_context_window: Whole | None = Field(default=None, description="At least so many tokens of context")
    max_context_window: Whole | None = Field(default=None, description="At most so many tokens of context")
    min_p95_ms: Whole | None = Field(default=None, description="The lowest measured p95, in milliseconds")
    max_p95_ms: Whole | None = Field(default=None, description="Measured at the gateway over 30 days, in milliseconds")
    min_availability_bp: BasisPoints | None = Field(default=None, description="Measured, in ten thousandths")
    max_availability_bp: BasisPoints | None = Field(default=None, description="Measured, at most, in ten thousandths")
    min_rating: Stars | None = Field(default=None, description="The mean of its reviews, 1 to 5")
    max_rating: Stars | None = Field(default=None, description="At most so many stars, 1 to 5")
    min_calls: Whole | None = Field(default=None, description="Calls of the last 30 days")
    max_calls: Whole | None = Field(default=None, description="At most so many calls of the last 30 days")
    min_consumers: Whole | None = Field(default=None, description="Organisations that called it in the last 30 days")
    max_consumers: Whole | None = Field(
        default=None, description="At most so many calling organisations of the last 30 days"
    )
    released_since: datetime | None = Field(default=None, description="Whose latest release is not older")
    released_until: datetime | None = Field(default=None, description="Whose latest release is not newer")
    understand: bool = Field(
        default=True,
        description="Whether words about price, context and order (`cheapest`, `under $0.10 per million tokens`, `1M "
        "context`, `free`) become filters, which the answer names in `understood`",
    )


class SearchRequest(ListingFilters):
    """A search, as the query of an address."""

    sort: SortName = Field(default="relevance", description="With words, the 200 best hits are put in this order")
    order: Literal["asc", "desc"] | None = Field(
        default=None, description="Left out, the better end first: low prices and times, high ratings and windows"
    )
    limit: int = Field(default=10, ge=1, le=50, description="Hits of a page, 1 to 50")
    cursor: str | None = Field(default=None, max_length=2_000, description="`next` of the page before")
    explain: bool = Field(default=False, description="Whether each hit says why it was found")
    facets: bool = Field(
        default=True, description="Whether the answer has counts to filter by; it comes sooner without"
    )


class PriceView(Wire):
    """What a plan charges, in nano-units of its currency."""

    plan: str = Field(description="The plan's name")
    currency: Currency = Field(description="The currency of the amounts")
    monthly: Nanos = Field(description="The monthly fee, in nano-units")
    per_call: Nanos = Field(description="The price of a call, in nano-units")
    per_1k_input_tokens: Nanos = Field(description="The price of 1,000 input tokens, in nano-units")
    per_1k_output_tokens: Nanos = Field(description="The price of 1,000 output tokens, in nano-units")

    def to_begin_with(self) -> tuple[int, int, int]:
        """A key that puts first what is cheapest for somebody who does not use it yet."""
        return self.monthly, self.per_call, self.per_1k_input_tokens + self.per_1k_output_tokens


class MeasuredView(Wire):
    """What 30 days of calls say of a service, and its consumers' reviews; null: not known."""

    calls: int = Field(description="Answered calls by others than the vendor")
    consumers: int = Field(description="Organisations that called")
    p95_ms: int | None = Field(description="The time that 95 of 100 answers kept, in milliseconds")
    availability_bp: int | None = Field(description="Calls that did not fail by the vendor's fault, in ten thousandths")
    sla_met: bool | None = Field(description="Whether it kept what its vendor promises")
    rating: float | None = Field(description="The mean of its reviews, 1 to 5")
    reviews: int = Field(description="How many reviews count")


class SnippetView(Wire):
    """The passage that answers best; `marks` are ranges `[start, end)` of its characters (code points) that matched."""

    text: str = Field(description="The passage, plain text")
    marks: list[tuple[int, int]] = Field(description="What matched: ranges `[start, end)` in code points")


class ReasonsView(Wire):
    """Why a hit stands where it stands. Ranks count from 1; null means: not found this way."""

    exact_name: bool = Field(description="Whether the query is the listing's name")
    text_rank: int | None = Field(description="Its rank among the matches by words, from 1")
    text_score: float | None = Field(description="Its BM25 score; comparable within one answer")
    vector_rank: int | None = Field(description="Its rank among the matches by meaning, from 1")
    similarity: float | None = Field(description="Cosine of query and listing")
    corrected: bool = Field(description="Found by reading a misspelt word as its neighbour")
    words: dict[str, list[str]] = Field(description="Stems of the query's words, and the fields they stand in")


class SearchHit(Wire):
    """A listing that was found. `score` compares within one answer only."""

    service_id: ServiceId = Field(description="The service's id")
    name: str = Field(description="`vendor/name`")
    vendor: VendorSlug = Field(description="The vendor's name in addresses")
    title: str = Field(description="The title, in a few words")
    summary: str = Field(description="What the service does, in one sentence")
    version: str = Field(description="The newest release, a SemVer version")
    protocol: str = Field(description="The protocol that it speaks")
    task: str = Field(description="What it is for")
    licence: str = Field(description="An SPDX expression, or `proprietary`")
    tags: list[str] = Field(description="Words to find it by")
    modalities: list[str] = Field(description="What it reads and writes, such as `text` or `tabular`")
    regions: list[str] = Field(description="Where it runs")
    inputs: list[str] = Field(description="What goes in")
    outputs: list[str] = Field(description="What comes out")
    context_window: int | None = Field(description="The most tokens of one call; null where it has no such limit")
    prices: list[PriceView] = Field(description="What each open plan charges")
    released_at: datetime = Field(description="When the newest release was made, UTC")
    status: str = Field(description="The state of the newest release")
    vendor_verified: bool = Field(description="Whether an operator verified the vendor")
    measured: MeasuredView = Field(description="What was measured of it")
    private: bool = Field(default=False, description="Whether only some organisations see it, yours among them")
    score: float = Field(description="The weight of the hit; comparable within one answer only")
    snippet: SnippetView = Field(description="The passage that answers best")
    reasons: ReasonsView | None = Field(default=None, description="Why it was found; null unless `explain` asked")


class FacetValue(Wire):
    """A value, and how many of the listings that match have it."""

    value: str = Field(description="The value to filter by")
    count: int = Field(description="How many matching listings have it")


class StepCount(Wire):
    """A bound, and how many of the listings that match keep it."""

    bound: int = Field(description="In the number's own unit; ratings in hundredths")
    count: int = Field(description="How many listings keep the bound")


class NumberFacet(Wire):
    """How a number is spread: whether each bound is the most or the least that is allowed, and how many keep it."""

    bounds: Literal["at_most", "at_least"] = Field(
        description="Whether a bound is the most or the least that is allowed"
    )
    steps: list[StepCount] = Field(description="The steps, in order")


class UnderstoodView(Wire):
    """Words of the query that were read as a parameter of the search. `understand=false` leaves them words."""

    words: str = Field(description="The words, as they stand in the query")
    name: str = Field(description="The parameter that they were read as, such as `max_price_per_1k_tokens` or `sort`")
    value: str = Field(description="Its value")


class FacetsAnswer(Wire):
    """Everything to filter by, with counts. What is filtered by counts as if it were not."""

    total: int = Field(description="How many match")
    facets: dict[str, list[FacetValue]] = Field(description="For each facet, its values with counts")
    numbers: dict[str, NumberFacet] = Field(description="The numbers, by name")
    understood: list[UnderstoodView] = Field(default=[], description="Words of the query that were read as filters")
    partial: bool = Field(
        default=False,
        description="Whether listings may be missing, because this process builds its index or catches up; the header "
        "`Mercato-Index` then says which",
    )


class SearchAnswer(Wire):
    """One page. Facets count all that match; a facet that is filtered by counts as if it were not."""

    items: list[SearchHit] = Field(description="The hits of this page, best first")
    total: int = Field(
        description="How many match; of those found by words, the first 200 can be paged through, without words all"
    )
    next: str | None = Field(description="`cursor` of the next page; null on the last one")
    corrected: bool = Field(description="Whether misspelt words were read as their neighbours")
    facets: dict[str, list[FacetValue]] = Field(description="For each filter, the values that can be chosen")
    doubtful: bool = Field(
        default=False, description="Nothing fits well: no name, word or meaning speaks for what was found"
    )
    understood: list[UnderstoodView] = Field(
        default=[], description="Words of the query that were read as filters or as the order"
    )
    partial: bool = Field(
        default=False,
        description="Whether listings may be missing, because this process builds its index or catches up; the header "
        "`Mercato-Index` then says which",
    )
