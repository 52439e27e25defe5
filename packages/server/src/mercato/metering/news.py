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
