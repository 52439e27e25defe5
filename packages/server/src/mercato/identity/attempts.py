"""Failed attempts on an account, counted over all addresses and replicas together.

The first ten of a day cost no time. After each further one the account takes no attempt for a while, twice as long
each time, a quarter of an hour at most; an attempt meanwhile is refused unseen and changes nothing. Sessions go on, and
a device that signed in before has a count of its own (`known_devices.py`), so nobody can lock an owner out for good.
"""

import hashlib
import math
from datetime import timedelta

from mercato.identity.refusals import TooManyAttempts
from mercato.identity.repository import IdentityRepository
from mercato.platform import Clock, Session

FREE = 10
LONGEST_WAIT = timedelta(minutes=15)
FORGOTTEN_AFTER = timedelta(days=1)


class Attempts:
    """The counts of one transaction. A `subject` is what is attacked, such as `account:a@example.org`."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._rows = IdentityRepository(session)
        self._clock = clock

    async def check(self, subject: str) -> None:
        """Raises `TooManyAttempts` while the subject takes none."""
        blocked_until = await self._rows.find_blocked_until(_name(subject))
        left = (blocked_until - self._clock.now()).total_seconds() if blocked_until is not None else 0
        if left > 0:
            raise TooManyAttempts(math.ceil(left))

    async def failed(self, subject: str) -> None:
        """Count one more."""
        await self._rows.count_failure(
            _name(subject), self._clock.now(), free=FREE, longest=LONGEST_WAIT, forgotten=FORGOTTEN_AFTER
        )

    async def succeeded(self, subject: str) -> None:
        """Start again from nothing."""
        await self._rows.forget_failures(name=_name(subject))

    async def forget(self) -> int:
        """Delete what no longer counts; how many."""
        return await self._rows.forget_failures(before=self._clock.now() - FORGOTTEN_AFTER)


def _name(subject: str) -> str:
    # A digest: what strangers typed in is nothing to keep.
    return hashlib.sha256(subject.encode()).hexdigest()
