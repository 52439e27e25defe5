"""Usage comes in: each id is taken once, whatever is sent twice, and by however many connections at once."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

from mercato.metering.events import Appraised, Taken, event_time
from mercato.metering.news import UsageRecorded
from mercato.metering.partitions import make_partitions
from mercato.metering.repository import UsageRepository
from mercato.platform import Clock, Outbox, Session

_OLDEST = timedelta(days=400)
_NEWEST = timedelta(days=2)


class UsageIntake:
    """Writes events and disputes, in the caller's transaction."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session = session
        self._rows = UsageRepository(session)
        self._clock = clock

    async def lock(self, gateway: str) -> None:
        """Batches of one gateway come one after another until the transaction ends."""
        await self._rows.lock_intake(gateway)

    async def find_taken(self, event_ids: Collection[str]) -> set[str]:
        """Those of these ids whose events were taken before."""
        return await self._rows.find_events(event_ids, {event_time(event_id) for event_id in event_ids})

    async def take(self, appraised: Sequence[Appraised], journal_id: str) -> Taken:
        """Those that were not known before, written with `journal_id` where they are billable.

        Ids that occur twice in the batch count once, the first time. An event whose id has a time beyond reason
        (more than 400 days ago, or more than 2 days ahead) is set aside as a dispute, for a person to look at.
        """
        # In the order of ids, so that two transactions with the same events wait for each other and never deadlock.
        first = {item.event.id: item for item in reversed(appraised)}
        known = sorted(first)
        plausible = [first[event_id] for event_id in known if self._is_plausible(event_time(event_id))]
        wild = [first[event_id] for event_id in known if not self._is_plausible(event_time(event_id))]
        await make_partitions(self._session, {item.at for item in plausible})
        taken = await self._rows.add_events(plausible, journal_id)
        kept = [item for item in plausible if item.event.id in taken]
        await self._rows.add_disputes([item for item in kept if item.disputes], self._now())
        new = await self._rows.add_disputes([_set_aside(item) for item in wild], self._now())
        return Taken(kept, [item for item in wild if item.event.id in new])

    async def tell(self, outbox: Outbox, gateway: str, taken: Taken) -> None:
        """That these calls of the gateway stand in the ledger now: for marketplaces that have a bus."""
        if taken.kept:
            news = UsageRecorded(by=gateway, event_ids=[item.event.id for item in taken.kept])
            await outbox.add(self._session, news)

    def _is_plausible(self, at: datetime) -> bool:
        return self._now() - _OLDEST <= at <= self._now() + _NEWEST

    def _now(self) -> datetime:
        return self._clock.now().astimezone(UTC)


def _set_aside(item: Appraised) -> Appraised:
    nothing = item.event.model_copy(update={"price_nanos": 0, "included": 0, "unpaid_nanos": 0})
    return Appraised(nothing, item.claimed, billable=False, disputes=(*item.disputes, "id_time"))
