"""Who looks at a submission, and what people of the operator say to each other about it."""

from dataclasses import dataclass

from mercato.identity import Caller, Permission
from mercato.platform import Clock, Ids, Outbox, Session, ask_together
from mercato.publishing.approval_rows import comments_question, dossier_questions
from mercato.publishing.models import Approval, ApprovalComment, Evidence, Submission, Vote
from mercato.publishing.news import ApprovalClaimed, ApprovalCommented
from mercato.publishing.refusals import AlreadyDecided, ApprovalNotFound, SubmissionNotFound
from mercato.publishing.repository import SubmissionRepository
from mercato.publishing.review import find_to_decide, refuse_held
from mercato_contracts import ids as id_prefix


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A submission as the operator's people see it."""

    submission: Submission
    evidence: list[Evidence]
    approval: Approval | None
    votes: list[Vote]
    comments: list[ApprovalComment]

    @property
    def people(self) -> set[str]:
        """The ids of everybody who has to do with it."""
        ids = {self.submission.created_by, *(vote.person for vote in self.votes)}
        ids |= {comment.person for comment in self.comments}
        claimed_by = self.approval.claimed_by if self.approval else None
        return ids | ({claimed_by} if claimed_by else set())


class ApprovalClaims:
    """For people who decide."""

    def __init__(self, session: Session, clock: Clock, ids: Ids, outbox: Outbox) -> None:
        self._session = session
        self._rows = SubmissionRepository(session)
        self._clock = clock
        self._ids = ids
        self._outbox = outbox

    async def read(self, caller: Caller, submission_id: str) -> Reviewed:
        """Everything about it, its manifest too. Raises `SubmissionNotFound`."""
        caller.require(Permission.MARKETPLACE_READ)
        submission = await self._rows.find(submission_id, with_manifest=True)
        if submission is None:
            raise SubmissionNotFound(f"There is no submission {submission_id}.", submission=submission_id)
        evidence, approval, votes = dossier_questions(submission_id)
        comments = comments_question(submission_id)
        answers = await ask_together(self._session, evidence, approval, votes, comments)
        found = next(iter(answers.of(approval)), None)
        return Reviewed(submission, answers.of(evidence), found, answers.of(votes), answers.of(comments))

    async def claim(self, caller: Caller, submission_id: str, *, take_over: bool = False) -> Approval:
        """From now on the caller looks at it, and nobody else decides. Claiming again changes nothing.

        Raises `ApprovalNotFound`, `OwnSubmission`, `AlreadyDecided`, and `ApprovalHeld` unless it is taken over.
        """
        approval = await self._pending(caller, submission_id)
        before = approval.claimed_by
        if before == caller.actor:
            return approval
        if not take_over:
            await refuse_held(self._session, approval, caller)
        approval.claimed_by, approval.claimed_at = caller.actor, self._clock.now()
        news = ApprovalClaimed(by=caller.actor, submission_id=submission_id, claimed=True, taken_from=before or "")
        await self._outbox.add(self._session, news)
        return approval

    async def let_go(self, caller: Caller, submission_id: str) -> Approval:
        """The caller no longer looks at it; where nobody does, nothing changes.

        Raises `ApprovalNotFound`, `OwnSubmission`, `AlreadyDecided`, `ApprovalHeld`.
        """
        approval = await self._pending(caller, submission_id)
        if approval.claimed_by is None:
            return approval
        await refuse_held(self._session, approval, caller)
        approval.claimed_by = approval.claimed_at = None
        await self._outbox.add(
            self._session, ApprovalClaimed(by=caller.actor, submission_id=submission_id, claimed=False)
        )
        return approval

    async def comment(self, caller: Caller, submission_id: str, words: str) -> ApprovalComment:
        """Say something about it to the other people of the operator, before or after the decision.

        Raises `ApprovalNotFound`.
        """
        caller.require(Permission.APPROVALS_DECIDE)
        if await self._rows.find_approval(submission_id) is None:
            raise ApprovalNotFound(f"No submission {submission_id} waits for people.", submission=submission_id)
        comment = ApprovalComment(
            id=self._ids.new(id_prefix.APPROVAL_COMMENT), submission_id=submission_id, person=caller.actor,
            words=words, at=self._clock.now(),
        )  # fmt: skip
        self._rows.add(comment)
        await self._outbox.add(
            self._session, ApprovalCommented(by=caller.actor, submission_id=submission_id, comment_id=comment.id)
        )
        return comment

    async def _pending(self, caller: Caller, submission_id: str) -> Approval:
        """Locked: of two who claim at once, the second finds the first."""
        caller.require(Permission.APPROVALS_DECIDE)
        approval, _ = await find_to_decide(self._rows, caller, submission_id)
        if approval.state != "pending":
            raise AlreadyDecided(f"The submission was {approval.state} already.", state=approval.state)
        return approval
