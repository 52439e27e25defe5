"""Publishing's rows as the API shows them."""

from collections.abc import Sequence

from mercato.publishing import (
    Approval,
    Dossier,
    Evidence,
    Listing,
    Plan,
    Release,
    ReleaseDiff,
    Submission,
    Vote,
)
from mercato_contracts.publishing import (
    ApprovalView,
    EvidenceView,
    FindingView,
    OperationView,
    PlanView,
    ReleaseChange,
    ReleaseDiffView,
    ReleaseView,
    ServiceView,
    SubmissionSummary,
    SubmissionView,
    VoteView,
)


def view_summary(submission: Submission, vendor: str) -> SubmissionSummary:
    return SubmissionSummary.model_validate(_summary(submission, vendor))


def _summary(submission: Submission, vendor: str) -> dict[str, object]:
    return {
        "id": submission.id,
        "vendor": vendor,
        "service": submission.service_name,
        "version": submission.version,
        "digest": submission.digest,
        "state": submission.state,
        "created_by": submission.created_by,
        "created_at": submission.created_at,
        "ended_at": submission.ended_at,
    }


def view_dossier(dossier: Dossier, vendor: str) -> SubmissionView:
    approval = dossier.approval
    return SubmissionView.model_validate(
        {
            **_summary(dossier.submission, vendor),
            "phases": [view_evidence(evidence) for evidence in dossier.evidence],
            "approval": None if approval is None else view_approval(approval, dossier.votes),
        }
    )


def view_diff(service: str, diff: ReleaseDiff) -> ReleaseDiffView:
    return ReleaseDiffView(
        service=service,
        earlier=diff.earlier,
        later=diff.later,
        breaking=diff.breaking,
        complete=diff.complete,
        bump=diff.bump,
        least=diff.least,
        keeps_semver=diff.keeps_semver,
        changes=[
            ReleaseChange(weight=each.weight, rule=each.rule, where=each.where, message=each.message)
            for each in diff.changes
        ],
    )


def view_evidence(evidence: Evidence) -> EvidenceView:
    return EvidenceView.model_validate(
        {
            "phase": evidence.phase,
            "name": evidence.name,
            "outcome": evidence.outcome,
            "findings": [FindingView.model_validate(finding) for finding in evidence.findings],
            "facts": evidence.facts,
            "started_at": evidence.started_at,
            "ended_at": evidence.ended_at,
        }
    )


def view_approval(approval: Approval, votes: Sequence[Vote]) -> ApprovalView:
    return ApprovalView.model_validate(
        {
            "state": approval.state,
            "rule": approval.rule,
            "required_people": approval.required_people,
            "reason": approval.reason,
            "votes": [
                VoteView.model_validate(
                    {"person": vote.person, "decision": vote.decision, "reason": vote.reason, "at": vote.at}
                )
                for vote in votes
            ],
            "created_at": approval.created_at,
            "decided_at": approval.decided_at,
        }
    )


def view_release(release: Release) -> ReleaseView:
    return ReleaseView.model_validate(
        {
            "id": release.id,
            "version": release.version,
            "status": release.status,
            "status_reason": release.status_reason,
            "released_at": release.released_at,
            "document_digest": release.document_digest,
            "operations": [OperationView.model_validate(operation) for operation in release.operations],
        }
    )


def view_plan(plan: Plan) -> PlanView:
    return PlanView.model_validate({name: getattr(plan, name) for name in PlanView.model_fields})


def view_service(listing: Listing) -> ServiceView:
    service, vendor = listing.service, listing.vendor
    own = set(ServiceView.model_fields) - {"vendor", "vendor_name", "vendor_verified", "releases", "plans"}
    return ServiceView.model_validate(
        {
            **{name: getattr(service, name) for name in own},
            "vendor": vendor.slug,
            "vendor_name": vendor.name,
            "vendor_verified": vendor.is_verified,
            "releases": [view_release(release) for release in listing.releases],
            "plans": [view_plan(plan) for plan in listing.plans],
        }
    )
