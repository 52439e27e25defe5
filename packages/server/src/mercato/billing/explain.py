"""Explains one call: how its price was computed, its corrections, and its postings in the ledger."""

from dataclasses import dataclass
from datetime import UTC, datetime

from mercato.billing.adjust import Adjusted
from mercato.billing.dispute_models import CallDispute
from mercato.billing.disputes import DISPUTABLE, DisputedCalls
from mercato.billing.models import Adjustment
from mercato.billing.statement_rows import Entry, StatementRows
from mercato.identity import Caller
from mercato.metering import Calls, MeteredCall, Side, Slice
from mercato.platform import Session
from mercato.publishing import Catalogue, Plan
from mercato_contracts.pricing import ceil_div, is_owed


@dataclass(frozen=True, slots=True)
class PriceLine:
    """`units` of a kind at `unit_nanos` (of tokens: a thousand of them), of which `covered` were the plan's own."""

    item: str
    units: int
    covered: int
    unit_nanos: int
    nanos: int


@dataclass(frozen=True, slots=True)
class ExplainedCall:
    """`is_owed` is false where the answer's status costs nothing. `slices` are `None` where nobody kept them.

    `entries` are those of the batch that the call came with, of the same subscription and day, in the accounts that
    the caller may see: the ledger adds up what comes together. `dispute` is the one that counts.
    """

    side: Side
    call: MeteredCall
    plan: Plan | None
    is_owed: bool
    lines: list[PriceLine]
    slices: list[Slice] | None
    adjustments: list[Adjustment]
    entries: list[Entry]
    dispute: CallDispute | None


class Explaining:
    """Reads what explains a call."""

    def __init__(self, session: Session) -> None:
        self._calls = Calls(session)
        self._adjusted = Adjusted(session)
        self._disputed = DisputedCalls(session)
        self._catalogue = Catalogue(session)
        self._rows = StatementRows(session)

    async def explain(self, caller: Caller, call_id: str) -> ExplainedCall:
        """Raises `CallNotFound`."""
        side, call = await self._calls.find(caller, call_id)
        plan = next(iter(await self._catalogue.find_plans([call.plan_id])), None)
        adjustments = (await self._adjusted.of_events([call.id])).get(call.id, [])
        owner = None if side == "marketplace" else caller.organisation_id
        entries: list[Entry] = []
        if call.journal_id is not None:
            day = call.at.astimezone(UTC).date()
            entries = await self._rows.of_call(call.journal_id, call.subscription_id, day, side, owner)
        entries += await self._rows.of_adjustments([one.id for one in adjustments], side, owner)
        return ExplainedCall(
            side=side,
            call=call,
            plan=plan,
            is_owed=is_owed(call.status) and call.journal_id is not None,
            lines=price_lines(plan, call) if plan is not None and call.journal_id is not None else [],
            slices=None if side == "vendor" else await self._calls.slices(call),
            adjustments=adjustments,
            entries=entries,
            dispute=await self._disputed.latest_of(call.id),
        )


def disputable_until(found: ExplainedCall, now: datetime) -> datetime | None:
    """The end of the time in which its consumer may dispute the call; `None` where it may not, or no longer."""
    end = found.call.at + DISPUTABLE
    stands_at = found.call.price_nanos + sum(one.nanos for one in found.adjustments)
    is_free = found.dispute is None or found.dispute.state == "withdrawn"
    may = found.side == "consumer" and found.call.journal_id is not None and stands_at > 0 and is_free
    return end if may and now <= end else None


def price_lines(plan: Plan, call: MeteredCall) -> list[PriceLine]:
    """The lines of the call's price, which sum to it; empty if the call is not owed."""
    if not is_owed(call.status):
        return []
    if plan.included_unit == "requests" and call.included:
        return [PriceLine("call", 1, 1, plan.per_call_nanos, 0)]
    covered = call.included if plan.included_unit == "tokens" else 0
    covered_in = min(covered, call.tokens_in)
    covered_out = covered - covered_in
    priced_in = ceil_div((call.tokens_in - covered_in) * plan.per_1k_input_nanos, 1000)
    priced_out = ceil_div((call.tokens_out - covered_out) * plan.per_1k_output_nanos, 1000)
    return [
        PriceLine("call", 1, 0, plan.per_call_nanos, plan.per_call_nanos),
        PriceLine("input_tokens", call.tokens_in, covered_in, plan.per_1k_input_nanos, priced_in),
        PriceLine("output_tokens", call.tokens_out, covered_out, plan.per_1k_output_nanos, priced_out),
    ]
