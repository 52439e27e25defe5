"""Approvals as the API shows them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mercato.api.publishing_views import view_approval, view_evidence, view_summary
from mercato.publishing import ApprovalComment, Waiting
from mercato_contracts.publishing import ApprovalCommentView, ApprovalDetail, ClaimView, WaitingView


@dataclass(frozen=True, slots=True)
class Naming:
    """What an approval's view needs beside its rows: names by id, the time, and how long a decision should take."""

    vendors: Mapping[str, str]
    people: Mapping[str, str]
    now: datetime
    target: timedelta


def view_waiting(waiting: Waiting, naming: Naming) -> WaitingView:
    return WaitingView.model_validate(_waiting(waiting, naming))


def view_reviewed(waiting: Waiting, comments: Sequence[ApprovalComment], naming: Naming) -> ApprovalDetail:
    shown = [
        ApprovalCommentView(
            id=each.id, person=each.person, name=naming.people.get(each.person, ""), text=each.words, at=each.at
        )
        for each in comments
    ]
    people = dict(naming.people)
    return ApprovalDetail.model_validate({**_waiting(waiting, naming), "comments": shown, "people": people})


def _waiting(waiting: Waiting, naming: Naming) -> dict[str, object]:
    approval, vendor_id = waiting.approval, waiting.submission.vendor_id
    until = approval.decided_at or naming.now
    claim = None
    if approval.claimed_by is not None and approval.claimed_at is not None:
        name = naming.people.get(approval.claimed_by, "")
        claim = ClaimView(person=approval.claimed_by, name=name, at=approval.claimed_at)
    return {
        "submission": view_summary(waiting.submission, naming.vendors.get(vendor_id, "")),
        "vendor_id": vendor_id,
        "approval": view_approval(approval, waiting.votes),
        "phases": [view_evidence(evidence) for evidence in waiting.evidence],
        "waiting_seconds": max(0, int((until - approval.created_at).total_seconds())),
        "due_at": approval.created_at + naming.target,
        "claim": claim,
    }
