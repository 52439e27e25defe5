"""Listings, their immutable releases and plans, and the pipeline that publishes them.

Submission: a manifest and its OpenAPI document, which a vendor wants to release as one version.
Phase: a check or decision about a submission; each leaves evidence (findings, and facts for later phases).
Release: an immutable version of a service; its deployment is the endpoint that serves it.
Canary: a release that takes a share of the calls until it is promoted or rolled back.
Hold: a reason to keep a deployment out of routing; it is routed to again once no holder holds it.
"""

from mercato.publishing.approval_rows import ApprovalsWanted, count_waiting
from mercato.publishing.beginnings import Beginning, find_beginnings
from mercato.publishing.canary import Canaries
from mercato.publishing.catalogue import Catalogue, Listing, PublishedDocument, RunningRelease, route_plan
from mercato.publishing.claims import ApprovalClaims, Reviewed
from mercato.publishing.comparing import Comparing, ReleaseDiff
from mercato.publishing.credentials import CredentialBook, Credentials, StoredCredential
from mercato.publishing.facts import PHASES
from mercato.publishing.holds import DeploymentHolds
from mercato.publishing.lifecycle import Lifecycle
from mercato.publishing.models import (
    Approval,
    ApprovalComment,
    Canary,
    DeploymentHold,
    Evidence,
    Plan,
    Release,
    Service,
    Submission,
    Vote,
)
from mercato.publishing.news import (
    ApprovalClaimed,
    ApprovalCommented,
    ApprovalDecided,
    CredentialChanged,
    HoldChanged,
    ServiceChanged,
    ServiceReleased,
    ServiceWithdrawn,
    SubmissionReceived,
    SubmissionResumed,
    VisibilityChanged,
)
from mercato.publishing.offers import Offers, PriceChange
from mercato.publishing.oversight import Oversight
from mercato.publishing.own import OwnListing, OwnService, OwnServices
from mercato.publishing.phases import PRIVATE, LiveCalls
from mercato.publishing.pipeline import Pipeline
from mercato.publishing.ports import BrokenPolicy, PolicyDecision, PolicyEngine, Reason, ReleaseFacts
from mercato.publishing.refusals import ApprovalNotFound, DeploymentNotFound, PlanNotFound, ServiceNotFound
from mercato.publishing.resuming import resume_releases
from mercato.publishing.review import Approvals, Queued, Waiting
from mercato.publishing.running import OwnedDeployment, RunningDeployments
from mercato.publishing.sealed_rows import SEALED
from mercato.publishing.sealing import CredentialSeal
from mercato.publishing.service_records import ServiceRecord, ServiceRecords
from mercato.publishing.submit import Dossier, Submissions
from mercato.publishing.worker import PipelineStarter

__all__ = [
    "PHASES",
    "PRIVATE",
    "SEALED",
    "Approval",
    "ApprovalClaimed",
    "ApprovalClaims",
    "ApprovalComment",
    "ApprovalCommented",
    "ApprovalDecided",
    "ApprovalNotFound",
    "Approvals",
    "ApprovalsWanted",
    "Beginning",
    "BrokenPolicy",
    "Canaries",
    "Canary",
    "Catalogue",
    "Comparing",
    "CredentialBook",
    "CredentialChanged",
    "CredentialSeal",
    "Credentials",
    "DeploymentHold",
    "DeploymentHolds",
    "DeploymentNotFound",
    "Dossier",
    "Evidence",
    "HoldChanged",
    "Lifecycle",
    "Listing",
    "LiveCalls",
    "Offers",
    "Oversight",
    "OwnListing",
    "OwnService",
    "OwnServices",
    "OwnedDeployment",
    "Pipeline",
    "PipelineStarter",
    "Plan",
    "PlanNotFound",
    "PolicyDecision",
    "PolicyEngine",
    "PriceChange",
    "PublishedDocument",
    "Queued",
    "Reason",
    "Release",
    "ReleaseDiff",
    "ReleaseFacts",
    "Reviewed",
    "RunningDeployments",
    "RunningRelease",
    "Service",
    "ServiceChanged",
    "ServiceNotFound",
    "ServiceRecord",
    "ServiceRecords",
    "ServiceReleased",
    "ServiceWithdrawn",
    "StoredCredential",
    "Submission",
    "SubmissionReceived",
    "SubmissionResumed",
    "Submissions",
    "VisibilityChanged",
    "Vote",
    "Waiting",
    "count_waiting",
    "find_beginnings",
    "resume_releases",
    "route_plan",
]
