"""The control side of the gateway: snapshot, grants of keys, leases, usage in.

* *Snapshot*: the services, releases, deployments and plans that gateways route by, pushed to them when it changes.
* *Grant*: what a gateway may know of a key: its scopes, limits and subscriptions.
* *Lease*: a slice of a limit that a gateway borrows, spends on its own and gives back.
* *Appraisal*: the check of a usage event against our own prices and leases.
* *Alert*: a promise of a service whose error budget burns too fast.
* *Review*: an operator's decision about a service whose counts were often implausible.
"""

from mercato.consumption.alerts import Alerts, WatchLevels
from mercato.consumption.canaries import CanaryWatch, judge_canaries
from mercato.consumption.disputes import DisputeReviews
from mercato.consumption.gates import Gates
from mercato.consumption.grants import Introspection
from mercato.consumption.health import Health, ServiceHealthBook
from mercato.consumption.health import whole as whole_health
from mercato.consumption.lending import Lending, take_back_abandoned
from mercato.consumption.levels import ServiceLevel, ServiceLevels
from mercato.consumption.limits import Limits, plan_limits
from mercato.consumption.measuring import MeasureServices
from mercato.consumption.models import DisputeReview, DoubtedCalls, ServiceAlert
from mercato.consumption.news import AlertOpened, AlertResolved, UsageReviewDecided, UsageReviewOpened
from mercato.consumption.refusals import NotTheGateway, UsageEventMalformed
from mercato.consumption.service_series import HealthStep, SeriesStep, ServiceSeries
from mercato.consumption.snapshot import SnapshotHub
from mercato.consumption.status import Entry, ServiceStatus, Status, StatusBoard
from mercato.consumption.take_usage import TakeUsage

__all__ = [
    "AlertOpened",
    "AlertResolved",
    "Alerts",
    "CanaryWatch",
    "DisputeReview",
    "DisputeReviews",
    "DoubtedCalls",
    "Entry",
    "Gates",
    "Health",
    "HealthStep",
    "Introspection",
    "Lending",
    "Limits",
    "MeasureServices",
    "NotTheGateway",
    "SeriesStep",
    "ServiceAlert",
    "ServiceHealthBook",
    "ServiceLevel",
    "ServiceLevels",
    "ServiceSeries",
    "ServiceStatus",
    "SnapshotHub",
    "Status",
    "StatusBoard",
    "TakeUsage",
    "UsageEventMalformed",
    "UsageReviewDecided",
    "UsageReviewOpened",
    "WatchLevels",
    "judge_canaries",
    "plan_limits",
    "take_back_abandoned",
    "whole_health",
]
