"""The public status pages, readable without styles, scripts or colours."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fastapi import Response

from mercato.console.routes import page_router
from mercato.console.visit import Anybody
from mercato.edge.paging import After
from mercato.edge.public_status import CACHED_SECONDS, Board
from mercato_contracts.service_levels import ServiceStatusView, StatusList

router = page_router()

_STATES = {
    "operational": "Operational",
    "degraded": "Degraded",
    "outage": "Outage",
    "quiet": "No calls in the last hour",
}


def _share(basis_points: int | None) -> str:
    return "no calls" if basis_points is None else f"{basis_points // 100}.{basis_points % 100:02d} %"


@dataclass(frozen=True, slots=True)
class StatusListPage:
    """Every service of the page and its state."""

    status: StatusList
    states: Mapping[str, str] = field(default_factory=lambda: _STATES)


@dataclass(frozen=True, slots=True)
class StatusPage:
    """One service."""

    status: ServiceStatusView
    share: Callable[[int | None], str] = _share
    states: Mapping[str, str] = field(default_factory=lambda: _STATES)


@router.get("/status")
async def show_list(visit: Anybody, board: Board, after: After = None) -> Response:
    """Every service of the page and its state."""
    found = await board.list_services(after, 100)
    return visit.show("status_list.html", StatusListPage(found), public_seconds=CACHED_SECONDS)


@router.get("/status/{vendor}/{service}")
async def show_service(vendor: str, service: str, visit: Anybody, board: Board) -> Response:
    """A service's state, incidents and days."""
    found = await board.get_service(vendor, service)
    return visit.show("status_service.html", StatusPage(found), public_seconds=CACHED_SECONDS)
