"""Service levels and their alerts."""

from typing import Annotated

from fastapi import APIRouter, Depends

from mercato.consumption import Alerts, Health, ServiceAlert, ServiceLevel, ServiceLevels
from mercato.edge.caller import SignedIn
from mercato.edge.paging import After, Page, PageSize
from mercato.edge.route import TransactionalRoute
from mercato.edge.wiring import Parts, Transaction
from mercato_contracts.service_levels import AlertPage, AlertView, LevelWindow, ServiceLevelView

router = APIRouter(prefix="/api", tags=["service levels"], route_class=TransactionalRoute)


def _levels(session: Transaction, parts: Parts) -> ServiceLevels:
    return ServiceLevels(session, parts.clock)


def _alerts(session: Transaction) -> Alerts:
    return Alerts(session)


@router.get("/services/{vendor}/{name}/sla", summary="A service's promised and measured levels")
async def get_service_level(
    vendor: str, name: str, caller: SignedIn, levels: Annotated[ServiceLevels, Depends(_levels)]
) -> ServiceLevelView:
    """Over rolling windows of 5 minutes to 30 days. Numbers of calls are shown to the vendor and to operators only."""
    return view_level(vendor, await levels.get(caller, vendor, name))


@router.get("/alerts", summary="List alerts about your services")
async def list_alerts(
    caller: SignedIn,
    alerts: Annotated[Alerts, Depends(_alerts)],
    everyone: bool = False,
    only_open: bool = False,
    before: After = None,
    limit: PageSize = 50,
) -> AlertPage:
    """The newest first. With `everyone=true`, an operator sees those of all vendors."""
    rows = await alerts.list_all(caller, everyone=everyone, only_open=only_open, before=before, limit=limit)
    return AlertPage(items=[view_alert(row) for row in rows], next=Page.of(rows, limit).next)


def view_alert(row: ServiceAlert) -> AlertView:
    return AlertView.model_validate({name: getattr(row, name) for name in AlertView.model_fields})


def view_level(vendor: str, found: ServiceLevel) -> ServiceLevelView:
    service = found.service
    return ServiceLevelView(
        service_id=service.id,
        vendor=vendor,
        name=service.name,
        availability_bp=service.availability_bp,
        p95_latency_ms=service.p95_latency_ms,
        budget_left_bp=found.budget_left_bp,
        windows=[_window(label, health, found.sees_counts) for label, health in found.windows.items()],
        alerts=[view_alert(alert) for alert in found.alerts] if found.sees_counts else [],
    )


def _window(label: str, health: Health, sees_counts: bool) -> LevelWindow:
    counts = {"calls": health.calls, "failed": health.failed} if sees_counts else {"calls": None, "failed": None}
    return LevelWindow.model_validate(
        {"window": label, "availability_bp": health.availability_bp, "p95_us": health.p95_us} | counts
    )
