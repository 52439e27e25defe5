"""Public status, for everybody and without a key: as JSON, and as pages that need no script."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse

from mercato.api.status_page import list_page, service_page
from mercato.consumption import Entry, ServiceStatus, Status, StatusBoard
from mercato.edge.paging import After, PageSize
from mercato.edge.route import TransactionalRoute
from mercato.edge.wiring import Parts, Transaction, Wiring
from mercato_contracts.service_levels import IncidentView, ServiceStatusView, StatusDay, StatusEntry, StatusList

_CACHED = "public, max-age=30"
_PAGE_HEADERS = {
    "cache-control": _CACHED,
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
}

router = APIRouter(prefix="/api/status", tags=["status"], route_class=TransactionalRoute)
pages = APIRouter(prefix="/status", route_class=TransactionalRoute, include_in_schema=False)


class PublicStatus:
    """Status through the process's board."""

    def __init__(self, status: Status, board: StatusBoard, wiring: Wiring) -> None:
        self._status = status
        self._board = board
        self._wiring = wiring

    async def list_services(self, after: str | None, limit: int) -> StatusList:
        async def make() -> StatusList:
            rows = await self._status.list_page(after, limit)
            following = rows[-1].service.id if len(rows) == limit else None
            return StatusList(at=self._wiring.clock.now(), items=[view_entry(row) for row in rows], next=following)

        return await self._board.answer((after, limit), make)

    async def get_service(self, vendor: str, name: str) -> ServiceStatusView:
        async def make() -> ServiceStatusView:
            return view_status(await self._status.get(vendor, name))

        return await self._board.answer((vendor, name, "service"), make)


def _public(request: Request, session: Transaction, parts: Parts) -> PublicStatus:
    board: StatusBoard = request.app.state.status_board
    return PublicStatus(Status(session, parts.clock), board, parts)


Board = Annotated[PublicStatus, Depends(_public)]


@router.get("", summary="Status of every listed service")
async def list_status(response: Response, board: Board, after: After = None, limit: PageSize = 50) -> StatusList:
    """Operational, degraded, an outage, or quiet where nobody called. The answer may be kept for 30 seconds."""
    response.headers["cache-control"] = _CACHED
    return await board.list_services(after, limit)


@router.get("/{vendor}/{service}", summary="Status of one service: its last 90 days and incidents")
async def get_status(vendor: str, service: str, response: Response, board: Board) -> ServiceStatusView:
    """Availability is the share of calls that did not fail, in basis points; a day without calls has none."""
    response.headers["cache-control"] = _CACHED
    return await board.get_service(vendor, service)


@pages.get("")
async def show_list(board: Board, after: After = None) -> HTMLResponse:
    return HTMLResponse(list_page(await board.list_services(after, 100)), headers=_PAGE_HEADERS)


@pages.get("/{vendor}/{service}")
async def show_service(vendor: str, service: str, board: Board) -> HTMLResponse:
    return HTMLResponse(service_page(await board.get_service(vendor, service)), headers=_PAGE_HEADERS)


def view_entry(entry: Entry) -> StatusEntry:
    service = entry.service
    return StatusEntry(vendor=entry.vendor.slug, name=service.name, title=service.title, state=entry.state)


def view_status(found: ServiceStatus) -> ServiceStatusView:
    return ServiceStatusView(
        **view_entry(found.entry).model_dump(),
        at=found.at,
        availability_bp=found.availability_bp,
        days=[StatusDay(day=day, availability_bp=share) for day, share in found.days],
        incidents=[
            IncidentView.model_validate({name: getattr(alert, name) for name in IncidentView.model_fields})
            for alert in found.incidents
        ],
    )
