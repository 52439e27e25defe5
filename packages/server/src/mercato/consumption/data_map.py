"""The data map of consumption: what is counted of services."""

from mercato.consumption.models import DisputeReview, DoubtedCalls, ServiceAlert, ServiceHealth
from mercato.platform import Keep, LegalBasis, describe

describe(ServiceHealth, "Calls of a service by minute and hour.", LegalBasis.CONTRACT,
         Keep(days=100, since="start", chore="old health"),
         ids="service_id release_id", facts="latency", measures="seconds calls failed", times="start")  # fmt: skip
describe(ServiceAlert, "Promises of vendors that were being broken.", LegalBasis.CONTRACT,
         Keep(days=400, since="resolved_at"),
         ids="id service_id vendor_id", facts="objective severity", measures="budget_bp burn_hundredths calls bad",
         times="opened_at resolved_at")  # fmt: skip
describe(DoubtedCalls, "Calls whose counts cannot be true.", LegalBasis.CONTRACT, Keep(days=400, since="day"),
         ids="service_id", facts="reason", measures="calls", times="day")  # fmt: skip
describe(DisputeReview, "Services whose counts somebody looked at.", LegalBasis.CONTRACT,
         Keep(days=800, since="decided_at"),
         ids="id service_id vendor_id", people="decided_by", facts="verdict", words="reason", measures="calls",
         times="day opened_at decided_at")  # fmt: skip
