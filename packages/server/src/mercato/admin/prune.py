"""Old entries go in whole sealed segments. Their roots stay, so every later entry can still be proved."""

from datetime import datetime

from mercato.admin.audit_rows import AuditRows
from mercato.admin.news import AuditPruned
from mercato.platform import Clock, Outbox, Session
from mercato_contracts.audit import SEGMENT, SEGMENT_LEVEL
from mercato_contracts.merkle import Frontier


class AuditPruning:
    """Drops entries that are older than they are kept."""

    def __init__(self, session: Session, clock: Clock, outbox: Outbox) -> None:
        self._session = session
        self._rows = AuditRows(session)
        self._clock = clock
        self._outbox = outbox

    async def prune(self, before: datetime, *, by: str) -> int:
        """Drop the segments that were sealed whole before this time; how many entries. An entry says that it was done.

        Nothing is dropped whose root is not kept.
        """
        head = await self._rows.newest_head_before(before)
        first, _ = await self._rows.bounds()
        until = 0 if head is None else head.size // SEGMENT * SEGMENT
        roots = await self._rows.segments(until)
        until = min(until, len(roots) * SEGMENT)
        if until <= first:
            return 0
        frontier = Frontier()
        for root in roots[: until // SEGMENT]:
            frontier.add_subtree(SEGMENT_LEVEL, root)
        gone = await self._rows.prune(until)
        await self._outbox.add(self._session, AuditPruned(by=by, until=until, root=frontier.root().hex()))
        return gone
