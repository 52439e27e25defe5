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
        """Submit a version; repeating the same content is the same submission."""
        return self.ask(SubmissionSummary, "POST", "/api/submissions", request.model_dump(mode="json"))

    def submission(self, submission_id: str) -> SubmissionView:
        """A submission and what each phase found."""
        return self.ask(SubmissionView, "GET", f"/api/submissions/{segment(submission_id)}")

    def list_approvals(self) -> list[WaitingView]:
        """All that waits for people, the oldest first."""
        return list(self.pages(WaitingPage, "/api/approvals"))

    def decide(self, submission_id: str, decision: Decision, reason: str) -> WaitingView:
        """Cast the caller's vote."""
        body = {"decision": decision, "reason": reason}
        return self.ask(WaitingView, "POST", f"/api/approvals/{segment(submission_id)}", body)
