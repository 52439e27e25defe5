"""How many requests a deployment may send: one bucket in the database, so that it holds over all replicas together.

The bucket is one time, when it will be full again (the generic cell rate algorithm): a request moves it on by its share
of the minute and is refused where that would be more than the whole minute away.
"""

import math
from dataclasses import dataclass
from datetime import timedelta

from mercato.identity.repository import IdentityRepository
from mercato.platform import Clock, Session

PER_MINUTE = 60
_WHOLE = timedelta(minutes=1)
_ONE = _WHOLE / PER_MINUTE


@dataclass(frozen=True, slots=True)
class Taken:
    """Whether the request may be answered; how many are left; seconds until the bucket is full, and until one is in it
    again (0 where one is)."""

    allowed: bool
    left: int
    full_in_seconds: int
    wait_seconds: int


class Allowances:
    """The buckets of all deployments."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._rows = IdentityRepository(session)
        self._clock = clock

    async def take(self, deployment_id: str) -> Taken:
        """One request of this deployment; a refused one takes nothing."""
        now = self._clock.now()
        full_at = await self._rows.take_allowance(deployment_id, now, one=_ONE, whole=_WHOLE)
        allowed = full_at is not None
        if full_at is None:
            full_at = await self._rows.find_allowance(deployment_id) or now + _WHOLE
        owed = max(timedelta(0), full_at - now)
        wait = owed + _ONE - _WHOLE
        return Taken(
            allowed=allowed,
            left=max(0, (_WHOLE - owed) // _ONE),
            full_in_seconds=math.ceil(owed.total_seconds()),
            wait_seconds=max(0, math.ceil(wait.total_seconds())),
        )
