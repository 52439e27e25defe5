"""Public status as its JSON and its pages show it, through one board: a crowd at either costs one question."""

from typing import Annotated

from fastapi import Depends, Request

from mercato.consumption import Entry, ServiceStatus, Status, StatusBoard
from mercato.edge.paging import Page
from mercato.edge.viewer import Viewer
from mercato.edge.wiring import Parts, Transaction, Wiring, running_of
from mercato_contracts.service_levels import IncidentView, ServiceStatusView, StatusDay, StatusEntry, StatusList

CACHED_SECONDS = 30
"""How long an answer or a page may be kept."""


class PublicStatus:
    """Status through the process's board."""

    def __init__(self, status: Status, board: StatusBoard, wiring: Wiring, viewer: str | None) -> None:
        self._viewer = viewer
        self._status = status
        self._board = board
        self._wiring = wiring

    async def list_services(self, after: str | None, limit: int) -> StatusList:
        async def make() -> StatusList:
            rows = await self._status.list_page(after, limit)
            following = Page.of(rows, limit, lambda row: row.service.id).next
            return StatusList(at=self._wiring.clock.now(), items=[view_entry(row) for row in rows], next=following)

        return await self._board.answer((self._viewer, after, limit), make)

    async def get_service(self, vendor: str, name: str) -> ServiceStatusView:
        async def make() -> ServiceStatusView:
            return view_status(await self._status.get(vendor, name))

        return await self._board.answer((self._viewer, vendor, name, "service"), make)


def _public(request: Request, session: Transaction, parts: Parts, viewer: Viewer) -> PublicStatus:
    board = running_of(request.app).status_board
    assert board is not None, "the role of consumption serves it"
    return PublicStatus(Status(session, parts.clock, viewer), board, parts, viewer)


Board = Annotated[PublicStatus, Depends(_public)]


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
