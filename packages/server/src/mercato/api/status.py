"""Public status, for everybody and without a key. Its pages are in `console/status.py`."""

from fastapi import APIRouter, Response

from mercato.edge.paging import After, PageSize
from mercato.edge.public_status import CACHED_SECONDS, Board
from mercato.edge.route import TransactionalRoute
from mercato.edge.viewer import Viewer, kept_by
from mercato_contracts.service_levels import ServiceStatusView, StatusList

router = APIRouter(prefix="/api/status", tags=["status"], route_class=TransactionalRoute)


@router.get("", summary="Status of every listed service")
async def list_status(
    response: Response, board: Board, viewer: Viewer, after: After = None, limit: PageSize = 50
) -> StatusList:
    """Operational, degraded, an outage, or quiet where nobody called. The answer may be kept for 30 seconds."""
    response.headers["cache-control"] = kept_by(viewer, CACHED_SECONDS)
    return await board.list_services(after, limit)


@router.get("/{vendor}/{service}", summary="Status of one service: its last 90 days and incidents")
async def get_status(vendor: str, service: str, response: Response, board: Board, viewer: Viewer) -> ServiceStatusView:
    """Availability is the share of calls that did not fail, in basis points; a day without calls has none."""
    response.headers["cache-control"] = kept_by(viewer, CACHED_SECONDS)
    return await board.get_service(vendor, service)
