"""The desk's record: what was decided, by whom and why, each line chained to the one before; sealed each hour."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select

from mercato.platform import Clock, Session
from mercato.signals.log import SEAL_EVERY, LogKey
from mercato.signals.models import DeskEvent, DeskRecordHead
from mercato.signals.refusals import RecordDamaged
from mercato_contracts.record import BEGINNING, RecordHead, chain_line, write_facts

_LOCK = 4_017_202_613  # any number, the same in every process that writes


class DeskRecord:
    """Appends, seals and checks, within one transaction."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session = session
        self._clock = clock

    async def lock(self) -> None:
        """Until this transaction ends nobody else adds a line.

        Whoever adds lines and locks other rows as well takes this lock first: in one order, so that nobody waits for
        who waits for him.
        """
        await self._session.execute(select(func.pg_advisory_xact_lock(_LOCK)))

    async def add(self, actor: str, what: str, subject: str, **facts: Any) -> DeskEvent:
        """A line, written if and only if this transaction is committed. One transaction at a time adds lines."""
        await self.lock()
        last = await self._newest()
        line = DeskEvent(
            number=last.number + 1 if last else 0,
            at=self._clock.now().isoformat(),
            actor=actor,
            what=what,
            subject=subject,
            facts=write_facts(facts),
            digest="",
        )
        line.digest = _digest(line, last.digest if last else BEGINNING)
        self._session.add(line)
        await self._session.flush()
        return line

    async def read(self, subject: str | None, limit: int, before: int | None = None) -> Sequence[DeskEvent]:
        """The newest first; `before` a line's number."""
        query = select(DeskEvent).order_by(DeskEvent.number.desc()).limit(limit)
        if subject is not None:
            query = query.where(DeskEvent.subject == subject)
        if before is not None:
            query = query.where(DeskEvent.number < before)
        return (await self._session.scalars(query)).all()

    async def seal(self, key: LogKey, *, at_once: bool = False) -> RecordHead | None:
        """A new signed head when an hour has passed since the last and lines came; else nothing."""
        await self.lock()
        last = await self._session.scalar(select(DeskRecordHead).order_by(DeskRecordHead.size.desc()).limit(1))
        newest, now = await self._newest(), self._clock.now()
        if newest is None or (
            last is not None and (last.size > newest.number or not (at_once or now >= last.sealed_at + SEAL_EVERY))
        ):
            return None
        head = key.sign_record(newest.number + 1, newest.digest, now)
        self._session.add(DeskRecordHead(**head.model_dump(), sealed_at=now))
        return head

    async def heads(self, limit: int) -> list[RecordHead]:
        """The newest first."""
        rows = await self._session.scalars(select(DeskRecordHead).order_by(DeskRecordHead.size.desc()).limit(limit))
        return [_view_head(row) for row in rows]

    async def check(self, key: LogKey) -> int:
        """Recompute the chain and hold it against what was sealed; returns how many lines hold. Raises `RecordDamaged`.

        Finds an altered line, one added in between, one taken out, and an end that was cut off after it was sealed.
        Who can also take heads away is found out by a head that somebody else kept (`mp record verify --head`).
        """
        digests = [BEGINNING]
        for line in await self._session.scalars(select(DeskEvent).order_by(DeskEvent.number)):
            number = len(digests) - 1
            if line.number != number or _digest(line, digests[-1]) != line.digest:
                raise RecordDamaged(f"Line {number} of the desk's record is not what was written.", line=number)
            digests.append(line.digest)
        for head in await self._session.scalars(select(DeskRecordHead).order_by(DeskRecordHead.size)):
            if head.size >= len(digests) or digests[head.size] != head.digest or not key.has_signed(_view_head(head)):
                raise RecordDamaged(f"The record is not what was sealed at {head.at}.", size=head.size)
        return len(digests) - 1

    async def _newest(self) -> DeskEvent | None:
        return await self._session.scalar(select(DeskEvent).order_by(DeskEvent.number.desc()).limit(1))


def _digest(line: DeskEvent, before: str) -> str:
    return chain_line(
        before, number=line.number, at=line.at, actor=line.actor, what=line.what, subject=line.subject, facts=line.facts
    )


def _view_head(row: DeskRecordHead) -> RecordHead:
    return RecordHead(size=row.size, digest=row.digest, at=row.at, key=row.key, signature=row.signature)
