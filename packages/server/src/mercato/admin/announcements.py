"""Announcements to everybody, and maintenance, during which nobody but operators changes anything."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from mercato.admin.announcement_rows import AnnouncementRows
from mercato.admin.models import Announcement
from mercato.admin.news import AnnouncementChanged
from mercato.admin.refusals import AnnouncementNotFound, UnderMaintenance
from mercato.identity import Caller, Permission
from mercato.platform import Clock, Database, EphemeralSubscriber, Event, Ids, Malformed, Outbox, Question, Session
from mercato_contracts import ids as id_prefix

Kind = Literal["notice", "maintenance"]
_RETRY_SECONDS = 300


class Announcements:
    """Notices of the operator to everybody."""

    def __init__(self, session: Session, clock: Clock, ids: Ids, outbox: Outbox) -> None:
        self._session = session
        self._rows = AnnouncementRows(session)
        self._clock = clock
        self._ids = ids
        self._outbox = outbox

    async def current(self) -> list[Announcement]:
        """Those in force, for everybody; the newest first."""
        return await self._rows.in_force(self._clock.now())

    def question(self) -> Question[Announcement]:
        """Those in force or still to come, to be asked together with other things."""
        return self._rows.not_over_question(self._clock.now())

    async def list_all(self, caller: Caller, limit: int) -> list[Announcement]:
        """Those that are over or still to come too, for operators."""
        caller.require(Permission.MARKETPLACE_READ)
        return await self._rows.newest(limit)

    async def make(
        self, caller: Caller, *, kind: Kind, text: str, starts_at: datetime | None, ends_at: datetime | None
    ) -> Announcement:
        """In force from `starts_at`, now where there is none. Raises `Malformed` for a period that ends too early."""
        caller.require(Permission.MARKETPLACE_WRITE)
        now = self._clock.now()
        starts_at = starts_at or now
        if any(at is not None and at.tzinfo is None for at in (starts_at, ends_at)):
            raise Malformed("Times carry their offset, such as 2026-11-01T00:00:00Z.")
        if ends_at is not None and ends_at <= max(starts_at, now):
            raise Malformed("`ends_at` lies before the announcement begins, or in the past.")
        row = Announcement(
            id=self._ids.new(id_prefix.ANNOUNCEMENT), kind=kind, text=text, starts_at=starts_at, ends_at=ends_at,
            made_by=caller.actor, made_at=now,
        )  # fmt: skip
        self._rows.add(row)
        await self._tell(caller, row, "made")
        return row

    async def end(self, caller: Caller, announcement_id: str) -> Announcement:
        """Out of force from now on; ending it again changes nothing. Raises `AnnouncementNotFound`."""
        caller.require(Permission.MARKETPLACE_WRITE)
        row = await self._rows.lock(announcement_id)
        if row is None:
            raise AnnouncementNotFound(f"There is no announcement {announcement_id}.", announcement=announcement_id)
        now = self._clock.now()
        if row.ends_at is None or row.ends_at > now:
            # One that has not begun never does.
            row.starts_at, row.ends_at = min(row.starts_at, now), now
            await self._tell(caller, row, "ended")
        return row

    async def _tell(self, caller: Caller, row: Announcement, change: str) -> None:
        news = AnnouncementChanged(by=caller.actor, announcement_id=row.id, kind=row.kind, change=change)
        await self._outbox.add(self._session, news)


class NoticeBoard:
    """What is in force, as one process knows it: asked at every change, so it is kept in memory."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._known: list[Announcement] = []

    def subscriber(self) -> EphemeralSubscriber[AnnouncementChanged]:
        """Every process that serves requests has one; call `load` once its subscriber listens."""
        return EphemeralSubscriber("announcements", (AnnouncementChanged,), self._hear)

    async def load(self) -> None:
        """Read what is in force or still to come."""
        async with self._database.transaction() as session:
            self._known = await AnnouncementRows(session).not_over(self._clock.now())

    def current(self) -> list[Announcement]:
        """Those in force now; the newest first."""
        now = self._clock.now()
        return [row for row in self._known if row.starts_at <= now and (row.ends_at is None or now < row.ends_at)]

    def admit_change(self, caller: Caller | None) -> None:
        """Raises `UnderMaintenance` for everybody but operators while maintenance is in force."""
        found = next((row for row in self.current() if row.kind == "maintenance"), None)
        if found is None or (caller is not None and caller.is_operator):
            return
        wait = _RETRY_SECONDS
        if found.ends_at is not None:
            wait = max(1, int((found.ends_at - self._clock.now()).total_seconds()))
        raise UnderMaintenance(
            f"The marketplace is under maintenance and takes no changes: {found.text}", retry_after_seconds=wait
        )

    async def _hear(self, _: Sequence[Event[AnnouncementChanged]]) -> None:
        await self.load()
