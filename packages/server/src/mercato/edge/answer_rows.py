"""The SQL of answers that a repeated request gets again."""

from datetime import datetime

from sqlalchemy import delete, func, select

from mercato.edge.models import IdempotentAnswer
from mercato.platform import Session


class AnswerRows:
    """Rows of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def try_lock(self, number: int) -> bool:
        """Whether this transaction now holds the lock, which ends with it."""
        return bool(await self._session.scalar(select(func.pg_try_advisory_xact_lock(number))))

    async def find(self, name: str) -> IdempotentAnswer | None:
        return await self._session.get(IdempotentAnswer, name)

    def add(self, answer: IdempotentAnswer) -> None:
        self._session.add(answer)


async def forget_answers(session: Session, before: datetime) -> int:
    """Delete answers older than `before`: a key repeated later does its work anew. Returns how many."""
    gone = await session.execute(
        delete(IdempotentAnswer).where(IdempotentAnswer.at < before).returning(IdempotentAnswer.name)
    )
    return len(gone.all())
