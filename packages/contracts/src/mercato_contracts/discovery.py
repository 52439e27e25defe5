"""What discovery receives and answers under `/api/search`."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from mercato_contracts.fields import ServiceId, VendorSlug
from mercato_contracts.manifest import Protocol, Tag, Task
from mercato_contracts.money import Currency
from mercato_contracts.wire import Nanos, Slug, Wire

Licence = Annotated[str, StringConstraints(min_length=2, max_length=64)]
Modality = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,16}$")]


class SearchRequest(Wire):
    """A search, as the query of an address. Values of one filter are alternatives; different filters must all hold."""

    q: str = Field(default="", max_length=500, description="Plain words; empty lists the newest first")
    protocol: list[Protocol] = Field(default=[], max_length=20, description="Protocols, any of them")
    task: list[Task] = Field(default=[], max_length=20, description="Tasks, any of them")
    modality: list[Modality] = Field(default=[], max_length=20, description="Modalities, any of them")
    tag: list[Tag] = Field(default=[], max_length=20, description="Tags, any of them")
    licence: list[Licence] = Field(default=[], max_length=20, description="SPDX expressions, any of them")
    vendor: list[Slug] = Field(default=[], max_length=20, description="Vendors' short names, any of them")
    region: list[Tag] = Field(default=[], max_length=20, description="Regions, any of them")
    max_price_per_call: Nanos | None = Field(
        default=None,
        description="Nano-units that one more call may cost under the cheapest plan, the monthly fee apart; "
        "services priced by tokens only are left out",
    )
    currency: Currency = Field(default="USD", description="The currency of `max_price_per_call`")
    limit: int = Field(default=10, ge=1, le=50, description="Hits of a page, 1 to 50")
    cursor: str | None = Field(default=None, max_length=200, description="`next` of the page before")
    explain: bool = Field(default=False, description="Whether each hit says why it was found")


class PriceView(Wire):
    """What a plan charges, in nano-units of its currency."""

    plan: str = Field(description="The plan's name")
    currency: Currency = Field(description="The currency of the amounts")
    monthly: Nanos = Field(description="The monthly fee, in nano-units")
    per_call: Nanos = Field(description="The price of a call, in nano-units")
    per_1k_input_tokens: Nanos = Field(description="The price of 1,000 input tokens, in nano-units")
    per_1k_output_tokens: Nanos = Field(description="The price of 1,000 output tokens, in nano-units")


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

    service_id: ServiceId
    name: str = Field(description="`vendor/name`")
    vendor: VendorSlug
    title: str = Field(description="The title, in a few words")
    summary: str = Field(description="What the service does, in one sentence")
    version: str = Field(description="The newest release, a SemVer version")
    protocol: str = Field(description="The protocol that it speaks")
    task: str = Field(description="What it is for")
    licence: str = Field(description="An SPDX expression, or `proprietary`")
    tags: list[str] = Field(description="Words to find it by")
    modalities: list[str] = Field(description="What it reads and writes, such as `text` or `tabular`")
    regions: list[str] = Field(description="Where it runs")
    context_window: int | None = Field(description="The most tokens of one call; null where it has no such limit")
    prices: list[PriceView] = Field(description="What each open plan charges")
    released_at: datetime = Field(description="When the newest release was made, UTC")
    score: float = Field(description="The weight of the hit; comparable within one answer only")
    snippet: SnippetView = Field(description="The passage that answers best")
    reasons: ReasonsView | None = Field(default=None, description="Why it was found; null unless `explain` asked")


class FacetValue(Wire):
    """A value, and how many of the listings that match have it."""

    value: str = Field(description="The value to filter by")
    count: int = Field(description="How many matching listings have it")


class SearchAnswer(Wire):
    """One page. Facets count all that match; a facet that is filtered by counts as if it were not."""

    items: list[SearchHit] = Field(description="The hits of this page, best first")
    total: int = Field(description="How many match; the first 200 can be paged through")
    next: str | None = Field(description="`cursor` of the next page; null on the last one")
    corrected: bool = Field(description="Whether misspelt words were read as their neighbours")
    facets: dict[str, list[FacetValue]] = Field(description="For each filter, the values that can be chosen")
    doubtful: bool = Field(
        default=False, description="Nothing fits well: no name, word or meaning speaks for what was found"
    )
