"""What is told of listings beside a search: suggestions, what is similar, comparisons, vendors, figures, rankings."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from mercato_contracts.discovery import MeasuredView, PriceView
from mercato_contracts.publishing import PlanView
from mercato_contracts.wire import Count, Wire


class SuggestionView(Wire):
    """What somebody may mean who has typed a beginning."""

    kind: Literal["service", "vendor", "task", "tag"]
    text: str = Field(description="What to show")
    name: str = Field(description="`vendor/name` of a service, else the value to filter by")
    count: Count = Field(description="Calls of a service in 30 days, in two digits; services of a vendor, task or tag")


class SuggestAnswer(Wire):
    """Tasks, vendors and tags first, then services."""

    items: list[SuggestionView]


class ListingView(Wire):
    """A listing in short."""

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
    context_window: int | None
    prices: list[PriceView]
    measured: MeasuredView


class SimilarView(Wire):
    """A listing that is like the one asked about, and why."""

    listing: ListingView
    similarity: float | None = Field(description="Cosine of their meanings; null where one of them has no vector yet")
    because: str = Field(description="What they share, in words")


class SimilarAnswer(Wire):
    """The most similar first."""

    items: list[SimilarView]


class MeasuredExactly(Wire):
    """What 30 days of calls by others than its vendor say of a service; null: not known."""

    calls: Count
    consumers: Count
    failed: Count = Field(description="Calls that count against the vendor, its own among them")
    p50_us: int | None
    p95_us: int | None
    availability_bp: int | None
    sla_met: bool | None
    rating: float | None
    reviews: Count
    measured_at: datetime | None = Field(description="When these were counted; null where nobody called yet")


class ComparedService(Wire):
    """One column of a comparison."""

    listing: ListingView
    vendor_name: str
    vendor_verified: bool
    status: str
    inputs: list[str]
    outputs: list[str]
    modalities: list[str]
    regions: list[str]
    promised_availability_bp: int | None
    promised_p95_ms: int | None
    operations: Count
    released_at: datetime
    plans: list[PlanView]
    measured: MeasuredExactly


class ComparedNumber(Wire):
    """One line of a comparison: the number of each service in their order, and which of them are best."""

    name: str
    unit: Literal["nanos", "tokens", "us", "bp", "hundredths", "count"]
    better: Literal["lower", "higher"]
    values: list[int | None]
    best: list[int] = Field(description="Places of the best, from 0; empty where fewer than two are known")


class ComparisonAnswer(Wire):
    """Up to four services side by side, in the order asked. Prices are those of `currency`."""

    currency: Literal["USD", "EUR"]
    services: list[ComparedService]
    numbers: list[ComparedNumber]


class CategoryView(Wire):
    """A task, how many services do it, and those that are called most."""

    task: str
    title: str
    services: Count
    top: list[ListingView]


class CategoryList(Wire):
    """Every task with services, the largest first."""

    items: list[CategoryView]


class VendorView(Wire):
    """An organisation that lists services, as everybody sees it."""

    slug: str
    name: str
    verified: bool
    since: datetime
    services: Count
    tasks: list[str]
    calls: Count = Field(description="Answered calls of its services by others in 30 days")
    rating: float | None = Field(description="The mean of all reviews of its services")
    reviews: Count


class MeasuredStep(Wire):
    """Calls that began in one step; null where nothing was called."""

    start: datetime
    calls: Count
    failed: Count
    availability_bp: int | None
    p50_us: int | None
    p95_us: int | None


class MeasuredSeries(Wire):
    """How a service did, step by step, the oldest first, empty steps with them."""

    service: str
    step: Literal["hour", "day"]
    since: datetime
    until: datetime
    measured: MeasuredExactly
    steps: list[MeasuredStep]


RankingName = Literal["use", "growth", "rating", "speed", "availability"]


class RankedService(Wire):
    """A place in a ranking; equal values share the place."""

    place: int
    listing: ListingView
    value: int
    sample: Count = Field(description="On how many calls, callers or reviews this rests")


class RankingAnswer(Wire):
    """A ranking with what it counts and on how much it rests."""

    by: RankingName
    rule: str
    unit: str
    sample: str = Field(description="What was counted, and what was left out")
    items: list[RankedService]


class RecommendedView(Wire):
    """A service that may be wanted next, and why."""

    listing: ListingView
    ways: list[Literal["together", "like", "rising", "popular"]] = Field(
        description="Which ways found it, the strongest first: use by others, likeness, growth, use by many"
    )
    because: str = Field(description="Such as: used together with acme/embedder by 12 organisations")


class RecommendAnswer(Wire):
    """The best first."""

    items: list[RecommendedView]


class TrendingView(Wire):
    """A service that more organisations call of late than before."""

    listing: ListingView
    trend_millis: int = Field(description="Above the past, in thousandths of the spread that chance alone gives")
    consumers: Count = Field(description="Organisations that called in 30 days")


class TrendingAnswer(Wire):
    """What rises most, first."""

    items: list[TrendingView]
