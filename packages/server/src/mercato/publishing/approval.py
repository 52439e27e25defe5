"""Phase 9: a rule decides, or people do; what the policy of phase 8 asked for."""

from collections.abc import Sequence
from datetime import datetime

from mercato.publishing.models import Approval, Evidence, Vote
from mercato.publishing.work import PhaseResult
from mercato_checks.codes import found


def open_approval(submission_id: str, evidence: Sequence[Evidence], now: datetime) -> Approval:
    """Approved at once where the policy's rule says so; else waiting for as many people as it asks for."""
    policy = next(row.facts for row in evidence if row.phase == 8)
    people = int(policy["required_people"])
    return Approval(
        submission_id=submission_id,
        state="approved" if people == 0 else "pending",
        required_people=people,
        rule=str(policy["rule"]),
        reason=str(policy["reason"]),
        created_at=now,
        decided_at=now if people == 0 else None,
    )


def decided(approval: Approval, votes: Sequence[Vote]) -> PhaseResult:
    """Where the approval stands."""
    facts = {
        "state": approval.state,
        "rule": approval.rule,
        "reason": approval.reason,
        "required_people": approval.required_people,
        "votes": [
            {"person": vote.person, "decision": vote.decision, "reason": vote.reason, "at": vote.at.isoformat()}
            for vote in votes
        ],
    }
    if approval.state != "rejected":
        return PhaseResult(facts=facts, waits=approval.state == "pending")
    message = f"An approver rejected this submission: {approval.reason}"
    return PhaseResult([found("approval_rejected", "", message)], facts)
