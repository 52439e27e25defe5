"""What waits for the operator's people: the queue, claims, comments, decisions."""

from mercato_cli.client.paths import segment
from mercato_cli.transport import Transport
from mercato_contracts.publishing import ApprovalDetail, Decision, WaitingPage, WaitingView


class ApprovalCalls(Transport):
    """Submissions that people decide."""

    def list_approvals(self, state: str = "pending", words: str = "", *, mine: bool = False) -> list[WaitingView]:
        """All that waits for people, the oldest first; or what was decided, the newest first."""
        asked = {"state": state, "q": words, "mine": "true" if mine else ""}
        return list(self.pages(WaitingPage, "/api/approvals", {name: text for name, text in asked.items() if text}))

    def approval(self, submission_id: str) -> ApprovalDetail:
        """One of them, with its comments."""
        return self.ask(ApprovalDetail, "GET", f"/api/approvals/{segment(submission_id)}")

    def decide(self, submission_id: str, decision: Decision, reason: str, digest: str | None = None) -> WaitingView:
        """Cast the caller's vote; with `digest` only on this content."""
        body = {"decision": decision, "reason": reason, "digest": digest}
        return self.ask(WaitingView, "POST", f"/api/approvals/{segment(submission_id)}", body)

    def claim_approval(self, submission_id: str, *, take_over: bool = False) -> ApprovalDetail:
        """The caller looks at it from now on."""
        path = f"/api/approvals/{segment(submission_id)}/claim"
        return self.ask(ApprovalDetail, "POST", path, {"take_over": take_over})

    def let_approval_go(self, submission_id: str) -> ApprovalDetail:
        """The caller no longer looks at it."""
        return self.ask(ApprovalDetail, "DELETE", f"/api/approvals/{segment(submission_id)}/claim")

    def comment_on_approval(self, submission_id: str, text: str) -> ApprovalDetail:
        """Say something to the other people of the operator."""
        path = f"/api/approvals/{segment(submission_id)}/comments"
        return self.ask(ApprovalDetail, "POST", path, {"text": text})
