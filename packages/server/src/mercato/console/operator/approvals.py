"""Approvals: the queue, and one submission on one page with everything that a decision needs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from fastapi import Request, Response

from mercato.api.approvals import Claims, Desk, Wanted, wanted_of
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
    ApprovalClaims,
    Approvals,
    Catalogue,
    Evidence,
    Offers,
    PriceChange,
    Queued,
    Reviewed,
)
from mercato.subscriptions import SubscriptionTerms
from mercato_contracts.publishing import ApprovalCommentRequest, DecisionRequest

router = page_router()
_ROWS = 50
_LONGEST_WORDS = 200


@dataclass(frozen=True, slots=True)
class ApprovalsPage:
    """Those that wait, or those that people decided; the order is that of the API."""

    items: Sequence[Queued]
    vendors: dict[str, str]
    people: dict[str, str]
    state: Wanted
    words: str
    mine: bool
    waiting: int
    next: str | None
    is_first: bool
    now: datetime
    target: timedelta
    age: Callable[[int | None], str] = age

    @property
    def decided(self) -> bool:
        """Whether these were decided."""
        return self.state != "pending"

    def waited(self, one: Queued) -> int:
        """For how many seconds, until it was decided."""
        until = one.approval.decided_at or self.now
        return max(0, int((until - one.approval.created_at).total_seconds()))

    def is_late(self, one: Queued) -> bool:
        """Whether it waits, or waited, for longer than it should."""
        return self.waited(one) > self.target.total_seconds()

    def address(self, **changes: str) -> str:
        """The same list with other values, from its beginning."""
        asked = {"state": self.state, "q": self.words, "mine": "true" if self.mine else ""} | changes
        asked = {name: value for name, value in asked.items() if value and (name, value) != ("state", "pending")}
        return f"/ops/approvals?{urlencode(asked)}" if asked else "/ops/approvals"


@router.get("/ops/approvals")
async def show_approvals(
    visit: SignedIn,
    session: Transaction,
    parts: Parts,
    called: Called,
    desk: Desk,
    state: Wanted = "pending",
    q: str = "",
    mine: bool = False,
    after: After = None,
) -> Response:
    """The oldest that waits first, or the newest that was decided first."""
    words = q[:_LONGEST_WORDS].replace("\0", "").strip()
    rows = await desk.search(visit.caller, wanted_of(visit.caller, state, words, mine=mine), after=after, limit=_ROWS)
    people = await Actors(session).find({row.approval.claimed_by for row in rows if row.approval.claimed_by})
    page = ApprovalsPage(
        items=rows,
        vendors=await called.organisations({row.submission.vendor_id for row in rows}),
        people={actor_id: actor.name for actor_id, actor in people.items()},
        state=state,
        words=words,
        mine=mine,
        waiting=await desk.count(visit.caller),
        next=Page.of(rows, _ROWS, lambda row: row.submission.id).next,
        is_first=after is None,
        now=visit.now,
        target=parts.approval_target,
    )
    return visit.show("operator/approvals.html", page)


@dataclass(frozen=True, slots=True)
class Typed:
    """What somebody typed into a form that was not done."""

    reason: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class ApprovalPage:
    """One submission: what changed, what was found, what it costs, who would be hit, and who decided what."""

    found: Reviewed
    service: str
    consumers: int
    prices: Sequence[PriceChange]
    people: dict[str, str]
    facts: dict[str, dict[str, Any]]
    is_own: bool
    has_voted: bool
    may_decide: bool
    own_claim: bool
    following: str | None
    preceding: str | None
    waited: int
    target: timedelta
    typed: Typed
    age: Callable[[int | None], str] = age
    empty: dict[str, Any] = field(default_factory=dict)

    @property
    def approval(self) -> Approval | None:
        return self.found.approval

    @property
    def is_late(self) -> bool:
        """Whether it waits for longer than it should."""
        return self.waited > self.target.total_seconds()

    @property
    def is_open(self) -> bool:
        """Whether the reader may still decide."""
        pending = self.approval is not None and self.approval.state == "pending"
        return pending and self.may_decide and not self.is_own and not self.has_voted

    def of(self, phase: str) -> dict[str, Any]:
        """The facts of a phase; empty where it did not run."""
        return self.facts.get(phase, self.empty)

    @property
    def findings(self) -> list[tuple[Evidence, dict[str, Any]]]:
        """Every finding, with its phase."""
        return [(evidence, finding) for evidence in self.found.evidence for finding in evidence.findings]


@router.get("/ops/approvals/{submission_id}")
async def show_approval(submission_id: str, visit: SignedIn, session: Transaction, called: Called) -> Response:
    """Everything on one page."""
    visit.caller.require(Permission.MARKETPLACE_READ)
    return visit.show("operator/approval.html", await _page(visit, session, called, submission_id))


@router.post("/ops/approvals/{submission_id}")
async def decide_submission(
    submission_id: str, request: Request, visit: SignedIn, session: Transaction, called: Called, desk: Desk
) -> Response:
    """One person's vote. It needs a proof of who that is from the last ten minutes."""
    visit.caller.require(Permission.APPROVALS_DECIDE)
    visit.caller.require_recent_proof(visit.now)
    form = await Form.of(request)
    try:
        wanted = as_request(
            DecisionRequest, decision=form.find("decision"), reason=form.find("reason"), digest=form.find("digest")
        )
        await desk.decide(visit.caller, submission_id, wanted.decision, wanted.reason, digest=wanted.digest)
    except Refusal as refusal:
        page = await _page(visit, session, called, submission_id, Typed(reason=form.get("reason")[:2000]))
        return visit.show("operator/approval.html", page, refusal=refusal)
    return visit.go(f"/ops/approvals/{submission_id}")


@router.post("/ops/approvals/{submission_id}/claim")
async def claim_approval(
    submission_id: str, request: Request, visit: SignedIn, session: Transaction, called: Called, claims: Claims
) -> Response:
    """From now on the reader looks at it."""
    visit.caller.require(Permission.APPROVALS_DECIDE)
    form = await Form.of(request)
    try:
        await claims.claim(visit.caller, submission_id, take_over=form.has("take_over"))
    except Refusal as refusal:
        return visit.show("operator/approval.html", await _page(visit, session, called, submission_id), refusal=refusal)
    return visit.go(f"/ops/approvals/{submission_id}")


@router.post("/ops/approvals/{submission_id}/let-go")
async def let_approval_go(
    submission_id: str, visit: SignedIn, session: Transaction, called: Called, claims: Claims
) -> Response:
    """The reader no longer looks at it."""
    visit.caller.require(Permission.APPROVALS_DECIDE)
    try:
        await claims.let_go(visit.caller, submission_id)
    except Refusal as refusal:
        return visit.show("operator/approval.html", await _page(visit, session, called, submission_id), refusal=refusal)
    return visit.go(f"/ops/approvals/{submission_id}")


@router.post("/ops/approvals/{submission_id}/comments")
async def comment_on_approval(
    submission_id: str, request: Request, visit: SignedIn, session: Transaction, called: Called, claims: Claims
) -> Response:
    """For the other people of the operator."""
    visit.caller.require(Permission.APPROVALS_DECIDE)
    form = await Form.of(request)
    try:
        wanted = as_request(ApprovalCommentRequest, text=form.find("text"))
        await claims.comment(visit.caller, submission_id, wanted.text)
    except Refusal as refusal:
        page = await _page(visit, session, called, submission_id, Typed(comment=form.get("text")[:2000]))
        return visit.show("operator/approval.html", page, refusal=refusal)
    return visit.go(f"/ops/approvals/{submission_id}#comments")


async def _page(
    visit: Visit, session: Session, called: Names, submission_id: str, typed: Typed | None = None
) -> ApprovalPage:
    parts, caller = visit.wiring, visit.caller
    found = await ApprovalClaims(session, parts.clock, parts.ids, parts.outbox).read(caller, submission_id)
    submission, approval = found.submission, found.approval
    preceding, following = await Approvals(session, parts.clock, parts.outbox).neighbours(caller, submission_id)
    offer = await Offers(session).compare(submission)
    names = await Actors(session).find(found.people)
    vendor = (await called.organisations({submission.vendor_id})).get(submission.vendor_id, "")
    consumers = 0
    if offer.service_id is not None:
        consumers = await SubscriptionTerms(session, Catalogue(session)).count_of_service(offer.service_id)
    waits_since = approval.created_at if approval else submission.created_at
    return ApprovalPage(
        found=found,
        service=f"{vendor}/{submission.service_name}",
        consumers=consumers,
        prices=offer.prices,
        people={actor_id: actor.name for actor_id, actor in names.items()},
        facts={str(each.name): each.facts for each in found.evidence},
        is_own=submission.vendor_id == caller.organisation_id or submission.created_by == caller.actor,
        has_voted=any(vote.person == caller.actor for vote in found.votes),
        may_decide=caller.may(Permission.APPROVALS_DECIDE),
        own_claim=approval is not None and approval.claimed_by == caller.actor,
        following=following,
        preceding=preceding,
        waited=max(0, int((visit.now - waits_since).total_seconds())),
        target=parts.approval_target,
        typed=typed or Typed(),
    )
