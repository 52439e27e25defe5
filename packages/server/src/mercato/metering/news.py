"""What metering tells."""

from dataclasses import dataclass
from typing import Literal

from mercato.platform import News


@dataclass(frozen=True, kw_only=True)
class BudgetChanged(News):
    """A budget was set, changed or dropped."""

    topic = "budget.changed"

    organisation_id: str
    """The organisation that the budget limits."""
    side: Literal["consumer", "vendor"] = "consumer"
    """Whether it limits what the organisation calls or what is called of its services."""


@dataclass(frozen=True, kw_only=True)
class UsageAnomalyFound(News):
    """An hour of usage was unusual for its consumer, its service or the marketplace."""

    topic = "usage.anomaly_found"

    anomaly_id: str
    """The unusual hour."""
    organisation_id: str
    """Whose consumer or service it is; empty for the marketplace."""


@dataclass(frozen=True, kw_only=True)
class UsageCalledNormal(News):
    """Somebody marked an unusual hour as normal: the same amount raises no alert again."""

    topic = "usage.called_normal"

    anomaly_id: str
    """The unusual hour."""
    organisation_id: str
    """Whose consumer or service it is; empty for the marketplace."""


@dataclass(frozen=True, kw_only=True)
class UsageRecorded(News):
    """Calls of a gateway's batch stand in the ledger. Written only where the marketplace has a bus."""

    topic = "usage.recorded"

    event_ids: list[str]
    """The usage events, in the order of their ids."""
