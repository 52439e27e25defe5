"""The public status pages, readable without styles, scripts or colours."""

from fastapi import APIRouter, Response

from mercato.console.page import render
from mercato.edge.paging import After
from mercato.edge.public_status import CACHED, Board
from mercato.edge.route import TransactionalRoute

router = APIRouter(prefix="/status", route_class=TransactionalRoute, include_in_schema=False)

_STATES = {
    "operational": "Operational",
    "degraded": "Degraded",
    "outage": "Outage",
    "quiet": "No calls in the last hour",
}


@router.get("")
async def show_list(board: Board, after: After = None) -> Response:
    """Every service of the page and its state."""
    status = await board.list_services(after, 100)
    return render(
        "status_list.html", forms=False, cache_control=CACHED, status=status, items=status.items, states=_STATES
    )


@router.get("/{vendor}/{service}")
async def show_service(vendor: str, service: str, board: Board) -> Response:
    """A service's state, incidents and days."""
    status = await board.get_service(vendor, service)
    return render("status_service.html", forms=False, cache_control=CACHED, status=status, states=_STATES, share=_share)


def _share(basis_points: int | None) -> str:
    return "no calls" if basis_points is None else f"{basis_points // 100}.{basis_points % 100:02d} %"
