"""The data map of discovery. What people search for is kept where they say what they found, and, without who asked,
where nothing was found."""

from mercato.discovery.feedback_models import SearchFeedback
from mercato.discovery.miss_models import SearchMiss
from mercato.discovery.models import ListingFigures, ListingRow, Review
from mercato.discovery.saved_models import SavedSearch, SavedSearchFit
from mercato.platform import WITH_LISTING, WITH_ORGANISATION, Keep, LegalBasis, describe

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
describe(SearchFeedback, "What organisations found of results of searches; not which person of them.",
         LegalBasis.INTEREST, Keep(days=90, since="at"),
         ids="id organisation_id service_id", words="query", facts="verdict query_digest", measures="position",
         times="at")  # fmt: skip
describe(SearchMiss, "Searches that found nothing; who asked is a digest that changes each month.",
         LegalBasis.INTEREST, Keep(days=90, since="at"),
         words="words", facts="words_digest asker", measures="searches", times="at")  # fmt: skip
describe(SavedSearch, "Searches that organisations keep.", LegalBasis.CONTRACT, WITH_ORGANISATION,
         ids="id organisation_id", people="created_by mail_to", words="asked means", facts="name embedder vector",
         times="created_at")  # fmt: skip
describe(SavedSearchFit, "Services that were reported to organisations.", LegalBasis.CONTRACT,
         Keep("as long as the saved search"),
         ids="saved_search_id service_id id letter_id", facts="version", times="found_at")  # fmt: skip
