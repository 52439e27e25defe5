"""The data map of metering: calls and their sums. Bodies of calls are stored nowhere."""

from mercato.metering.models import Budget, Counter, GatewayLife, Lease, MeteredCall, UsageDispute
from mercato.metering.rollup_models import (
    DIMENSIONS,
    MEASURES,
    UsageBlock,
    UsageDay,
    UsageDayState,
    UsageQuarter,
    UsageTouched,
    UsageWindow,
    UsageZone,
)
from mercato.metering.unusual_models import JudgedHour, UsageAnomaly
from mercato.platform import BOOKS, OPERATION, WITH_ORGANISATION, Keep, LegalBasis, describe

_DIMENSION_IDS = " ".join(name for name in DIMENSIONS if name.endswith("_id"))
_DIMENSION_FACTS = " ".join(name for name in DIMENSIONS if not name.endswith("_id"))
_SUMS = " ".join(MEASURES)

describe(
    MeteredCall,
    "Metered calls: ids, counts and prices, never the content.",
    LegalBasis.LAW,
    BOOKS,
    ids="id journal_id request_id consumer_id key_id subscription_id plan_id vendor_id service_id release_id "
    "deployment_id asked_service_id",
    facts="gateway protocol operation streamed client_left currency source ended_by doubt spends",
    measures="status tokens_in tokens_out tokens_cached bytes_in bytes_out first_byte_us duration_us overhead_us "
    "included price_nanos unpaid_tokens_in unpaid_tokens_out unpaid_nanos claimed_tokens_in claimed_tokens_out",
    times="at called_at",
)
describe(UsageDispute, "Calls on whose counts gateway and marketplace disagree.", LegalBasis.LAW, BOOKS,
         ids="event_id", facts="gateway reasons claimed", measures="claimed_nanos posted_nanos", times="at",
)  # fmt: skip
describe(Counter, "How much of a limit is used.", LegalBasis.CONTRACT,
         Keep(days=62, since="window_start", chore="old counters"),
         facts="scope", measures="used leased level_micro", times="window_start refilled_at")  # fmt: skip
describe(Lease, "Slices of limits that gateways borrow.", LegalBasis.CONTRACT,
         Keep(days=62, since="closed_at", chore="old counters"),
         ids="id", facts="gateway life batch scope unit", measures="granted spent",
         times="window_start granted_at expires_at closed_at")  # fmt: skip
describe(GatewayLife, "Gateways that are heard.", LegalBasis.INTEREST, OPERATION,
         facts="gateway life", times="seen_at shipped_to")  # fmt: skip
describe(Budget, "Caps that organisations set.", LegalBasis.CONTRACT, WITH_ORGANISATION,
         ids="organisation_id key_id", people="set_by", facts="scope unit window", measures="cap", times="set_at",
)  # fmt: skip
describe(UsageQuarter, "Calls added up by the quarter hour.", LegalBasis.LAW, BOOKS,
         ids=_DIMENSION_IDS, facts=f"shape slot latency_at latency_n {_DIMENSION_FACTS}", measures=_SUMS,
         times="start")  # fmt: skip
describe(UsageDay, "Calls added up by the day.", LegalBasis.LAW, BOOKS,
         ids=_DIMENSION_IDS, facts=f"shape level seconds latency_at latency_n {_DIMENSION_FACTS}", measures=_SUMS,
         times="start")  # fmt: skip
describe(UsageDayState, "Days that were added up.", LegalBasis.LAW, BOOKS, facts="made", times="day made_at")
describe(UsageTouched, "Days to be added up again.", LegalBasis.LAW, OPERATION, measures="number", times="day")
describe(UsageWindow, "Stretches that were added up by the day.", LegalBasis.LAW, OPERATION, facts="made",
         times="start made_at")  # fmt: skip
describe(UsageBlock, "Days that were added up once more, by eight.", LegalBasis.LAW, OPERATION, facts="made",
         times="start made_at days_made_at")  # fmt: skip
describe(UsageZone, "Time zones that somebody asked for.", LegalBasis.INTEREST, OPERATION, facts="zone",
         times="asked_on")  # fmt: skip
describe(UsageAnomaly, "Unusual hours of usage.", LegalBasis.INTEREST, WITH_ORGANISATION,
         ids="id scope_id organisation_id", people="normal_by", facts="scope metric kind sentence",
         measures="value usual weeks score_percent", times="day hour found_at normal_since")  # fmt: skip
describe(JudgedHour, "Hours that were looked at.", LegalBasis.INTEREST, OPERATION, times="hour judged_at")
