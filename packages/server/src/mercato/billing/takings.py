"""What the marketplace itself earned: its share of everything that consumers were charged, by the ledger."""

from dataclasses import dataclass
from datetime import date

from mercato.billing.taking_rows import TakingRows
from mercato.platform import Session


@dataclass(frozen=True, slots=True)
class Taking:
    """One month, UTC, and currency: what consumers were charged, and the marketplace's share of it."""

    month: date
    currency: str
    charged_nanos: int
    taken_nanos: int


async def find_takings(session: Session, since: date) -> list[Taking]:
    """Of each month from that day on, the oldest first; adjustments stand in the month of the usage."""
    return [Taking(*row) for row in await TakingRows(session).by_month(since)]
