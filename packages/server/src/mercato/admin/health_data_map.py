"""The data map of the marketplace's own health, and of announcements."""

from mercato.admin.health_models import HealthChange, HealthGauge, HealthQuarter, Prober, ServiceHealth
from mercato.admin.models import Announcement
from mercato.platform import OPERATION, RECORD, Keep, LegalBasis, describe

_HISTORY_CHORE = "old probes"

describe(Announcement, "What operators announce to everybody.", LegalBasis.INTEREST, RECORD,
         ids="id", people="made_by", facts="kind", words="text", times="starts_at ends_at made_at")  # fmt: skip
describe(ServiceHealth, "How each service of the marketplace is.", LegalBasis.INTEREST, OPERATION,
         ids="name", facts="probed_by state version detail", measures="recent latency_ms", times="since probed_at",
)  # fmt: skip
describe(HealthGauge, "How much waits where.", LegalBasis.INTEREST, OPERATION,
         ids="service name", facts="unit", measures="value", times="at")  # fmt: skip
describe(Prober, "When each prober last looked.", LegalBasis.INTEREST, OPERATION, ids="name", times="at")
describe(HealthChange, "When a service failed and recovered.", LegalBasis.INTEREST,
         Keep(days=90, since="at", chore=_HISTORY_CHORE),
         ids="id", facts="service before state detail", times="at")  # fmt: skip
describe(HealthQuarter, "Probes added up by the quarter hour.", LegalBasis.INTEREST,
         Keep(days=90, since="start", chore=_HISTORY_CHORE),
         ids="service", measures="probes failed latency_ms latency_max_ms", times="start")  # fmt: skip
