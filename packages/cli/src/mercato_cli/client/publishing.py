"""Submissions, and the decisions that they wait for."""

from mercato_cli.client.paths import segment
from mercato_cli.transport import Transport
from mercato_contracts.publishing import (
    Decision,
    SubmissionSummary,
    SubmissionView,
    SubmitRequest,
    WaitingPage,
    WaitingView,
)


class PublishingCalls(Transport):
    """Submissions, and the decisions that they wait for."""

    def submit(self, request: SubmitRequest) -> SubmissionSummary:
        """Hand a version in; the same content again is the same submission."""
        return self.ask(SubmissionSummary, "POST", "/api/submissions", request.model_dump(mode="json"))

    def submission(self, submission_id: str) -> SubmissionView:
        """A submission and what each phase found."""
        return self.ask(SubmissionView, "GET", f"/api/submissions/{segment(submission_id)}")

    def list_approvals(self) -> list[WaitingView]:
        """All that waits for people, the oldest first."""
        return list(self.pages(WaitingPage, "/api/approvals"))

    def decide(self, submission_id: str, decision: Decision, reason: str) -> WaitingView:
        """One person's yes or no."""
        body = {"decision": decision, "reason": reason}
        return self.ask(WaitingView, "POST", f"/api/approvals/{segment(submission_id)}", body)
