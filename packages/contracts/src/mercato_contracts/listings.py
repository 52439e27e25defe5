"""Listings beside search results: suggestions, what is similar, comparisons, vendors, figures, rankings."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from mercato_contracts.discovery import MeasuredView, PriceView
from mercato_contracts.publishing import PlanView
from mercato_contracts.wire import Count, Wire


class SuggestionView(Wire):
    """What somebody may mean who has typed a beginning."""

    kind: Literal["service", "vendor", "task", "tag"] = Field(description="What it is")
    text: str = Field(description="What to show")
    name: str = Field(description="`vendor/name` of a service, else the value to filter by")
    count: Count = Field(description="Calls of a service in 30 days, in two digits; services of a vendor, task or tag")


class SuggestAnswer(Wire):
    """Tasks, vendors and tags first, then services."""

    items: list[SuggestionView] = Field(description="The rows, in order")


class ListingView(Wire):
    """A listing in short."""

    service_id: str = Field(description="The service's id")
    name: str = Field(description="`vendor/name`")
    vendor: str = Field(description="The vendor's name in addresses")
    title: str = Field(description="The title, in a few words")
    summary: str = Field(description="What the service does, in one sentence")
    version: str = Field(description="The newest release, a SemVer version")
    protocol: str = Field(description="The protocol that it speaks")
    task: str = Field(description="What it is for")
    licence: str = Field(description="An SPDX expression, or `proprietary`")
    tags: list[str] = Field(description="Words to find it by")
    context_window: int | None = Field(description="The most tokens of one call; null where it has no such limit")
    prices: list[PriceView] = Field(description="What each open plan charges")
    measured: MeasuredView = Field(description="What was measured of it")
    private: bool = Field(default=False, description="Whether only some organisations see it, yours among them")


class SimilarView(Wire):
    """A listing that is like the one asked about, and why."""

    listing: ListingView = Field(description="The listing in short")
    similarity: float | None = Field(description="Cosine of their meanings; null where one of them has no vector yet")
    because: str = Field(description="What they share, in words")


class SimilarAnswer(Wire):
    """The most similar first."""

    items: list[SimilarView] = Field(description="The rows, in order")


class MeasuredExactly(Wire):
    """What 30 days of calls by others than its vendor say of a service; null: not known."""

    calls: Count = Field(description="Answered calls by others than the vendor")
    consumers: Count = Field(description="Organisations that called")
    failed: Count = Field(description="Calls that count against the vendor, its own among them")
    p50_us: int | None = Field(description="The time that half of the answers kept, in microseconds")
    p95_us: int | None = Field(description="The time that 95 of 100 answers kept, in microseconds")
    availability_bp: int | None = Field(description="Calls that did not fail by the vendor's fault, in ten thousandths")
    sla_met: bool | None = Field(description="Whether it keeps what its vendor promises")
    rating: float | None = Field(description="The mean of its reviews, 1 to 5")
    reviews: Count = Field(description="How many reviews count")
    measured_at: datetime | None = Field(description="When these were counted; null where nobody called yet")


class ComparedService(Wire):
    """One column of a comparison."""

    listing: ListingView = Field(description="The listing in short")
    vendor_name: str = Field(description="The vendor's name")
    vendor_verified: bool = Field(description="Whether an operator verified the vendor")
    status: str = Field(description="The state of the newest release")
    inputs: list[str] = Field(description="What goes in")
    outputs: list[str] = Field(description="What comes out")
    modalities: list[str] = Field(description="What it reads and writes")
    regions: list[str] = Field(description="Where it runs")
    promised_availability_bp: int | None = Field(
        description="What the vendor promises, in ten thousandths; null: nothing"
    )
    promised_p95_ms: int | None = Field(description="What the vendor promises, in milliseconds; null: nothing")
    operations: Count = Field(description="How many operations the newest release has")
    released_at: datetime = Field(description="When the newest release was made, UTC")
    plans: list[PlanView] = Field(description="The open plans")
    measured: MeasuredExactly = Field(description="What was measured of it")


class ComparedNumber(Wire):
    """One line of a comparison: the number of each service in their order, and which of them are best."""

    name: str = Field(description="What the number is")
    unit: Literal["nanos", "tokens", "us", "bp", "hundredths", "count"] = Field(description="The unit of the values")
    better: Literal["lower", "higher"] = Field(description="Which end is better")
    values: list[int | None] = Field(description="The number of each service; null: not known")
    best: list[int] = Field(description="Places of the best, from 0; empty where fewer than two are known")


class ComparisonAnswer(Wire):
    """Up to four services side by side, in the order asked. Prices are those of `currency`."""

    currency: Literal["USD", "EUR"] = Field(description="The currency of the prices")
    services: list[ComparedService] = Field(description="The services; how many, or each in the order asked")
    numbers: list[ComparedNumber] = Field(description="The numbers, by name")


class CategoryView(Wire):
    """A task, how many services do it, and those that are called most."""

    task: str = Field(description="What it is for")
    title: str = Field(description="The title, in a few words")
    services: Count = Field(description="The services; how many, or each in the order asked")
    top: list[ListingView] = Field(description="Those that are called most")


class CategoryList(Wire):
    """Every task with services, the largest first."""

    items: list[CategoryView] = Field(description="The rows, in order")


class VendorView(Wire):
    """An organisation that lists services, as everybody sees it."""

    slug: str = Field(description="The name in addresses")
    name: str = Field(description="What the number is")
    verified: bool = Field(description="Whether an operator verified the vendor")
    since: datetime = Field(description="The first moment, UTC")
    services: Count = Field(description="The services; how many, or each in the order asked")
    tasks: list[str] = Field(description="What its services do")
    calls: Count = Field(description="Answered calls of its services by others in 30 days")
    rating: float | None = Field(description="The mean of all reviews of its services")
    reviews: Count = Field(description="How many reviews count")


class MeasuredStep(Wire):
    """Calls that began in one step; null where nothing was called."""

    start: datetime = Field(description="When the step begins, UTC")
    calls: Count = Field(description="Answered calls by others than the vendor")
    failed: Count = Field(description="Calls that failed by the vendor's fault")
    availability_bp: int | None = Field(description="Calls that did not fail by the vendor's fault, in ten thousandths")
    p50_us: int | None = Field(description="The time that half of the answers kept, in microseconds")
    p95_us: int | None = Field(description="The time that 95 of 100 answers kept, in microseconds")


class MeasuredSeries(Wire):
    """How a service did, step by step, the oldest first, empty steps with them."""

    service: str = Field(description="`vendor/name`")
    step: Literal["hour", "day"] = Field(description="How long each step is")
    since: datetime = Field(description="The first moment, UTC")
    until: datetime = Field(description="Before this moment, UTC")
    measured: MeasuredExactly = Field(description="What was measured of it")
    steps: list[MeasuredStep] = Field(description="The steps, in order")


RankingName = Literal["use", "growth", "rating", "speed", "availability"]


class RankedService(Wire):
    """A place in a ranking; equal values share the place."""

    place: int = Field(description="The place, from 1")
    listing: ListingView = Field(description="The listing in short")
    value: int = Field(description="The number that it is ranked by")
    sample: Count = Field(description="On how many calls, callers or reviews this rests")


class RankingAnswer(Wire):
    """A ranking with what it counts and on how much it rests."""

    by: RankingName = Field(description="What the ranking is by")
    rule: str = Field(description="How it is counted")
    unit: str = Field(description="The unit of the values")
    sample: str = Field(description="What was counted, and what was left out")
    items: list[RankedService] = Field(description="The rows, in order")


class RecommendedView(Wire):
    """A service that may be wanted next, and why."""

    listing: ListingView = Field(description="The listing in short")
    ways: list[Literal["together", "like", "rising", "popular"]] = Field(
        description="Which ways found it, the strongest first: use by others, likeness, growth, use by many"
    )
    because: str = Field(description="Such as: used together with acme/embedder by 12 organisations")


class RecommendAnswer(Wire):
    """The best first."""

    items: list[RecommendedView] = Field(description="The rows, in order")


class TrendingView(Wire):
    """A service that more organisations call of late than before."""

    listing: ListingView = Field(description="The listing in short")
    trend_millis: int = Field(description="Above the past, in thousandths of the spread that chance alone gives")
    consumers: Count = Field(description="Organisations that called in 30 days")


class TrendingAnswer(Wire):
    """What rises most, first."""

    items: list[TrendingView] = Field(description="The rows, in order")
