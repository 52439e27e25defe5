"""Submissions."""

from mercato_cli.client.paths import segment
from mercato_cli.transport import Transport
from mercato_contracts.publishing import (
    SubmissionSummary,
    SubmissionView,
    SubmitRequest,
)


class PublishingCalls(Transport):
    """Submissions of releases."""

    def submit(self, request: SubmitRequest) -> SubmissionSummary:
        """Submit a version; repeating the same content is the same submission."""
        return self.ask(SubmissionSummary, "POST", "/api/submissions", request.model_dump(mode="json"))

    def submission(self, submission_id: str) -> SubmissionView:
        """A submission and what each phase found."""
        return self.ask(SubmissionView, "GET", f"/api/submissions/{segment(submission_id)}")
