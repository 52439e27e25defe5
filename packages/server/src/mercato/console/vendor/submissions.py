"""Submissions: the list, and one with its ten phases as they happen."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from fastapi import Response

from mercato.console.routes import page_router
from mercato.console.visit import SignedIn
from mercato.edge.paging import After, Page
from mercato.edge.wiring import Parts, Transaction
from mercato.identity import Directory
from mercato.publishing import PHASES, Dossier, Evidence, Submission, Submissions

router = page_router()
_PAGE = 50
_ENDED = ("released", "refused")
_TITLES = {"openapi": "OpenAPI document"}


@dataclass(frozen=True, slots=True)
class SubmissionsPage:
    """The list, the newest first."""

    items: Sequence[Submission]
    first: str
    next: str


@router.get("/vendor/submissions")
async def show_submissions(visit: SignedIn, session: Transaction, parts: Parts, after: After = None) -> Response:
    """The organisation's, with their states."""
    desk = Submissions(session, parts.clock, parts.ids, parts.outbox)
    rows = await desk.list_own(visit.caller, after=after, limit=_PAGE)
    following = Page.of(rows, _PAGE).next
    here = "/vendor/submissions"
    page = SubmissionsPage(rows, here if after else "", f"{here}?after={following}" if following else "")
    return visit.show("vendor/submissions.html", page)


@dataclass(frozen=True, slots=True)
class PhaseLine:
    """One phase: its outcome, `checking` while it runs, or an empty text before it."""

    number: int
    name: str
    outcome: str
    findings: Sequence[dict[str, Any]]
    took: timedelta | None


@dataclass(frozen=True, slots=True)
class SubmissionPage:
    """One submission. `is_live`: whether something may still happen; `status` says where it is in one sentence."""

    submission: Submission
    vendor: str
    phases: Sequence[PhaseLine]
    dossier: Dossier
    is_live: bool
    status: str
    is_own: bool


@router.get("/vendor/submissions/{submission_id}")
async def show_submission(submission_id: str, visit: SignedIn, session: Transaction, parts: Parts) -> Response:
    """Each phase with its findings. It renews itself until the submission has ended."""
    dossier = await Submissions(session, parts.clock, parts.ids, parts.outbox).get(visit.caller, submission_id)
    submission = dossier.submission
    phases = _lines(dossier.evidence, submission.state)
    vendor = (await Directory(session).get(submission.vendor_id)).slug
    page = SubmissionPage(
        submission, vendor, phases, dossier, submission.state not in _ENDED, _status(submission, phases),
        submission.vendor_id == visit.caller.organisation_id,
    )  # fmt: skip
    return visit.show("vendor/submission.html", page)


def _lines(evidence: Sequence[Evidence], state: str) -> list[PhaseLine]:
    found = {one.phase: one for one in evidence}
    # A phase that waits for people is under way itself: none after it has begun.
    lines, is_next = [], state not in _ENDED and all(one.outcome != "waiting" for one in evidence)
    for number, name in enumerate(PHASES, start=1):
        one = found.get(number)
        if one is not None:
            took = None if one.outcome == "waiting" else one.ended_at - one.started_at
            lines.append(PhaseLine(number, _TITLES.get(name, name.capitalize()), one.outcome, one.findings, took))
        else:
            lines.append(
                PhaseLine(number, _TITLES.get(name, name.capitalize()), "checking" if is_next else "", (), None)
            )
            is_next = False
    return lines


def _status(submission: Submission, phases: Sequence[PhaseLine]) -> str:
    named = f"{submission.service_name[:80]} {submission.version}"
    if submission.state in _ENDED:
        return f"{named} is {submission.state}."
    current = next((line for line in phases if line.outcome in ("checking", "waiting")), None)
    if submission.state == "waiting" or (current is not None and current.outcome == "waiting"):
        return f"{named} waits for an operator's approval."
    return (
        f"{named}: phase {current.number} of {len(phases)}, {current.name.lower()}."
        if current
        else f"{named} is checked."
    )
