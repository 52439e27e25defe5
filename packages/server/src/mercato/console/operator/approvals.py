"""Approvals: the queue, and one submission on one page with everything that a decision needs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request, Response

from mercato.console.forms import Form, as_request
from mercato.console.operator.ages import age
from mercato.console.routes import page_router
from mercato.console.visit import SignedIn, Visit
from mercato.edge.names import Called, Names
from mercato.edge.paging import After, Page
from mercato.edge.wiring import Parts, Transaction
from mercato.identity import Actors, Permission
from mercato.platform import Refusal, Session
from mercato.publishing import (
    Approval,
    Approvals,
    Catalogue,
    Dossier,
    Evidence,
    Offers,
    PriceChange,
    Queued,
    Submissions,
)
from mercato.subscriptions import SubscriptionTerms
from mercato_contracts.publishing import DecisionRequest

router = page_router()
_ROWS = 50


@dataclass(frozen=True, slots=True)
class ApprovalsPage:
    """Those that wait, or those that people decided; the order is that of the API."""

    items: Sequence[Queued]
    vendors: dict[str, str]
    decided: bool
    waiting: int
    next: str | None
    is_first: bool
    now: Any
    age: Callable[[int | None], str] = age

    def waited(self, one: Queued) -> int:
        """For how many seconds."""
        return max(0, int((self.now - one.approval.created_at).total_seconds()))


@router.get("/ops/approvals")
async def show_approvals(
    visit: SignedIn, session: Transaction, parts: Parts, called: Called, decided: bool = False, after: After = None
) -> Response:
    """The oldest that waits first, or the newest decision first."""
    desk = Approvals(session, parts.clock, parts.outbox)
    if decided:
        rows = await desk.decided(visit.caller, before=after, limit=_ROWS)
    else:
        rows = await desk.queue(visit.caller, after=after, limit=_ROWS)
    page = ApprovalsPage(
        items=rows,
        vendors=await called.organisations({row.submission.vendor_id for row in rows}),
        decided=decided,
        waiting=await desk.count(visit.caller),
        next=Page.of(rows, _ROWS, lambda row: row.submission.id).next,
        is_first=after is None,
        now=visit.now,
    )
    return visit.show("operator/approvals.html", page)


@dataclass(frozen=True, slots=True)
class ApprovalPage:
    """One submission: what changed, what was found, what it costs, who would be hit, and who decided what."""

    dossier: Dossier
    service: str
    consumers: int
    prices: Sequence[PriceChange]
    people: dict[str, str]
    facts: dict[str, dict[str, Any]]
    is_own: bool
    has_voted: bool
    may_decide: bool
    following: str | None
    preceding: str | None
    waited: int
    reason: str = ""
    age: Callable[[int | None], str] = age
    empty: dict[str, Any] = field(default_factory=dict)

    @property
    def approval(self) -> Approval | None:
        return self.dossier.approval

    def of(self, phase: str) -> dict[str, Any]:
        """The facts of a phase; empty where it did not run."""
        return self.facts.get(phase, self.empty)

    @property
    def findings(self) -> list[tuple[Evidence, dict[str, Any]]]:
        """Every finding, with its phase."""
        return [(evidence, finding) for evidence in self.dossier.evidence for finding in evidence.findings]


@router.get("/ops/approvals/{submission_id}")
async def show_approval(
    submission_id: str, visit: SignedIn, session: Transaction, parts: Parts, called: Called
) -> Response:
    """Everything on one page."""
    visit.caller.require(Permission.MARKETPLACE_READ)
    return visit.show("operator/approval.html", await _page(visit, session, called, submission_id))


@router.post("/ops/approvals/{submission_id}")
async def decide(
    submission_id: str, request: Request, visit: SignedIn, session: Transaction, parts: Parts, called: Called
) -> Response:
    """One person's vote. It needs a proof of who that is from the last ten minutes."""
    visit.caller.require(Permission.APPROVALS_DECIDE)
    visit.caller.require_recent_proof(visit.now)
    form = await Form.of(request)
    try:
        wanted = as_request(DecisionRequest, decision=form.find("decision"), reason=form.find("reason"))
        desk = Approvals(session, parts.clock, parts.outbox)
        await desk.decide(visit.caller, submission_id, wanted.decision, wanted.reason)
    except Refusal as refusal:
        page = await _page(visit, session, called, submission_id, form.get("reason")[:500])
        return visit.show("operator/approval.html", page, refusal=refusal)
    return visit.go(f"/ops/approvals/{submission_id}")


async def _page(visit: Visit, session: Session, called: Names, submission_id: str, reason: str = "") -> ApprovalPage:
    parts, caller = visit.wiring, visit.caller
    dossier = await Submissions(session, parts.clock, parts.ids, parts.outbox).get(caller, submission_id)
    submission = dossier.submission
    queue = [row.submission.id for row in await Approvals(session, parts.clock, parts.outbox).queue(
        caller, after=None, limit=200
    )]  # fmt: skip
    at = queue.index(submission_id) if submission_id in queue else -1
    offers = Offers(session)
    service_id = await offers.find_service(submission)
    names = await Actors(session).find({submission.created_by, *(vote.person for vote in dossier.votes)})
    vendor = (await called.organisations({submission.vendor_id})).get(submission.vendor_id, "")
    waits_since = dossier.approval.created_at if dossier.approval else submission.created_at
    return ApprovalPage(
        dossier=dossier,
        service=f"{vendor}/{submission.service_name}",
        consumers=await SubscriptionTerms(session, Catalogue(session)).count_of_service(service_id)
        if service_id
        else 0,
        prices=await offers.price_changes(submission_id, service_id),
        people={actor_id: actor.name for actor_id, actor in names.items()},
        facts={str(each.name): each.facts for each in dossier.evidence},
        is_own=submission.vendor_id == caller.organisation_id or submission.created_by == caller.actor,
        has_voted=any(vote.person == caller.actor for vote in dossier.votes),
        may_decide=caller.may(Permission.APPROVALS_DECIDE),
        following=queue[at + 1] if 0 <= at < len(queue) - 1 else None,
        preceding=queue[at - 1] if at > 0 else None,
        waited=max(0, int((visit.now - waits_since).total_seconds())),
        reason=reason,
    )
