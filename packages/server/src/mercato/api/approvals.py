"""What waits for the operator's people: the queue, claims, comments, decisions."""

from collections.abc import Collection, Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query

from mercato.api.approval_views import Naming, view_reviewed, view_waiting
from mercato.edge.caller import SignedIn
from mercato.edge.names import Called
from mercato.edge.paging import After, Page, PageSize
from mercato.edge.route import TransactionalRoute
from mercato.edge.wiring import Parts, Transaction
from mercato.identity import Actors, Caller
from mercato.publishing import ApprovalClaims, ApprovalNotFound, Approvals, ApprovalsWanted, Reviewed, Waiting
from mercato_contracts.publishing import (
    ApprovalCommentRequest,
    ApprovalDetail,
    ClaimRequest,
    DecisionRequest,
    WaitingPage,
    WaitingView,
)

router = APIRouter(prefix="/api", tags=["publishing"], route_class=TransactionalRoute)

Wanted = Literal["pending", "decided", "approved", "rejected"]
_STATES = {"decided": ("approved", "rejected")}
_MOST_WORDS = 8


def _approvals(session: Transaction, parts: Parts) -> Approvals:
    return Approvals(session, parts.clock, parts.outbox)


def _claims(session: Transaction, parts: Parts) -> ApprovalClaims:
    return ApprovalClaims(session, parts.clock, parts.ids, parts.outbox)


class Namer:
    """Names for one answer."""

    def __init__(self, session: Transaction, parts: Parts, called: Called) -> None:
        self._actors, self._called, self._parts = Actors(session), called, parts

    async def of(self, rows: Sequence[Waiting], people: Collection[str] = ()) -> Naming:
        """For these rows and people."""
        vendors = await self._called.organisations({row.submission.vendor_id for row in rows})
        asked = {*people} | {row.approval.claimed_by for row in rows if row.approval.claimed_by}
        found = await self._actors.find(asked)
        names = {actor_id: actor.name for actor_id, actor in found.items()}
        return Naming(vendors, names, self._parts.clock.now(), self._parts.approval_target)


Desk = Annotated[Approvals, Depends(_approvals)]
Claims = Annotated[ApprovalClaims, Depends(_claims)]
Named = Annotated[Namer, Depends(Namer)]


def wanted_of(caller: Caller, state: Wanted, q: str, *, mine: bool) -> ApprovalsWanted:
    """What a list shows: `mine` are claimed by the caller, or were voted on."""
    own = caller.actor if mine else None
    return ApprovalsWanted(
        states=_STATES.get(state, (state,)),
        words=q.replace("/", " ").replace("\0", " ").split()[:_MOST_WORDS],
        claimed_by=own if state == "pending" else None,
        voted_by=None if state == "pending" else own,
    )


@router.get("/approvals", summary="List submissions that wait for a decision, or were decided by people")
async def list_approvals(
    caller: SignedIn,
    desk: Desk,
    named: Named,
    state: Annotated[Wanted, Query(description="Those that wait, or what was decided")] = "pending",
    q: Annotated[str, Query(max_length=200, description="Words of service, version, rule or reason")] = "",
    mine: Annotated[bool, Query(description="Only those that you claimed, or have decided on")] = False,
    after: After = None,
    limit: PageSize = 50,
) -> WaitingPage:
    """Each with the vendor, the findings, who looks at it and the decisions so far. What waits comes with the oldest
    first, what was decided with the newest submission first.
    """
    rows = await desk.waiting(caller, wanted=wanted_of(caller, state, q, mine=mine), after=after, limit=limit)
    naming = await named.of(rows)
    return WaitingPage(
        items=[view_waiting(row, naming) for row in rows],
        next=Page.of(rows, limit, lambda row: row.submission.id).next,
    )


@router.get("/approvals/{submission_id}", summary="One approval: evidence, decisions, who looks at it, comments")
async def get_approval(submission_id: str, caller: SignedIn, claims: Claims, named: Named) -> ApprovalDetail:
    """For operators: vendors read their submission, which has no comments."""
    return await _detail(await claims.read(caller, submission_id), named)


@router.post("/approvals/{submission_id}", summary="Approve or reject a submission, with the reason")
async def decide_submission(
    submission_id: str, body: DecisionRequest, caller: SignedIn, desk: Desk, named: Named
) -> WaitingView:
    """The first rejection ends it; enough approvals, each of another person, release it. Nobody decides on a submission
    of their own, or on one that another person has claimed. With `digest` it is refused where the submission has
    another content. The same decision again changes nothing.
    """
    decided = await desk.decide(caller, submission_id, body.decision, body.reason, digest=body.digest)
    return view_waiting(decided, await named.of([decided]))


@router.post("/approvals/{submission_id}/claim", summary="Claim a submission: nobody else decides while you look at it")
async def claim_approval(
    submission_id: str, body: ClaimRequest, caller: SignedIn, claims: Claims, named: Named
) -> ApprovalDetail:
    """Of two people who claim at once, one gets it and the other is refused with the name of who holds it, unless
    `take_over` is true. A claim ends with the decision. Claiming again changes nothing.
    """
    await claims.claim(caller, submission_id, take_over=body.take_over)
    return await _detail(await claims.read(caller, submission_id), named)


@router.delete("/approvals/{submission_id}/claim", summary="Let go of a submission that you claimed")
async def let_approval_go(submission_id: str, caller: SignedIn, claims: Claims, named: Named) -> ApprovalDetail:
    """Where nobody has claimed it, nothing changes; what another person has claimed is refused."""
    await claims.let_go(caller, submission_id)
    return await _detail(await claims.read(caller, submission_id), named)


@router.post("/approvals/{submission_id}/comments", status_code=201, summary="Say something about a submission")
async def comment_on_approval(
    submission_id: str, body: ApprovalCommentRequest, caller: SignedIn, claims: Claims, named: Named
) -> ApprovalDetail:
    """For the other people of the operator, before or after the decision; vendors do not see it. Each request adds
    another comment.
    """
    await claims.comment(caller, submission_id, body.text)
    return await _detail(await claims.read(caller, submission_id), named)


async def _detail(found: Reviewed, named: Namer) -> ApprovalDetail:
    if found.approval is None:
        raise ApprovalNotFound(f"No submission {found.submission.id} waits for people.", submission=found.submission.id)
    waiting = Waiting(found.approval, found.submission, found.evidence, found.votes)
    return view_reviewed(waiting, found.comments, await named.of([waiting], found.people))
