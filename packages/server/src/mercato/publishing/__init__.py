"""Listings, their immutable releases and plans, and the pipeline that publishes them."""

from mercato.publishing.canary import Canaries
from mercato.publishing.catalogue import Catalogue, Listing, PublishedDocument, RunningRelease, route_plan
from mercato.publishing.credentials import CredentialBook, Credentials, StoredCredential
from mercato.publishing.holds import DeploymentHolds
from mercato.publishing.lifecycle import Lifecycle
from mercato.publishing.models import (
    Approval,
    Canary,
    Deployment,
    DeploymentHold,
    Evidence,
    Plan,
    Release,
    Service,
    Submission,
    Vote,
)
from mercato.publishing.news import (
    ApprovalDecided,
    CredentialChanged,
    HoldChanged,
    ServiceChanged,
    ServiceReleased,
    ServiceWithdrawn,
    SubmissionReceived,
)
from mercato.publishing.phases import PRIVATE, LiveCalls
from mercato.publishing.pipeline import Pipeline
from mercato.publishing.policy import BrokenPolicy, CedarPolicy, PolicyEngine
from mercato.publishing.refusals import DeploymentNotFound, PlanNotFound, ServiceNotFound
from mercato.publishing.review import Approvals, Waiting
from mercato.publishing.running import OwnedDeployment, RunningDeployments
from mercato.publishing.sealing import CredentialSeal
from mercato.publishing.submit import Dossier, Submissions
from mercato.publishing.worker import PipelineStarter

__all__ = [
    "PRIVATE",
    "Approval",
    "ApprovalDecided",
    "Approvals",
    "BrokenPolicy",
    "Canaries",
    "Canary",
    "Catalogue",
    "CedarPolicy",
    "CredentialBook",
    "CredentialChanged",
    "CredentialSeal",
    "Credentials",
    "Deployment",
    "DeploymentHold",
    "DeploymentHolds",
    "DeploymentNotFound",
    "Dossier",
    "Evidence",
    "HoldChanged",
    "Lifecycle",
    "Listing",
    "LiveCalls",
    "OwnedDeployment",
    "Pipeline",
    "PipelineStarter",
    "Plan",
    "PlanNotFound",
    "PolicyEngine",
    "PublishedDocument",
    "Release",
    "RunningDeployments",
    "RunningRelease",
    "Service",
    "ServiceChanged",
    "ServiceNotFound",
    "ServiceReleased",
    "ServiceWithdrawn",
    "StoredCredential",
    "Submission",
    "SubmissionReceived",
    "Submissions",
    "Vote",
    "Waiting",
    "route_plan",
]
