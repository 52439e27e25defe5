"""The desk's record: what was decided, by whom and why, each line chained to the one before."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select

from mercato.platform import Clock, Session
from mercato.signals.models import DeskEvent
from mercato.signals.refusals import RecordDamaged

_LOCK = 4_017_202_613  # any number, the same in every process that writes
_BEGINNING = "0" * 64


class DeskRecord:
    """Appends and checks, within one transaction."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session = session
        self._clock = clock

    async def add(self, actor: str, what: str, subject: str, **facts: Any) -> DeskEvent:
        """A line, written if and only if this transaction is committed. One transaction at a time adds lines."""
        await self._session.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        last = await self._session.scalar(select(DeskEvent).order_by(DeskEvent.number.desc()).limit(1))
        line = DeskEvent(
            number=last.number + 1 if last else 0,
            at=self._clock.now().isoformat(),
            actor=actor,
            what=what,
            subject=subject,
            facts=json.dumps(facts, sort_keys=True),
            digest="",
        )
        line.digest = _digest(line, last.digest if last else _BEGINNING)
        self._session.add(line)
        await self._session.flush()
        return line

    async def read(self, subject: str | None, limit: int) -> Sequence[DeskEvent]:
        """The newest first."""
        query = select(DeskEvent).order_by(DeskEvent.number.desc()).limit(limit)
        return (
            await self._session.scalars(query if subject is None else query.where(DeskEvent.subject == subject))
        ).all()

    async def check(self) -> int:
        """Recompute the chain; returns how many lines hold. Raises `RecordDamaged`.

        A chain whose end was cut off still fits: keep the newest digest elsewhere to notice that.
        """
        before, number = _BEGINNING, 0
        for line in await self._session.scalars(select(DeskEvent).order_by(DeskEvent.number)):
            if line.number != number or _digest(line, before) != line.digest:
                raise RecordDamaged(f"Line {number} of the desk's record is not what was written.", line=number)
            before, number = line.digest, number + 1
        return number


def _digest(line: DeskEvent, before: str) -> str:
    told = json.dumps([before, line.number, line.at, line.actor, line.what, line.subject, line.facts])
    return hashlib.sha256(told.encode()).hexdigest()
