"""The questions about announcements to the database."""

from datetime import datetime

from sqlalchemy import or_, select

from mercato.admin.models import Announcement
from mercato.platform import Question, Session, ask_together


class AnnouncementRows:
    """Rows of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, row: Announcement) -> None:
        """Write the row with this transaction."""
        self._session.add(row)

    async def lock(self, announcement_id: str) -> Announcement | None:
        return await self._session.get(Announcement, announcement_id, with_for_update=True)

    async def newest(self, limit: int) -> list[Announcement]:
        query = select(Announcement).order_by(Announcement.id.desc()).limit(limit)
        return list(await self._session.scalars(query))

    async def in_force(self, now: datetime) -> list[Announcement]:
        """The newest first."""
        return [row for row in await self.not_over(now) if row.starts_at <= now]

    async def not_over(self, now: datetime) -> list[Announcement]:
        """In force or still to come; the newest first, at most 20."""
        question = self.not_over_question(now)
        return (await ask_together(self._session, question)).of(question)

    def not_over_question(self, now: datetime) -> Question[Announcement]:
        """The same, to be asked together with other things."""
        still = or_(Announcement.ends_at.is_(None), Announcement.ends_at > now)
        query = select(Announcement).where(still).order_by(Announcement.id.desc()).limit(20)
        return Question(query, Announcement, lambda row: row.id, newest_first=True)
