"""Usage, quotas and budgets: what was used, and how much more may be.

* *Usage event*: one metered call, taken once by its id.
* *Scope*: what a limit counts, such as `key:key_…:requests:minute`.
* *Counter*: how much of a scope was used and is lent in one window.
* *Lease*: units of a scope lent to a gateway until it reports them or the lease ends.
* *Budget*: a cap that an organisation sets for itself or one of its keys.
* *Appraised*: a usage event with our own price and verdict beside the gateway's figures.
"""

from mercato.metering.buckets import MICRO, BucketTerms, refill
from mercato.metering.budgets import Budgets, BudgetState, BudgetUnit, BudgetWindow, SetBudgets
from mercato.metering.call_rows import EXPORTED, CallFilter, calls_of_ids
from mercato.metering.calls import Calls, CallsPage, Slice, export_lines
from mercato.metering.counters import Counters, Holder, Lent, Level, Want, slice_units
from mercato.metering.day_rows import DayRows
from mercato.metering.events import Appraised, Taken, call_time, event_time, is_event_id
from mercato.metering.gateways import GatewayNow, Gateways
from mercato.metering.history import MarketHistory, Used
from mercato.metering.intake import UsageIntake
from mercato.metering.key_use import KeyUse, use_of_keys
from mercato.metering.latency import BOUNDS_US, BUCKETS, bucket_of, quantile_us
from mercato.metering.market import DayUse, MarketUse, ServiceUse, Use
from mercato.metering.models import MeteredCall, UsageDispute
from mercato.metering.news import BudgetChanged, UsageAnomalyFound, UsageCalledNormal, UsageRecorded
from mercato.metering.partitions import Partitions
from mercato.metering.party_sums_rows import PartyKey, PartySums, Sums, summed_days
from mercato.metering.period import OddCounter, PeriodUsage, SumKey
from mercato.metering.reconcile import PeriodDigest, digest_period
from mercato.metering.refusals import CallNotFound, CursorForeign, ExportsBusy
from mercato.metering.repository import UsageSum
from mercato.metering.rollups import DaysAdjusted, Rollups, billed_sums, month_usage, remake_days
from mercato.metering.series import Line, Series, SeriesGroup, SeriesWanted, Summing, count_figures
from mercato.metering.unusual_models import UsageAnomaly
from mercato.metering.usage import Group, ReleaseCalls, Side, Usage, UsageSummary, calls_of_release, find_call
from mercato.metering.watch_usage import Anomalies, WatchUsage
from mercato.metering.window_check_rows import OddLevel, WindowCheck
from mercato.metering.windows import (
    EPOCH,
    bucket_us,
    lease_end,
    month_start,
    next_month,
    to_ms,
    window_end,
    window_start,
)

__all__ = [
    "BOUNDS_US",
    "BUCKETS",
    "EPOCH",
    "EXPORTED",
    "MICRO",
    "Anomalies",
    "Appraised",
    "BucketTerms",
    "BudgetChanged",
    "BudgetState",
    "BudgetUnit",
    "BudgetWindow",
    "Budgets",
    "CallFilter",
    "CallNotFound",
    "Calls",
    "CallsPage",
    "Counters",
    "CursorForeign",
    "DayRows",
    "DayUse",
    "DaysAdjusted",
    "ExportsBusy",
    "GatewayNow",
    "Gateways",
    "Group",
    "Holder",
    "KeyUse",
    "Lent",
    "Level",
    "Line",
    "MarketHistory",
    "MarketUse",
    "MeteredCall",
    "OddCounter",
    "OddLevel",
    "Partitions",
    "PartyKey",
    "PartySums",
    "PeriodDigest",
    "PeriodUsage",
    "ReleaseCalls",
    "Rollups",
    "Series",
    "SeriesGroup",
    "SeriesWanted",
    "ServiceUse",
    "SetBudgets",
    "Side",
    "Slice",
    "SumKey",
    "Summing",
    "Sums",
    "Taken",
    "Usage",
    "UsageAnomaly",
    "UsageAnomalyFound",
    "UsageCalledNormal",
    "UsageDispute",
    "UsageIntake",
    "UsageRecorded",
    "UsageSum",
    "UsageSummary",
    "Use",
    "Used",
    "Want",
    "WatchUsage",
    "WindowCheck",
    "billed_sums",
    "bucket_of",
    "bucket_us",
    "call_time",
    "calls_of_ids",
    "calls_of_release",
    "count_figures",
    "digest_period",
    "event_time",
    "export_lines",
    "find_call",
    "is_event_id",
    "lease_end",
    "month_start",
    "month_usage",
    "next_month",
    "quantile_us",
    "refill",
    "remake_days",
    "slice_units",
    "summed_days",
    "to_ms",
    "use_of_keys",
    "window_end",
    "window_start",
]
