"""A gateway's spool comes in: events, ledger, counters, in one transaction."""

from collections.abc import Collection, Sequence

from sqlalchemy import select

from mercato.billing import Ledger
from mercato.consumption.appraisal import Known, appraise
from mercato.consumption.health import ServiceHealthBook
from mercato.consumption.refusals import UsageEventMalformed
from mercato.identity import Key
from mercato.metering import Appraised, Counters, Holder, UsageIntake, event_time, is_event_id
from mercato.platform import Clock, Session
from mercato.publishing import Catalogue
from mercato.subscriptions import SubscriptionTerms
from mercato_contracts.dataplane import UsageBatch, UsageEvent, UsageReceipt
from mercato_contracts.problem import FieldError


class TakeUsage:
    """Takes batches. Sent again, by one gateway or by several at once, a batch changes nothing.

    Locks are taken in one order by every transaction: events by id, accounts by id, the gateway, counters by scope,
    health by service.
    """

    def __init__(self, session: Session, clock: Clock, counters: Counters, ledger: Ledger) -> None:
        self._session = session
        self._counters = counters
        self._ledger = ledger
        self._intake = UsageIntake(session, clock)
        self._health = ServiceHealthBook(session)
        self._terms = SubscriptionTerms(session, Catalogue(session))

    async def take(self, batch: UsageBatch) -> UsageReceipt:
        """Each new event is stored, posted and counted once. Raises `UsageEventMalformed`, and takes nothing then."""
        _check_ids(batch.events)
        known = await self._look_up(batch.events)
        journal_id = self._ledger.new_journal_id()
        taken = await self._intake.take([appraise(event, known) for event in batch.events], journal_id)
        await self._ledger.post_usage(journal_id, taken.kept)
        if batch.events:
            newest = max(event_time(event.id) for event in batch.events)
            await self._counters.note_shipped(Holder(batch.gateway, batch.life), newest)
        await self._counters.settle(_spends([*taken.kept, *taken.aside]), batch.closed)
        await self._health.add(taken.kept)
        new = len(taken.kept) + len(taken.aside)
        return UsageReceipt(taken=new, known=len(batch.events) - new)

    async def _look_up(self, events: Sequence[UsageEvent]) -> Known:
        return Known(
            terms=await self._terms.find({event.subscription_id for event in events}),
            key_owners=await self._key_owners({event.key_id for event in events}),
            lent=await self._counters.find({lease for event in events for lease, _ in event.spends}),
        )

    async def _key_owners(self, key_ids: Collection[str]) -> dict[str, str]:
        rows = await self._session.execute(select(Key.id, Key.organisation_id).where(Key.id.in_(key_ids)))
        return {row[0]: row[1] for row in rows}


def _check_ids(events: Sequence[UsageEvent]) -> None:
    errors = [
        FieldError(field=f"events.{number}.id", code="event_id", message="not `use_` and a UUIDv7 in hexadecimal")
        for number, event in enumerate(events)
        if not is_event_id(event.id)
    ]
    if errors:
        raise UsageEventMalformed("Events without an id of their own cannot be counted once.", errors=errors)


def _spends(taken: Sequence[Appraised]) -> dict[str, int]:
    spends: dict[str, int] = {}
    for item in taken:
        for lease, units in item.claimed.spends:
            spends[lease] = spends.get(lease, 0) + units
    return spends
