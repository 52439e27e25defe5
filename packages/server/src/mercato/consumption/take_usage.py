"""Accepts a gateway's spool: events, ledger, counters and sums, in one transaction."""

from collections.abc import Sequence

from mercato.billing import Ledger
from mercato.consumption.appraisal import Known, appraise
from mercato.consumption.disputes import DisputeBook
from mercato.consumption.health import ServiceHealthBook
from mercato.consumption.refusals import UsageEventMalformed
from mercato.identity import Directory
from mercato.metering import Appraised, Counters, Holder, Rollups, UsageIntake, event_time, is_event_id
from mercato.platform import Clock, Outbox, Session
from mercato.publishing import Catalogue
from mercato.subscriptions import SubscriptionTerms
from mercato_contracts.dataplane import UsageBatch, UsageEvent, UsageReceipt
from mercato_contracts.problem import FieldError


class TakeUsage:
    """Accepts batches.

    A batch that is sent again, even by several gateways at once, changes nothing. Every transaction takes its locks in
    one order: the gateway's batches, events by id, accounts by id, the gateway, counters by scope, disputes, quarters
    of usage, and health by service.
    """

    def __init__(
        self, session: Session, clock: Clock, counters: Counters, ledger: Ledger, bus_news: Outbox | None = None
    ) -> None:
        """`bus_news` publishes calls one by one, where the marketplace has a bus."""
        self._bus_news = bus_news
        self._directory = Directory(session)
        self._counters = counters
        self._ledger = ledger
        self._intake = UsageIntake(session, clock)
        self._rollups = Rollups(session, clock)
        self._health = ServiceHealthBook(session)
        self._disputes = DisputeBook(session)
        self._terms = SubscriptionTerms(session, Catalogue(session))

    async def take(self, batch: UsageBatch) -> UsageReceipt:
        """Each new event is stored, posted and counted once. Raises `UsageEventMalformed`, and takes nothing then."""
        _check_ids(batch.events)
        # Batches of one gateway are handled one after the other, because each changes what its leases have left.
        await self._intake.lock(batch.gateway)
        known = await self._look_up(batch.events)
        journal_id = self._ledger.new_journal_id()
        taken = await self._intake.take(await self._appraise(batch.events, known), journal_id)
        await self._ledger.post_usage(journal_id, taken.kept)
        if batch.events:
            newest = max(event_time(event.id) for event in batch.events)
            await self._counters.note_shipped(Holder(batch.gateway, batch.life), newest)
        await self._counters.settle(_spends(taken.kept), batch.closed)
        await self._disputes.count(taken.kept)
        await self._rollups.add(taken.kept, batch.gateway)
        await self._health.add(taken.kept)
        if self._bus_news is not None:
            await self._intake.tell(self._bus_news, batch.gateway, taken)
        new = len(taken.kept) + len(taken.aside)
        return UsageReceipt(taken=new, known=len(batch.events) - new)

    async def _appraise(self, events: Sequence[UsageEvent], known: Known) -> list[Appraised]:
        """What was taken before must not count against the leases again; looked up only where it would matter."""
        first: dict[str, UsageEvent] = {}
        for event in events:
            first.setdefault(event.id, event)
        asked: dict[str, int] = {}
        for event in first.values():
            for lease, units in event.spends:
                asked[lease] = asked.get(lease, 0) + units
        if all(units <= known.lent[lease].left for lease, units in asked.items() if lease in known.lent):
            return appraise(list(first.values()), known)
        taken = await self._intake.find_taken(first)
        return appraise([event for event in first.values() if event.id not in taken], known)

    async def _look_up(self, events: Sequence[UsageEvent]) -> Known:
        return Known(
            terms=await self._terms.find({event.subscription_id for event in events}),
            key_owners=await self._directory.key_owners({event.key_id for event in events}),
            lent=await self._counters.find({lease for event in events for lease, _ in event.spends}),
        )


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
        for lease, units in item.spends:
            spends[lease] = spends.get(lease, 0) + units
    return spends
