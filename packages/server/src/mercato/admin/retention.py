"""How long rows are kept, what is due, and removing it. The data map says both; this does it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from mercato.admin.data_map import AUDIT_DAYS
from mercato.admin.prune import AuditPruning
from mercato.admin.retention_rows import RetentionRows
from mercato.identity import Caller, Permission
from mercato.platform import Clock, Described, Outbox, Session, described_tables

_AT_ONCE = 5_000
_BY = "retention"


@dataclass(frozen=True, slots=True)
class KeptRows:
    """One table: how long its rows are kept, and how many are past that; `None` where nobody counted."""

    table: str
    note: Described
    due: int | None


class Retention:
    """Rules and rows of one transaction."""

    def __init__(self, session: Session, clock: Clock, outbox: Outbox) -> None:
        self._session = session
        self._rows = RetentionRows(session, clock.now())
        self._clock = clock
        self._outbox = outbox

    async def rules(self, caller: Caller, *, count: bool) -> list[KeptRows]:
        """Every table; with `count` a dry run: how many rows would go now."""
        caller.require(Permission.MARKETPLACE_READ)
        found = []
        for table, note in described_tables():
            due = await self._rows.count(table, note.keep) if count and note.keep.days else None
            found.append(KeptRows(table.name, note, due))
        return found

    async def prune(self) -> int:
        """Remove rows past their time that no other chore removes, some thousand of each table; how many."""
        gone = 0
        for table, note in described_tables():
            if note.keep.days and not note.keep.chore:
                gone += await self._rows.prune(table, note.keep, _AT_ONCE)
        return gone

    async def prune_audit(self) -> int:
        """Drop whole sealed segments of the audit log; their roots stay, so every later entry can still be proved."""
        before = self._clock.now() - timedelta(days=AUDIT_DAYS)
        return await AuditPruning(self._session, self._clock, self._outbox).prune(before, by=_BY)


def chores_of_the_map() -> Iterator[str]:
    """Chores that the data map counts on."""
    yield from sorted({note.keep.chore for _, note in described_tables() if note.keep.chore})
