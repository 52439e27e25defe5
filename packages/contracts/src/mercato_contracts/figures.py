"""Figures of usage and money under `/api`: series, calls, statements, estimates. Money is in whole nano-units."""

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from mercato_contracts.fields import ConsumerId, CurrencyCode, ServiceId, VendorId
from mercato_contracts.metering import UsageSide
from mercato_contracts.wire import Wire

SeriesStep = Literal["15m", "hour", "day", "week", "month"]
SeriesGroup = Literal[
    "service", "release", "operation", "key", "subscription", "consumer", "vendor", "status", "protocol"
]
SeriesMetric = Literal[
    "calls", "billed", "failed", "tokens_in", "tokens_out", "tokens_cached", "bytes_in", "bytes_out", "duration_us",
    "included", "price_nanos", "unpaid_nanos", "adjusted_nanos", "charged_nanos", "error_rate_bp", "mean_us",
    "p50_us", "p95_us", "p99_us",
]  # fmt: skip


class SeriesLine(Wire):
    """One series: a figure for each step by metric, and for the whole period. `before` is of the period before.

    `keys` are the values of the groups in their order, `names` what people call them; both are empty in totals.
    """

    keys: list[str] = Field(description="The values of the groups, in the order of `group_by`; empty in totals")
    names: list[str] = Field(description="What people call those values; empty in totals")
    currency: CurrencyCode
    values: dict[str, list[int]] = Field(description="By metric, one figure for each step")
    total: dict[str, int] = Field(description="By metric, the figure of the whole period")
    before: dict[str, list[int]] | None = Field(
        description="By metric, one figure for each step of the period before; null unless asked for"
    )
    before_total: dict[str, int] | None = Field(
        description="By metric, the figure of the whole period before; null unless asked for"
    )


class SeriesForecast(Wire):
    """What the period comes to in one currency: what was used so far, and the range that the weeks before give.

    `method`: `same_weekdays` of up to four weeks before, `run_rate` where the usage is younger than a week, `none`
    where the period is over. `weeks` is how many were read. The figures are the sums behind the metrics asked for:
    `charged_nanos` is `price_nanos` and `adjusted_nanos`.
    """

    currency: CurrencyCode
    method: Literal["same_weekdays", "run_rate", "none"] = Field(description="How it was computed")
    weeks: int = Field(description="How many earlier weeks were read, 0 to 4")
    so_far: dict[str, int] = Field(description="By metric, what was used so far")
    expected: dict[str, int] = Field(description="By metric, what the whole period comes to")
    low: dict[str, int] = Field(description="By metric, the low end of the range")
    high: dict[str, int] = Field(description="By metric, the high end of the range")


class SeriesAnswer(Wire):
    """Figures over time. `steps` are the starts of the steps; the last one ends at `until`.

    `series` are the largest groups by the first metric, each in one currency; `groups` is how many there are, and
    `totals` hold those left out too. Averages and quantiles are of their own calls: they do not add up.
    """

    side: UsageSide = Field(description="From whose side it is counted")
    zone: str = Field(description="The IANA time zone of the steps")
    step: SeriesStep = Field(description="The length of a step")
    since: datetime = Field(description="The start of the period, inclusive")
    until: datetime = Field(description="The end of the period, exclusive")
    group_by: list[SeriesGroup] = Field(description="What the series are split by")
    metrics: list[SeriesMetric] = Field(description="The metrics that were asked for")
    steps: list[datetime] = Field(description="The starts of the steps")
    series: list[SeriesLine] = Field(description="The largest groups by the first metric, each in one currency")
    totals: list[SeriesLine] = Field(description="The figures of all groups, one line for each currency")
    groups: int = Field(description="How many groups there are")
    forecast: list[SeriesForecast] = Field(
        description="What the period comes to, one for each currency; empty unless asked for"
    )


class FiguresAgreement(Wire):
    """One day, UTC: calls that stand in the ledger and nano-units by currency, as the sums of usage, its events and the
    ledger's postings say. For an organisation these are its own; `differences` name what disagrees."""

    day: date = Field(description="The day, UTC")
    checked_at: datetime = Field(description="When it was last compared, UTC")
    agrees: bool = Field(description="Whether all three agree")
    event_calls: int | None = Field(
        description="Calls that the usage events count; null where that is not yours to see"
    )
    rollup_calls: int | None = Field(
        description="Calls that the sums of usage count; null where that is not yours to see"
    )
    posted_calls: int | None = Field(
        description="Calls that the ledger's postings count; null where that is not yours to see"
    )
    event_nanos: dict[str, int] | None = Field(description="The price of the usage events by currency, in nano-units")
    rollup_nanos: dict[str, int] | None = Field(description="The price in the sums of usage by currency, in nano-units")
    posted_nanos: dict[str, int] | None = Field(
        description="The amount of the ledger's postings by currency, in nano-units"
    )
    differences: list["FiguresDifference"] = Field(description="What disagrees; empty when all agree")


class FiguresDifference(Wire):
    """A consumer, vendor, service and currency on which the three disagree."""

    consumer_id: ConsumerId
    vendor_id: VendorId
    service_id: ServiceId
    currency: CurrencyCode
    event_calls: int = Field(description="Calls that the usage events count")
    rollup_calls: int = Field(description="Calls that the sums of usage count")
    posted_calls: int = Field(description="Calls that the ledger's postings count")
    event_nanos: int = Field(description="The price of the usage events, in nano-units")
    rollup_nanos: int = Field(description="The price in the sums of usage, in nano-units")
    posted_nanos: int = Field(description="The amount of the ledger's postings, in nano-units")


class FiguresAgreementPage(Wire):
    """The newest day first; ask on with `before` set to `next`."""

    items: list[FiguresAgreement] = Field(description="The days of this page, newest first")
    next: str | None = Field(description="Pass it as `before` for the next page; null on the last page")


class UsageAnomalyView(Wire):
    """An hour that was unusual for its `scope`, beside the same hour of the weeks before; `sentence` says why.

    `score_percent` is the distance from `usual` in hundredths of the usual scatter. `normal_since` is when somebody
    said that this is normal.
    """

    id: str = Field(description="The anomaly's id, `ano_…`")
    scope: Literal["consumer", "service", "market"] = Field(
        description="Whose usage: a consumer's, a service's or the whole marketplace's"
    )
    scope_id: str = Field(description="The id of the consumer or service; empty for the marketplace")
    name: str = Field(description="What people call it")
    hour: datetime = Field(description="The start of the hour, UTC")
    metric: Literal["calls", "failed", "tokens"] = Field(description="What was unusual")
    kind: Literal["more", "less"] = Field(description="Whether it was more or less than usual")
    value: int = Field(description="What the hour had")
    usual: int = Field(description="The median of the same hour of the weeks before")
    weeks: int = Field(description="How many earlier weeks were read")
    score_percent: int = Field(description="The distance from `usual` in hundredths of the usual scatter")
    sentence: str = Field(description="What is unusual, in one sentence")
    found_at: datetime = Field(description="When it was found, UTC")
    normal_since: datetime | None = Field(description="When somebody marked it as normal, UTC; null: nobody did")
    normal_by: str | None = Field(description="The id of that person; null: nobody did")


class UsageAnomalyPage(Wire):
    """The newest first; ask on with `before` set to `next`."""

    items: list[UsageAnomalyView] = Field(description="The anomalies of this page, newest first")
    next: str | None = Field(description="Pass it as `before` for the next page; null on the last page")
