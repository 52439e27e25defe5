"""The SQL of kill switches."""

from collections.abc import Sequence

from sqlalchemy import select

from mercato.platform import Question, Session
from mercato.signals.models import KillSwitch


class KillRows:
    """Rows of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def find(self, switch_id: str) -> KillSwitch | None:
        return await self._session.get(KillSwitch, switch_id)

    async def newest(self, *, thrown_only: bool) -> Sequence[KillSwitch]:
        """The newest 200, the newest first."""
        query = select(KillSwitch).order_by(KillSwitch.id.desc()).limit(200)
        if thrown_only:
            query = query.where(KillSwitch.lifted_at.is_(None))
        return (await self._session.scalars(query)).all()

    def thrown_question(self) -> Question[KillSwitch]:
        """The newest 200 that are not lifted, the newest first."""
        query = select(KillSwitch).where(KillSwitch.lifted_at.is_(None)).order_by(KillSwitch.id.desc()).limit(200)
        return Question(query, KillSwitch, lambda row: row.id, newest_first=True)

    async def thrown(self) -> Sequence[KillSwitch]:
        """All that are not lifted."""
        return (await self._session.scalars(select(KillSwitch).where(KillSwitch.lifted_at.is_(None)))).all()

    async def find_thrown(self, scope: str, target: str, origin: str) -> KillSwitch | None:
        """The active switch of these terms; there is at most one."""
        query = select(KillSwitch).where(
            KillSwitch.scope == scope,
            KillSwitch.target == target,
            KillSwitch.origin == origin,
            KillSwitch.lifted_at.is_(None),
        )
        return await self._session.scalar(query)

    async def add(self, row: KillSwitch) -> None:
        """Write it at once."""
        self._session.add(row)
        await self._session.flush()
