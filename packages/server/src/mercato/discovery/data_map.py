"""The data map of discovery. What people search for is not stored."""

from mercato.discovery.models import ListingRow
from mercato.platform import WITH_LISTING, LegalBasis, describe

describe(ListingRow, "What the search index holds of a listing.", LegalBasis.CONTRACT, WITH_LISTING,
         ids="service_id", words="facts", facts="digest embedder embedded_digest vector withdrawn",
         times="changed_at")  # fmt: skip
