"""Viewing as somebody else begins with its entry in the audit log, in the same transaction.

Every other entry is written from news by the worker, some seconds later. This one comes first: whoever reads private
data through a view finds its entry committed, even while no worker runs.
"""

import asyncio

from mercato.admin.record import AuditRecorder
from mercato.identity import Caller, ViewAsBegan, Views
from mercato.platform import Clock, Event, Ids, Outbox, Place, Session, current_request


async def begin_view(
    session: Session,
    clock: Clock,
    ids: Ids,
    outbox: Outbox,
    caller: Caller,
    *,
    user_id: str,
    organisation_id: str | None,
    reason: str,
) -> ViewAsBegan:
    """As `Views.begin`, with the entry."""
    began = await Views(session, clock, ids, outbox).begin(caller, user_id, organisation_id, reason)
    request = current_request()
    event = Event(Place(0, 0), began, clock.now(), None if request is None else request.context)
    # The worker's recorder skips this class of news, and wakes the one who seals.
    await AuditRecorder(clock, ids, asyncio.Event()).record(session, [event])
    return began
