"""The data map of publishing: what organisations publish, and who decided about it."""

from mercato.platform import (
    WITH_LISTING,
    WITH_ORGANISATION,
    ColumnKind,
    ColumnNote,
    Erased,
    Keep,
    LegalBasis,
    describe,
)
from mercato.publishing.models import (
    Approval,
    ApprovalComment,
    Canary,
    Deployment,
    DeploymentHold,
    Evidence,
    PhaseAttempts,
    Plan,
    Release,
    Service,
    Submission,
    VendorCredential,
    Vote,
)

_PUBLISHED = ColumnNote(
    ColumnKind.CONTENT, "What the organisation publishes; it may name a person to write to.", Erased.MASKED
)

describe(Service, "What organisations offer.", LegalBasis.CONTRACT, WITH_LISTING,
         ids="id vendor_id",
         facts="name protocol task paths licence tags modalities regions context_window availability_bp p95_latency_ms "
         "status latest_version visibility visible_to",
         words="title summary description", times="created_at updated_at")  # fmt: skip
describe(
    Release,
    "Versions of services.",
    LegalBasis.CONTRACT,
    WITH_LISTING,
    ids="id service_id submission_id",
    facts="version document_digest status",
    words="status_reason",
    times="released_at status_at",
    more={"manifest": _PUBLISHED, "document": _PUBLISHED, "operations": _PUBLISHED},
)
describe(Deployment, "Endpoints of releases.", LegalBasis.CONTRACT, WITH_LISTING,
         ids="id release_id",
         facts="url addresses upstream_model weight timeout_ms max_connections on_disconnect health_path limits "
         "credential",
         times="created_at")  # fmt: skip
describe(VendorCredential, "Secrets of vendors' endpoints, sealed.", LegalBasis.CONTRACT, WITH_ORGANISATION,
         ids="organisation_id", people="created_by changed_by", facts="name fingerprint", secrets="sealed",
         times="created_at changed_at")  # fmt: skip
describe(DeploymentHold, "Why a deployment gets no calls.", LegalBasis.CONTRACT, WITH_LISTING,
         ids="deployment_id", facts="holder", words="reason", times="held_at")  # fmt: skip
describe(Canary, "New releases that are being tried.", LegalBasis.CONTRACT, WITH_LISTING,
         ids="id service_id release_id", people="started_by ended_by", words="reason",
         facts="version percent min_calls min_minutes max_error_points max_p95_percent state figures",
         times="started_at ended_at")  # fmt: skip
describe(Plan, "Prices of services.", LegalBasis.CONTRACT, WITH_LISTING,
         ids="id service_id", facts="name currency included_unit overage limits fallbacks", content="title",
         measures="monthly_nanos per_call_nanos per_1k_input_nanos per_1k_output_nanos included",
         times="created_at retired_at")  # fmt: skip
describe(
    Submission,
    "Requests to release a version.",
    LegalBasis.CONTRACT,
    WITH_LISTING,
    ids="id vendor_id",
    people="created_by",
    facts="service_name version digest state",
    times="created_at ended_at",
    more={"manifest": _PUBLISHED, "document": _PUBLISHED},
)
describe(Evidence, "What each phase of publishing found.", LegalBasis.CONTRACT, WITH_LISTING,
         ids="submission_id", facts="phase name outcome", words="findings facts", times="started_at ended_at",
)  # fmt: skip
describe(PhaseAttempts, "Phases of publishing that are not finished.", LegalBasis.CONTRACT,
         Keep("until the phase is finished"), ids="submission_id", measures="phase begun")  # fmt: skip
describe(Approval, "Whether a submission may be released.", LegalBasis.CONTRACT, WITH_LISTING,
         ids="submission_id", facts="state required_people rule digest", people="claimed_by", words="reason",
         times="created_at decided_at claimed_at")  # fmt: skip
describe(ApprovalComment, "What people of the operator say to each other about a submission.", LegalBasis.CONTRACT,
         WITH_LISTING, ids="id submission_id", people="person", words="words", times="at")  # fmt: skip
describe(Vote, "How each person decided.", LegalBasis.CONTRACT, WITH_LISTING,
         ids="submission_id", people="person", facts="decision", words="reason", times="at")  # fmt: skip
