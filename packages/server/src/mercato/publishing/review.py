"""People decide what the rules leave to them."""

from dataclasses import dataclass
from typing import Literal

from mercato.identity import Caller, Permission
from mercato.platform import Clock, Outbox, Session
from mercato.publishing.approval_rows import ApprovalRows
from mercato.publishing.models import Approval, Evidence, Submission, Vote
from mercato.publishing.news import ApprovalDecided
from mercato.publishing.oversight_rows import OversightRows
from mercato.publishing.refusals import AlreadyDecided, ApprovalNotFound, OwnSubmission
from mercato.publishing.repository import SubmissionRepository

Decision = Literal["approve", "reject"]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A submission that waits for people, with the evidence of the phases before."""

    approval: Approval
    submission: Submission
    evidence: list[Evidence]
    votes: list[Vote]


@dataclass(frozen=True, slots=True)
class Queued:
    """A submission that waits for people, without its evidence."""

    approval: Approval
    submission: Submission


class Approvals:
    """The operator's queue."""

    def __init__(self, session: Session, clock: Clock, outbox: Outbox) -> None:
        self._session = session
        self._rows = SubmissionRepository(session)
        self._many = OversightRows(session)
        self._queue = ApprovalRows(session)
        self._clock = clock
        self._outbox = outbox

    async def waiting(self, caller: Caller, *, after: str | None, limit: int) -> list[Waiting]:
        """The submissions that wait, the oldest first."""
        caller.require(Permission.MARKETPLACE_READ)
        approvals = await self._rows.list_pending(after, limit)
        ids = [approval.submission_id for approval in approvals]
        submissions = await self._rows.find_many(ids)
        evidence, votes = await self._rows.evidence(ids), await self._many.votes_of(ids)
        return [
            Waiting(
                approval,
                submissions[approval.submission_id],
                evidence[approval.submission_id],
                votes[approval.submission_id],
            )
            for approval in approvals
        ]

    async def count(self, caller: Caller) -> int:
        """How many wait."""
        caller.require(Permission.MARKETPLACE_READ)
        return await self._queue.count_pending()

    async def queue(self, caller: Caller, *, after: str | None, limit: int) -> list[Queued]:
        """Those that wait, the oldest first."""
        caller.require(Permission.MARKETPLACE_READ)
        approvals = await self._rows.list_pending(after, limit)
        submissions = await self._rows.find_many([approval.submission_id for approval in approvals])
        return [Queued(approval, submissions[approval.submission_id]) for approval in approvals]

    async def decided(self, caller: Caller, *, before: str | None, limit: int) -> list[Queued]:
        """What people decided, the newest submission first."""
        caller.require(Permission.MARKETPLACE_READ)
        approvals = await self._queue.list_decided(before, limit)
        submissions = await self._rows.find_many([approval.submission_id for approval in approvals])
        return [Queued(approval, submissions[approval.submission_id]) for approval in approvals]

    async def decide(self, caller: Caller, submission_id: str, decision: Decision, reason: str) -> Waiting:
        """Cast one person's vote. The first rejection refuses the submission; enough approvals release it.

        Casting the same vote again changes nothing. Raises `ApprovalNotFound`, `OwnSubmission`, `AlreadyDecided`,
        `StepUpNeeded`.
        """
        caller.require(Permission.APPROVALS_DECIDE)
        caller.require_step_up(self._clock.now())
        # Lock before reading the votes: two people may vote at the same moment.
        approval = await self._rows.find_approval(submission_id, lock=True)
        submission = await self._rows.find(submission_id)
        if approval is None or submission is None:
            raise ApprovalNotFound(f"No submission {submission_id} waits for people.", submission=submission_id)
        if submission.vendor_id == caller.organisation_id:
            raise OwnSubmission("You may not decide on a submission of your own organisation.")
        # Whoever submitted it may have changed sides since.
        if submission.created_by == caller.actor:
            raise OwnSubmission("You may not decide on what you submitted yourself.")
        votes = await self._rows.votes(submission_id)
        own = next((vote for vote in votes if vote.person == caller.actor), None)
        if own is None:
            if approval.state != "pending":
                raise AlreadyDecided(f"The submission was {approval.state} already.", state=approval.state)
            votes.append(await self._vote(caller, approval, votes, decision, reason))
        elif own.decision != decision:
            raise AlreadyDecided(f"You already voted {own.decision}.", decision=own.decision)
        evidence = (await self._rows.evidence([submission_id]))[submission_id]
        return Waiting(approval, submission, evidence, votes)

    async def _vote(
        self, caller: Caller, approval: Approval, before: list[Vote], decision: Decision, reason: str
    ) -> Vote:
        now = self._clock.now()
        vote = Vote(submission_id=approval.submission_id, person=caller.actor, decision=decision, reason=reason, at=now)
        self._rows.add(vote)
        if decision == "reject" or len(before) + 1 >= approval.required_people:
            approval.state = "rejected" if decision == "reject" else "approved"
            approval.reason = reason
            approval.decided_at = now
            news = ApprovalDecided(by=caller.actor, submission_id=approval.submission_id)
            await self._outbox.add(self._session, news)
        return vote
