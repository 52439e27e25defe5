"""What discovery receives and answers under `/api/search`."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from mercato_contracts.manifest import Protocol, Tag, Task
from mercato_contracts.money import Currency
from mercato_contracts.wire import Nanos, Slug, Wire

Licence = Annotated[str, StringConstraints(min_length=2, max_length=64)]
Modality = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,16}$")]


class SearchRequest(Wire):
    """A search, as the query of an address. Values of one filter are alternatives; different filters must all hold."""

    q: str = Field(default="", max_length=500, description="Plain words; empty lists the newest first")
    protocol: list[Protocol] = Field(default=[], max_length=20)
    task: list[Task] = Field(default=[], max_length=20)
    modality: list[Modality] = Field(default=[], max_length=20)
    tag: list[Tag] = Field(default=[], max_length=20)
    licence: list[Licence] = Field(default=[], max_length=20)
    vendor: list[Slug] = Field(default=[], max_length=20)
    region: list[Tag] = Field(default=[], max_length=20)
    max_price_per_call: Nanos | None = Field(
        default=None,
        description="Nano-units that one more call may cost under the cheapest plan, the monthly fee apart; "
        "services priced by tokens only are left out",
    )
    currency: Currency = Field(default="USD", description="The currency of `max_price_per_call`")
    limit: int = Field(default=10, ge=1, le=50)
    cursor: str | None = Field(default=None, max_length=200, description="`next` of the page before")
    explain: bool = Field(default=False, description="Whether each hit says why it was found")


class PriceView(Wire):
    """What a plan charges, in nano-units of its currency."""

    plan: str
    currency: Currency
    monthly: Nanos
    per_call: Nanos
    per_1k_input_tokens: Nanos
    per_1k_output_tokens: Nanos


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
    context_window: int | None
    prices: list[PriceView]
    released_at: datetime
    score: float
    snippet: SnippetView
    reasons: ReasonsView | None = None


class FacetValue(Wire):
    """A value, and how many of the listings that match have it."""

    value: str
    count: int


class SearchAnswer(Wire):
    """One page. Facets count all that match; a facet that is filtered by counts as if it were not."""

    items: list[SearchHit]
    total: int = Field(description="How many match; the first 200 can be paged through")
    next: str | None = Field(description="`cursor` of the next page; null on the last one")
    corrected: bool = Field(description="Whether misspelt words were read as their neighbours")
    doubtful: bool = Field(
        default=False, description="Nothing fits well: no name, word or meaning speaks for what was found"
    )
    facets: dict[str, list[FacetValue]]
