"""Changes as they happen, for those who listen: one reader of the outbox, a bounded queue for each listener."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mercato.identity import Caller, Permission
from mercato.platform import Database, EphemeralSubscriber, Event, News, Refusal, Session
from mercato.publishing import (
    ApprovalDecided,
    Catalogue,
    Oversight,
    ServiceChanged,
    ServiceReleased,
    ServiceWithdrawn,
    SubmissionReceived,
)

KINDS: tuple[type[News], ...] = (
    SubmissionReceived, ApprovalDecided, ServiceReleased, ServiceChanged, ServiceWithdrawn,
)  # fmt: skip
TOPICS = tuple(kind.topic for kind in KINDS)
_PUBLIC = frozenset({ServiceReleased.topic, ServiceChanged.topic, ServiceWithdrawn.topic})
_MOST_LISTENERS = 500
_MOST_OF_ONE = 20
_MOST_WAITING = 100
_NOBODY = ""


class TooManyLive(Refusal):
    """All places of those who listen are taken."""

    code = "too_many_live"
    status = 503
    title = "Too many clients are listening"
    fix = "Try again later, or close other connections of yours."


@dataclass(frozen=True, slots=True)
class Happened:
    """A change, and whose it is."""

    topic: str
    at: datetime
    by: str
    vendor_id: str
    name: str
    service_id: str | None
    submission_id: str | None
    seen_by: tuple[str, ...] = ()
    """Slugs of the organisations that see a private service; empty: everybody does."""

    def is_for(self, caller: Caller) -> bool:
        """What the catalogue shows is for everybody; what is before that for its vendor and operators."""
        own = self.vendor_id == caller.organisation_id and caller.may(Permission.SERVICES_READ)
        seen = self.topic in _PUBLIC and (not self.seen_by or caller.organisation_slug in self.seen_by)
        return seen or own or caller.may(Permission.MARKETPLACE_READ)


class LiveChanges:
    """Hands on what happens in the marketplace. Whoever takes too slowly is let go, and asks anew."""

    def __init__(self, database: Database) -> None:
        self.look_seconds = 60.0
        """Between two looks at whether a listener's session still counts."""
        self._database = database
        self._listeners: dict[asyncio.Queue[Happened | None], str] = {}

    def subscriber(self) -> EphemeralSubscriber[Any]:
        """To be run by the process's `OutboxFeed`."""
        return EphemeralSubscriber("live changes", KINDS, self._hear)

    def close(self) -> None:
        """Everybody's stream ends."""
        for queue in self._listeners:
            _end(queue)

    @contextmanager
    def listening(self, actor: str) -> Iterator[asyncio.Queue[Happened | None]]:
        """A queue of what happens from now on; `None` ends it. Raises `TooManyLive`."""
        if len(self._listeners) >= _MOST_LISTENERS or list(self._listeners.values()).count(actor) >= _MOST_OF_ONE:
            raise TooManyLive("Too many clients listen to changes at once.")
        queue: asyncio.Queue[Happened | None] = asyncio.Queue(_MOST_WAITING)
        self._listeners[queue] = actor
        try:
            yield queue
        finally:
            self._listeners.pop(queue, None)

    async def _hear(self, events: Sequence[Event[News]]) -> None:
        if not self._listeners:
            return
        async with self._database.transaction() as session:
            found = [change async for change in _changes(session, events)]
        for change in found:
            for queue in list(self._listeners):
                if queue.qsize() >= _MOST_WAITING - 1:
                    _end(queue)
                else:
                    queue.put_nowait(change)


def _end(queue: asyncio.Queue[Happened | None]) -> None:
    while queue.full():
        queue.get_nowait()
    queue.put_nowait(None)


async def _changes(session: Session, events: Sequence[Event[News]]) -> AsyncIterator[Happened]:
    """What happened, with names: two questions for all."""
    news = [event.news for event in events]
    listed = {one.service_id for one in news if isinstance(one, ServiceReleased | ServiceChanged | ServiceWithdrawn)}
    services = {row.id: row for row in await Catalogue(session).find_services(listed)}
    ids = {one.submission_id for one in news if isinstance(one, SubmissionReceived | ApprovalDecided)}
    submissions = await Oversight(session).submissions_named(ids)
    for event in events:
        one = event.news
        if isinstance(one, SubmissionReceived | ApprovalDecided):
            submission = submissions.get(one.submission_id)
            if submission is not None:
                name = f"{submission.service_name} {submission.version}"
                yield Happened(one.topic, event.at, one.by, submission.vendor_id, name, None, submission.id)
        elif isinstance(one, ServiceReleased | ServiceChanged | ServiceWithdrawn) and one.service_id in services:
            service = services[one.service_id]
            # Of a private one its vendor, who hears of what is its own anyway, and those it is granted to.
            seen_by = () if service.visibility == "public" else (_NOBODY, *service.visible_to)
            yield Happened(one.topic, event.at, one.by, service.vendor_id, service.name, service.id, None, seen_by)
