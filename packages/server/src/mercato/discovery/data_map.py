"""The data map of discovery. What people search for is not stored."""

from mercato.discovery.models import ListingFigures, ListingRow, Review
from mercato.platform import WITH_LISTING, LegalBasis, describe

describe(ListingRow, "What the search index holds of a listing.", LegalBasis.CONTRACT, WITH_LISTING,
         ids="service_id", words="facts", facts="digest embedder embedded_digest vector withdrawn shape",
         times="changed_at")  # fmt: skip
describe(ListingFigures, "What is measured of a listing.", LegalBasis.CONTRACT, WITH_LISTING,
         ids="service_id", facts="is_met",
         measures="calls consumers failed p50_us p95_us availability_bp stars reviews recent_calls earlier_calls "
         "trend_millis", times="measured_at")  # fmt: skip
describe(Review, "What organisations say of services that they called.", LegalBasis.CONTRACT, WITH_LISTING,
         ids="id service_id organisation_id", people="written_by answered_by hidden_by",
         words="words answer hidden_for", measures="stars",
         times="written_at changed_at answered_at hidden_at")  # fmt: skip
