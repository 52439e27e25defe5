"""The control side of the gateway: snapshot, grants of keys, leases, usage in."""

from mercato.consumption.grants import Introspection, ProofGate
from mercato.consumption.lending import Lending
from mercato.consumption.limits import Limits, plan_limits
from mercato.consumption.refusals import NotTheGateway, UsageEventMalformed
from mercato.consumption.snapshot import SnapshotHub
from mercato.consumption.take_usage import TakeUsage

__all__ = [
    "Introspection",
    "Lending",
    "Limits",
    "NotTheGateway",
    "ProofGate",
    "SnapshotHub",
    "TakeUsage",
    "UsageEventMalformed",
    "plan_limits",
]
