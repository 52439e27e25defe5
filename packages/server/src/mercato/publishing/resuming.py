"""Approved releases that waited while their vendor was suspended."""

from mercato.platform import Outbox, Session
from mercato.publishing.approval_rows import ApprovalRows
from mercato.publishing.news import SubmissionResumed


async def resume_releases(session: Session, outbox: Outbox, vendor_id: str, *, by: str) -> None:
    """Let the pipeline continue with them, now that the vendor is reinstated."""
    for submission_id in await ApprovalRows(session).approved_waiting(vendor_id):
        await outbox.add(session, SubmissionResumed(by=by, submission_id=submission_id))
