"""A loop's alarm clock: any process of the marketplace rings it, in the transaction that gives the loop work."""

import asyncio
import contextlib

from sqlalchemy import func, select

from mercato.platform.database import Session

_UNHEARD_SECONDS = 1.0


class Bell:
    """Wakes the loop that waits on `channel`. An `OutboxFeed` that was given the bell listens for it.

    The bell only shortens the wait: the loop still polls now and then, and every second while nobody listens.
    """

    def __init__(self, channel: str) -> None:
        self.channel = channel
        self.is_heard = False
        self._rung = asyncio.Event()

    async def ring_at_commit(self, session: Session) -> None:
        """Ring the bells of this channel in all processes, if and only if this transaction is committed."""
        await session.execute(select(func.pg_notify(self.channel, "")))

    def ring(self) -> None:
        """Wake the loop of this process."""
        self._rung.set()

    async def wait(self, seconds: float) -> None:
        """Wait until the bell rings, but no longer than given, and a second at most while nobody listens."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds if self.is_heard else min(seconds, _UNHEARD_SECONDS)):
                await self._rung.wait()
        self._rung.clear()
