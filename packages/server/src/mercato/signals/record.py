"""The desk's record: decisions with actor and reason, each line chained to the one before, sealed hourly."""

import json
from collections.abc import Awaitable, Sequence
from typing import Any, TypeVar

from mercato.identity import keyring_of
from mercato.platform import Chain, ChainDamaged, ChainTables, Clock, HeadKey, LinkedDigests, Session
from mercato.signals.heads import view_record_head
from mercato.signals.models import DeskEvent, DeskRecordHead
from mercato.signals.record_rows import RecordRows
from mercato.signals.refusals import RecordDamaged
from mercato_contracts.record import BEGINNING, RecordHead, chain_line, record_head_bytes, write_facts

_TABLES = ChainTables(
    place=DeskEvent.number,
    digest=DeskEvent.digest,
    at=DeskEvent.at,
    heads=DeskRecordHead,
    lock=4_017_202_613,
    statement=record_head_bytes,
)

_Result = TypeVar("_Result")


class DeskRecord:
    """Appends, seals and checks, within one transaction."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session = session
        self._rows = RecordRows(session)
        self._clock = clock
        self._chain = Chain(session, clock, _TABLES, LinkedDigests(session, _TABLES))

    async def lock(self) -> None:
        """Until this transaction ends, no other one adds a line.

        Code that adds lines and locks other rows takes this lock first: always in this order, to avoid a deadlock.
        """
        await self._chain.lock()

    async def add(self, actor: str, what: str, subject: str, **facts: Any) -> DeskEvent:
        """Add a line, written if and only if this transaction commits. Only one transaction at a time adds lines."""
        last = await self._chain.begin_append()
        line = DeskEvent(
            number=last.place + 1 if last else 0,
            at=self._clock.now().isoformat(),
            actor=actor,
            what=what,
            subject=subject,
            facts=write_facts(facts),
            digest="",
        )
        line.digest = _digest(line, last.digest if last else BEGINNING)
        await self._rows.add(line)
        return line

    async def read(self, subject: str | None, limit: int, before: int | None = None) -> Sequence[DeskEvent]:
        """The newest first; `before` a line's number."""
        return await self._rows.newest(subject, limit, before)

    async def reasons(self, lines: Sequence[DeskEvent]) -> list[str]:
        """The reasons of these lines; empty if the author was erased."""
        found = [json.loads(line.facts).get("reason", "") for line in lines]
        ring = await keyring_of(self._session, [each for each in found if isinstance(each, dict)])
        return [(ring.open(each) or b"").decode() if isinstance(each, dict) else each for each in found]

    async def seal(self, key: HeadKey, *, at_once: bool = False) -> RecordHead | None:
        """A new signed head if an hour has passed since the last one and lines were added; otherwise `None`.

        Raises `RecordDamaged` if the lines that the last head covers have changed.
        """
        head = await _undamaged(self._chain.seal(key, at_once=at_once))
        return view_record_head(head) if head else None

    async def heads(self, limit: int) -> list[RecordHead]:
        """The newest first."""
        return [view_record_head(head) for head in await self._chain.heads(limit)]

    async def check(self, key: HeadKey) -> int:
        """Recompute the chain and compare it with the signed heads; returns how many lines hold.

        Raises `RecordDamaged`. Finds altered, inserted and removed lines, and a sealed end that was cut off. If
        somebody also removes heads, a head kept elsewhere reveals it (`mp record verify --head`).
        """
        digests: list[str] = []
        before = BEGINNING
        async for line in self._rows.all_lines():
            number = len(digests)
            if line.number != number or _digest(line, before) != line.digest:
                raise RecordDamaged(f"Line {number} of the desk's record is not what was written.", line=number)
            digests.append(line.digest)
            before = line.digest
        await _undamaged(self._chain.check_heads(digests, key))
        return len(digests)


def _digest(line: DeskEvent, before: str) -> str:
    return chain_line(
        before, number=line.number, at=line.at, actor=line.actor, what=line.what, subject=line.subject, facts=line.facts
    )


async def _undamaged(work: Awaitable[_Result]) -> _Result:
    try:
        return await work
    except ChainDamaged as damage:
        raise RecordDamaged(str(damage), size=damage.size) from None
