"""Disputes of single calls: opened by the consumer, answered by the vendor, decided by an operator.

What is given back is an adjustment like any other, posted in the transaction that closes the dispute.
"""

from datetime import timedelta
from typing import Literal

from mercato.billing.adjust import Adjusted, Adjusting
from mercato.billing.dispute_models import CallDispute
from mercato.billing.dispute_rows import DisputeRows, DisputeSide
from mercato.billing.models import Adjustment
from mercato.billing.news import CallDisputed, DisputeAnswered, DisputeClosed
from mercato.billing.refusals import (
    CallAlreadyDisputed,
    CallNotDisputable,
    DisputeNotFound,
    DisputeOver,
    DisputeOwnPart,
    DisputeTooLate,
)
from mercato.identity import Caller, Permission
from mercato.metering import CallNotFound, Calls, MeteredCall
from mercato.platform import Clock, Ids, Outbox, Question, Session
from mercato_contracts import ids as id_prefix

Verdict = Literal["upheld", "rejected"]
_Ending = Literal["agreed", "upheld", "rejected", "withdrawn"]

DISPUTABLE = timedelta(days=60)
"""How long after a call it may be disputed: the invoice of its month, and a month to read it."""


class Disputes:
    """In the caller's transaction."""

    def __init__(self, session: Session, clock: Clock, ids: Ids, outbox: Outbox) -> None:
        self._session = session
        self._clock = clock
        self._ids = ids
        self._outbox = outbox
        self._rows = DisputeRows(session)
        self._calls = Calls(session)
        self._adjusting = Adjusting(session, clock, ids, outbox)

    async def open(self, caller: Caller, call_id: str, kind: str, words: str) -> CallDispute:
        """Dispute what a call of the caller's organisation was charged.

        Raises `CallNotFound`, `CallNotDisputable`, `DisputeTooLate`, `CallAlreadyDisputed`.
        """
        caller.require(Permission.CALLS_DISPUTE)
        side, call = await self._calls.find(caller, call_id)
        if side != "consumer":
            raise CallNotFound(f"Your organisation has no call {call_id[:60]}.", call=call_id[:60])
        stands_at = await self._stands_at(call)
        now = self._clock.now()
        if now - call.at > DISPUTABLE:
            raise DisputeTooLate(f"A call can be disputed for {DISPUTABLE.days} days.", at=call.at.isoformat())
        row = CallDispute(
            id=self._ids.new(id_prefix.CALL_DISPUTE), event_id=call.id, consumer_id=call.consumer_id,
            vendor_id=call.vendor_id, service_id=call.service_id, kind=kind, words=words, disputed_nanos=stands_at,
            currency=call.currency, opened_by=caller.actor, opened_at=now, state="open", returned_nanos=0,
        )  # fmt: skip
        if not await self._rows.add(row):
            before = await self._rows.latest_of(call.id)
            assert before is not None
            raise CallAlreadyDisputed("The call has a dispute.", dispute_id=before.id, state=before.state)
        news = CallDisputed(
            by=caller.actor, dispute_id=row.id, call_id=call.id, consumer_id=row.consumer_id, vendor_id=row.vendor_id,
            kind=kind, nanos=stands_at, currency=row.currency,
        )  # fmt: skip
        await self._outbox.add(self._session, news)
        return row

    async def get(self, caller: Caller, dispute_id: str) -> CallDispute:
        """For its two sides and for operators. Raises `DisputeNotFound`."""
        caller.require(Permission.USAGE_READ)
        row = await self._rows.find(dispute_id)
        if row is None or not (
            caller.organisation_id in (row.consumer_id, row.vendor_id) or caller.may(Permission.MARKETPLACE_READ)
        ):
            raise _not_found(dispute_id)
        return row

    async def list_all(
        self, caller: Caller, *, side: DisputeSide, only_open: bool, before: str | None, limit: int
    ) -> list[CallDispute]:
        """Of the organisation's own calls, of its services' calls, or of all (operators); the newest first."""
        caller.require(Permission.MARKETPLACE_READ if side == "marketplace" else Permission.USAGE_READ)
        return await self._rows.page(side, caller.organisation_id, only_open=only_open, before=before, limit=limit)

    def open_question(self, caller: Caller, limit: int) -> Question[CallDispute]:
        """Those that wait, the newest first: for operators, to be asked together with other things."""
        caller.require(Permission.MARKETPLACE_READ)
        return self._rows.open_question(limit)

    async def withdraw(self, caller: Caller, dispute_id: str) -> CallDispute:
        """The consumer gives it up; the call may be disputed again. Raises `DisputeNotFound`, `DisputeOver`."""
        caller.require(Permission.CALLS_DISPUTE)
        row = await self._lock(dispute_id, consumer_id=caller.organisation_id)
        return await self._close(caller, row, "withdrawn")

    async def answer(self, caller: Caller, dispute_id: str, words: str, *, give_back: bool) -> CallDispute:
        """The vendor's answer, new or changed. `give_back` also returns the charge, which closes the dispute.

        Raises `DisputeNotFound`, `DisputeOver`, `StepUpNeeded`.
        """
        caller.require(Permission.BILLING_CREDIT)
        if give_back:
            caller.require_step_up(self._clock.now())
        row = await self._lock(dispute_id, vendor_id=caller.organisation_id)
        row.answer, row.answered_by, row.answered_at = words, caller.actor, self._clock.now()
        if give_back:
            return await self._close(caller, row, "agreed", await self._give_back(caller, row, words))
        await self._rows.flush()
        news = DisputeAnswered(
            by=caller.actor, dispute_id=row.id, call_id=row.event_id, consumer_id=row.consumer_id,
            vendor_id=row.vendor_id,
        )  # fmt: skip
        await self._outbox.add(self._session, news)
        return row

    async def decide(self, caller: Caller, dispute_id: str, verdict: Verdict, reason: str) -> CallDispute:
        """`upheld` gives back all that the call is still charged; `rejected` leaves it. For operators.

        Raises `DisputeNotFound`, `DisputeOver`, `DisputeOwnPart`, `StepUpNeeded`.
        """
        caller.require(Permission.MARKETPLACE_WRITE)
        caller.require_step_up(self._clock.now())
        row = await self._lock(dispute_id)
        if caller.actor in (row.opened_by, row.answered_by):
            raise DisputeOwnPart("Whoever opened or answered a dispute does not decide it.")
        row.reason = reason
        given = await self._give_back(caller, row, reason) if verdict == "upheld" else None
        return await self._close(caller, row, verdict, given)

    async def _lock(
        self, dispute_id: str, *, consumer_id: str | None = None, vendor_id: str | None = None
    ) -> CallDispute:
        """The open dispute, locked until the transaction ends: it is closed once, whoever comes at once."""
        row = await self._rows.lock(dispute_id)
        if row is None or consumer_id not in (None, row.consumer_id) or vendor_id not in (None, row.vendor_id):
            raise _not_found(dispute_id)
        if row.state != "open":
            raise DisputeOver(f"The dispute ended: {row.state}.", state=row.state)
        return row

    async def _stands_at(self, call: MeteredCall) -> int:
        """What is left of the call's charge. Raises `CallNotDisputable`."""
        adjusted = (await Adjusted(self._session).of_events([call.id])).get(call.id, [])
        left = call.price_nanos + sum(one.nanos for one in adjusted)
        if call.journal_id is None or left <= 0:
            raise CallNotDisputable("The call costs nothing.")
        return left

    async def _give_back(self, caller: Caller, row: CallDispute, reason: str) -> Adjustment | None:
        # An adjustment's reason is short; the whole answer stands in the dispute.
        about = f"Dispute {row.id}: {reason}"[:500]
        return await self._adjusting.give_back(caller, row.event_id, reference=row.id, reason=about)

    async def _close(
        self, caller: Caller, row: CallDispute, state: _Ending, given: Adjustment | None = None
    ) -> CallDispute:
        row.state, row.closed_by, row.closed_at = state, caller.actor, self._clock.now()
        if given is not None:
            row.returned_nanos, row.adjustment_id = -given.nanos, given.id
        await self._rows.flush()
        news = DisputeClosed(
            by=caller.actor, dispute_id=row.id, call_id=row.event_id, consumer_id=row.consumer_id,
            vendor_id=row.vendor_id, state=state, returned_nanos=row.returned_nanos, currency=row.currency,
            adjustment_id=row.adjustment_id, reason=row.reason or "",
        )  # fmt: skip
        await self._outbox.add(self._session, news)
        return row


class DisputedCalls:
    """Disputes for other files of this room."""

    def __init__(self, session: Session) -> None:
        self._rows = DisputeRows(session)

    async def latest_of(self, call_id: str) -> CallDispute | None:
        """The dispute that counts, if the call has one."""
        return await self._rows.latest_of(call_id)


def _not_found(dispute_id: str) -> DisputeNotFound:
    return DisputeNotFound(f"There is no dispute {dispute_id[:60]} that concerns you.")
