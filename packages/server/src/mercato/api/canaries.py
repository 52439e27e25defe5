"""Canaries: a new release on a share of the calls."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from mercato.consumption import CanaryWatch
from mercato.edge.caller import SignedIn
from mercato.edge.paging import After, Page, PageSize
from mercato.edge.route import TransactionalRoute
from mercato.edge.wiring import Parts, Transaction
from mercato.publishing import Canary
from mercato_contracts.manifest import CanaryTerms
from mercato_contracts.publishing import CanaryEndRequest, CanaryPage, CanaryRequest, CanaryView

router = APIRouter(prefix="/api/services/{vendor}/{name}/canaries", tags=["publishing"], route_class=TransactionalRoute)


def _watch(session: Transaction, parts: Parts) -> CanaryWatch:
    return CanaryWatch(session, parts.clock, parts.ids, parts.outbox)


Desk = Annotated[CanaryWatch, Depends(_watch)]


@router.post("", status_code=201, summary="Try the newest release on a share of the calls")
async def start_canary(vendor: str, name: str, body: CanaryRequest, caller: SignedIn, desk: Desk) -> CanaryView:
    """The release takes its share of the calls whose version range it fits; the rule of the request then promotes or
    aborts it. Only one canary of a service runs at a time: a second start is refused.
    """
    return _view(*await desk.start(caller, vendor, name, body.version, body))


@router.get("", summary="The canaries of a service of yours, the newest first, with the figures of each verdict")
async def list_canaries(
    vendor: str, name: str, caller: SignedIn, desk: Desk, after: After = None, limit: PageSize = 50
) -> CanaryPage:
    """Each shows the figures on which it was judged, for the canary and for the stable release beside it."""
    rows = await desk.list_own(caller, vendor, name, after=after, limit=limit)
    return CanaryPage(items=[_view(*row) for row in rows], next=Page.of(rows, limit, lambda row: row[0].id).next)


@router.post("/promote", summary="Promote a canary before its rule decides")
async def promote_canary(vendor: str, name: str, body: CanaryEndRequest, caller: SignedIn, desk: Desk) -> CanaryView:
    """The canary becomes the latest release at once. Once no canary runs, a repeat is refused as not found."""
    return _view(*await desk.decide(caller, vendor, name, promote=True, reason=body.reason))


@router.post("/abort", summary="Abort a canary before its rule decides")
async def abort_canary(vendor: str, name: str, body: CanaryEndRequest, caller: SignedIn, desk: Desk) -> CanaryView:
    """Its calls go back to the stable release at once. Once no canary runs, a repeat is refused as not found."""
    return _view(*await desk.decide(caller, vendor, name, promote=False, reason=body.reason))


def _view(canary: Canary, figures: dict[str, Any]) -> CanaryView:
    terms = {field: getattr(canary, field) for field in CanaryTerms.model_fields}
    return CanaryView.model_validate(
        {
            **terms,
            "id": canary.id,
            "version": canary.version,
            "state": canary.state,
            "reason": canary.reason,
            "canary": figures.get("canary"),
            "stable": figures.get("stable"),
            "started_by": canary.started_by,
            "started_at": canary.started_at,
            "ended_by": canary.ended_by,
            "ended_at": canary.ended_at,
        }
    )
