"""The control side of the gateway: snapshot, grants of keys, leases, usage in."""

from mercato.consumption.canaries import CanaryWatch, judge_canaries
from mercato.consumption.gates import Gates
from mercato.consumption.grants import Introspection
from mercato.consumption.health import Health, ServiceHealthBook
from mercato.consumption.lending import Lending, take_back_abandoned
from mercato.consumption.limits import Limits, plan_limits
from mercato.consumption.refusals import NotTheGateway, UsageEventMalformed
from mercato.consumption.snapshot import SnapshotHub
from mercato.consumption.take_usage import TakeUsage

__all__ = [
    "CanaryWatch",
    "Gates",
    "Health",
    "Introspection",
    "Lending",
    "Limits",
    "NotTheGateway",
    "ServiceHealthBook",
    "SnapshotHub",
    "TakeUsage",
    "UsageEventMalformed",
    "judge_canaries",
    "plan_limits",
    "take_back_abandoned",
]
