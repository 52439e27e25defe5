"""The approval phase: a rule decides, or as many people as the policy phase required."""

from collections.abc import Sequence
from datetime import datetime

from mercato.publishing.facts import ApprovalFacts, PhaseName, PolicyFacts, VoteFacts
from mercato.publishing.models import Approval, Evidence, Submission, Vote
from mercato.publishing.work import PhaseResult
from mercato_checks.codes import found


def open_approval(submission: Submission, evidence: Sequence[Evidence], now: datetime) -> Approval:
    """Approved at once if the policy required nobody; otherwise waiting for as many people as it required."""
    stored = next(row.facts for row in evidence if row.phase == PhaseName.POLICY.position)
    policy = PolicyFacts.from_json(stored)
    people = policy.required_people
    return Approval(
        submission_id=submission.id,
        digest=submission.digest,
        state="approved" if people == 0 else "pending",
        required_people=people,
        rule=policy.rule,
        reason=policy.reason,
        created_at=now,
        decided_at=now if people == 0 else None,
    )


def decided(approval: Approval, votes: Sequence[Vote]) -> PhaseResult:
    """Where the approval stands."""
    facts = ApprovalFacts(
        state=approval.state,
        rule=approval.rule,
        reason=approval.reason,
        required_people=approval.required_people,
        votes=[VoteFacts(vote.person, vote.decision, vote.reason, vote.at.isoformat()) for vote in votes],
    )
    if approval.state != "rejected":
        return PhaseResult(facts=facts, waits=approval.state == "pending")
    message = f"An approver rejected this submission: {approval.reason}"
    return PhaseResult([found("approval_rejected", "", message)], facts)
