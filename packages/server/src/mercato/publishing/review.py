"""People decide what the rules leave to them."""

from dataclasses import dataclass
from typing import Literal

from mercato.identity import Actors, Caller, Directory, Permission
from mercato.platform import Clock, Outbox, Session
from mercato.publishing.approval_rows import ApprovalRows, ApprovalsWanted
from mercato.publishing.models import Approval, Evidence, Submission, Vote
from mercato.publishing.news import ApprovalDecided
from mercato.publishing.oversight_rows import OversightRows
from mercato.publishing.refusals import (
    AlreadyDecided,
    ApprovalHeld,
    ApprovalNotFound,
    OtherContent,
    OwnSubmission,
    VendorSuspended,
)
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

    async def waiting(
        self, caller: Caller, *, wanted: ApprovalsWanted = ApprovalsWanted(), after: str | None, limit: int
    ) -> list[Waiting]:
        """The submissions that wait, the oldest first; or what else is wanted, the newest first."""
        found = await self.search(caller, wanted, after=after, limit=limit)
        ids = [row.submission.id for row in found]
        evidence, votes = await self._rows.evidence(ids), await self._many.votes_of(ids)
        return [
            Waiting(row.approval, row.submission, evidence[row.submission.id], votes[row.submission.id])
            for row in found
        ]

    async def count(self, caller: Caller) -> int:
        """How many wait."""
        caller.require(Permission.MARKETPLACE_READ)
        return await self._queue.count_pending()

    async def head(self, caller: Caller, limit: int) -> tuple[int, list[Queued]]:
        """How many wait, and the oldest of them."""
        caller.require(Permission.MARKETPLACE_READ)
        count, rows = await self._queue.head(limit)
        return count, [Queued(*row) for row in rows]

    async def neighbours(self, caller: Caller, submission_id: str) -> tuple[str | None, str | None]:
        """The submissions that wait just before and just after this one."""
        caller.require(Permission.MARKETPLACE_READ)
        return await self._queue.neighbours(submission_id)

    async def search(self, caller: Caller, wanted: ApprovalsWanted, *, after: str | None, limit: int) -> list[Queued]:
        """What people decide: what waits with the oldest first, all else with the newest submission first."""
        caller.require(Permission.MARKETPLACE_READ)
        vendors = await Directory(self._session).named(wanted.words)
        return [Queued(*row) for row in await self._queue.search(wanted, vendors, after, limit)]

    async def decide(
        self, caller: Caller, submission_id: str, decision: Decision, reason: str, *, digest: str | None = None
    ) -> Waiting:
        """Cast one person's vote. The first rejection refuses the submission; enough approvals release it.

        `digest` is of what the person looked at. Casting the same vote again changes nothing. The person's claim ends.
        Raises `ApprovalNotFound`, `OwnSubmission`, `AlreadyDecided`, `ApprovalHeld`, `OtherContent`, `StepUpNeeded`;
        and `VendorSuspended` for an approval.
        """
        caller.require(Permission.APPROVALS_DECIDE)
        caller.require_step_up(self._clock.now())
        # Lock before reading the votes: two people may vote at the same moment.
        approval, submission = await find_to_decide(self._rows, caller, submission_id)
        votes = await self._rows.votes(submission_id)
        own = next((vote for vote in votes if vote.person == caller.actor), None)
        if own is None:
            if approval.state != "pending":
                raise AlreadyDecided(f"The submission was {approval.state} already.", state=approval.state)
            await refuse_held(self._session, approval, caller)
            _check_digest(approval, digest)
            if decision == "approve" and await Directory(self._session).is_suspended(submission.vendor_id):
                raise VendorSuspended("The vendor is suspended: nothing of it is released until it is reinstated.")
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
        approval.claimed_by = approval.claimed_at = None
        if decision == "reject" or len(before) + 1 >= approval.required_people:
            approval.state = "rejected" if decision == "reject" else "approved"
            approval.reason = reason
            approval.decided_at = now
            news = ApprovalDecided(by=caller.actor, submission_id=approval.submission_id)
            await self._outbox.add(self._session, news)
        return vote


async def find_to_decide(rows: SubmissionRepository, caller: Caller, submission_id: str) -> tuple[Approval, Submission]:
    """Its approval, locked, if the caller may decide on it. Raises `ApprovalNotFound`, `OwnSubmission`."""
    approval = await rows.find_approval(submission_id, lock=True)
    submission = await rows.find(submission_id)
    if approval is None or submission is None:
        raise ApprovalNotFound(f"No submission {submission_id} waits for people.", submission=submission_id)
    if submission.vendor_id == caller.organisation_id:
        raise OwnSubmission("You may not decide on a submission of your own organisation.")
    # Whoever submitted it may have changed sides since.
    if submission.created_by == caller.actor:
        raise OwnSubmission("You may not decide on what you submitted yourself.")
    return approval, submission


async def refuse_held(session: Session, approval: Approval, caller: Caller) -> None:
    """Raises `ApprovalHeld`, with the name of who holds it, where that is somebody else."""
    holder, since = approval.claimed_by, approval.claimed_at
    if holder is None or since is None or holder == caller.actor:
        return
    known = (await Actors(session).find({holder})).get(holder)
    name = known.name if known else holder
    raise ApprovalHeld(f"{name} has claimed it at {since:%Y-%m-%d %H:%M} UTC.", claimed_by=holder, name=name)


def _check_digest(approval: Approval, digest: str | None) -> None:
    if digest is not None and digest != approval.digest:
        raise OtherContent("The submission has another content than the one you looked at.", digest=approval.digest)
