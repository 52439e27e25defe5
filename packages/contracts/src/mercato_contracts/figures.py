"""Figures of usage and money under `/api`: series, calls, statements, estimates. Money is in whole nano-units."""

from datetime import date, datetime
from typing import Literal

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

    keys: list[str]
    names: list[str]
    currency: str
    values: dict[str, list[int]]
    total: dict[str, int]
    before: dict[str, list[int]] | None
    before_total: dict[str, int] | None


class SeriesForecast(Wire):
    """What the period comes to in one currency: what was used so far, and the range that the weeks before give.

    `method`: `same_weekdays` of up to four weeks before, `run_rate` where the usage is younger than a week, `none`
    where the period is over. `weeks` is how many were read. The figures are the sums behind the metrics asked for:
    `charged_nanos` is `price_nanos` and `adjusted_nanos`.
    """

    currency: str
    method: Literal["same_weekdays", "run_rate", "none"]
    weeks: int
    so_far: dict[str, int]
    expected: dict[str, int]
    low: dict[str, int]
    high: dict[str, int]


class SeriesAnswer(Wire):
    """Figures over time. `steps` are the starts of the steps; the last one ends at `until`.

    `series` are the largest groups by the first metric, each in one currency; `groups` is how many there are, and
    `totals` hold those left out too. Averages and quantiles are of their own calls: they do not add up.
    """

    side: UsageSide
    zone: str
    step: SeriesStep
    since: datetime
    until: datetime
    group_by: list[SeriesGroup]
    metrics: list[SeriesMetric]
    steps: list[datetime]
    series: list[SeriesLine]
    totals: list[SeriesLine]
    groups: int
    forecast: list[SeriesForecast]


class FiguresAgreement(Wire):
    """One day, UTC: calls that stand in the ledger and nano-units by currency, as the sums of usage, its events and the
    ledger's postings say. For an organisation these are its own; `differences` name what disagrees."""

    day: date
    checked_at: datetime
    agrees: bool
    event_calls: int | None
    rollup_calls: int | None
    posted_calls: int | None
    event_nanos: dict[str, int] | None
    rollup_nanos: dict[str, int] | None
    posted_nanos: dict[str, int] | None
    differences: list["FiguresDifference"]


class FiguresDifference(Wire):
    """A consumer, vendor, service and currency on which the three disagree."""

    consumer_id: str
    vendor_id: str
    service_id: str
    currency: str
    event_calls: int
    rollup_calls: int
    posted_calls: int
    event_nanos: int
    rollup_nanos: int
    posted_nanos: int


class FiguresAgreementPage(Wire):
    """The newest day first; ask on with `before` set to `next`."""

    items: list[FiguresAgreement]
    next: str | None


class UsageAnomalyView(Wire):
    """An hour that was unusual for its `scope`, beside the same hour of the weeks before; `sentence` says why.

    `score_percent` is the distance from `usual` in hundredths of the usual scatter. `normal_since` is when somebody
    said that this is normal.
    """

    id: str
    scope: Literal["consumer", "service", "market"]
    scope_id: str
    name: str
    hour: datetime
    metric: Literal["calls", "failed", "tokens"]
    kind: Literal["more", "less"]
    value: int
    usual: int
    weeks: int
    score_percent: int
    sentence: str
    found_at: datetime
    normal_since: datetime | None
    normal_by: str | None


class UsageAnomalyPage(Wire):
    """The newest first; ask on with `before` set to `next`."""

    items: list[UsageAnomalyView]
    next: str | None
