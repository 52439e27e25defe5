"""How services came into the marketplace: first submitted, first released."""

from dataclasses import dataclass
from datetime import datetime

from mercato.platform import Session
from mercato.publishing.beginning_rows import BeginningRows


@dataclass(frozen=True, slots=True)
class Beginning:
    """A service's first submission and first release; without a release it has no id yet."""

    vendor_id: str
    name: str
    service_id: str | None
    submitted_at: datetime
    released_at: datetime | None


async def find_beginnings(session: Session, since: datetime) -> list[Beginning]:
    """Of services that were submitted first since then, the oldest first."""
    return [Beginning(*row) for row in await BeginningRows(session).since(since)]
