"""What operators look at first: the overview, the settings, announcements; keys of everybody."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends

from mercato.admin import Announcement, Announcements, Overview, OverviewDesk, worst
from mercato.edge.caller import SignedIn
from mercato.edge.names import Called, Names
from mercato.edge.paging import PageSize
from mercato.edge.route import TransactionalRoute
from mercato.edge.wiring import Parts, Transaction
from mercato.identity import Permission
from mercato.metering import Line
from mercato_contracts.announcements import AnnouncementList, AnnouncementRequest, AnnouncementView
from mercato_contracts.overview import (
    ApprovalQueue,
    CallsToday,
    Incident,
    LastReconciliation,
    MoneyToday,
    ServiceState,
    WaitingApproval,
)
from mercato_contracts.overview import Overview as OverviewView
from mercato_contracts.settings import SettingList

router = APIRouter(prefix="/api", tags=["operator"], route_class=TransactionalRoute)


def _desk(session: Transaction, parts: Parts) -> OverviewDesk:
    return OverviewDesk(session, parts.clock, parts.ids, parts.outbox)


def _announcements(session: Transaction, parts: Parts) -> Announcements:
    return Announcements(session, parts.clock, parts.ids, parts.outbox)


Notices = Annotated[Announcements, Depends(_announcements)]


@router.get("/overview", summary="The marketplace at a glance (operator)")
async def show_overview(
    caller: SignedIn, desk: Annotated[OverviewDesk, Depends(_desk)], called: Called
) -> OverviewView:
    """Health, submissions that wait, money and calls since midnight UTC beside yesterday's, open disputes, incidents,
    the last reconciliation. Money and calls are sums of quarter hours, as in `GET /api/usage/series`.
    """
    return await view_overview(await desk.show(caller), called)


@router.get("/settings", summary="The settings of the control plane (operator)")
async def show_settings(caller: SignedIn, parts: Parts) -> SettingList:
    """What this process has read at its start: value, source and meaning. Secrets are hidden."""
    caller.require(Permission.SETTINGS_READ)
    return SettingList(items=list(parts.shown_settings))


@router.get("/announcements", summary="What the operator announces")
async def list_announcements(
    notices: Notices, parts: Parts, caller: SignedIn, all_of_them: bool = False, limit: PageSize = 50
) -> AnnouncementList:
    """Those in force, for everybody; with `all_of_them=true` also those that are over or still to come (operator)."""
    rows = await notices.list_all(caller, limit) if all_of_them else await notices.current()
    return AnnouncementList(items=[view_announcement(row, parts.clock.now()) for row in rows])


@router.post("/announcements", status_code=201, summary="Announce something, or maintenance (operator)")
async def make_announcement(
    body: AnnouncementRequest, caller: SignedIn, notices: Notices, parts: Parts
) -> AnnouncementView:
    """While maintenance is in force, everybody but operators may read and call services, and change nothing. Every
    request makes another announcement.
    """
    row = await notices.make(caller, kind=body.kind, text=body.text, starts_at=body.starts_at, ends_at=body.ends_at)
    return view_announcement(row, parts.clock.now())


@router.post("/announcements/{announcement_id}/end", summary="End an announcement (operator)")
async def end_announcement(announcement_id: str, caller: SignedIn, notices: Notices, parts: Parts) -> AnnouncementView:
    """It is out of force from now on. Ending it again changes nothing."""
    return view_announcement(await notices.end(caller, announcement_id), parts.clock.now())


def view_announcement(row: Announcement, now: datetime) -> AnnouncementView:
    """The announcement as the API shows it."""
    in_force = row.starts_at <= now and (row.ends_at is None or now < row.ends_at)
    facts = {name: getattr(row, name) for name in AnnouncementView.model_fields if name != "in_force"}
    return AnnouncementView.model_validate({**facts, "in_force": in_force})


async def view_overview(found: Overview, called: Names) -> OverviewView:
    """With names beside ids."""
    day = found.agreement
    return OverviewView(
        at=found.at,
        health=worst([each.state for each in found.services]),
        services=[ServiceState(name=each.name, state=each.state, detail=each.detail) for each in found.services],
        approvals=await _view_queue(found, called),
        money=_view_money(found.today, found.yesterday),
        calls=CallsToday(
            calls=_total(found.today, "calls"),
            failed=_total(found.today, "failed"),
            calls_before=_total(found.yesterday, "calls"),
            failed_before=_total(found.yesterday, "failed"),
        ),
        open_disputes=len(found.disputes) + len(found.call_disputes),
        incidents=await _view_incidents(found, called),
        reconciliation=None
        if day is None
        else LastReconciliation(day=day.day, checked_at=day.checked_at, agrees=day.differing == 0),
        under_maintenance=found.under_maintenance,
    )


async def _view_queue(found: Overview, called: Names) -> ApprovalQueue:
    vendors = await called.organisations({each.submission.vendor_id for each in found.queue})
    oldest = [
        WaitingApproval(
            submission_id=each.submission.id,
            service=f"{vendors.get(each.submission.vendor_id, '')}/{each.submission.service_name}",
            version=each.submission.version,
            rule=each.approval.rule,
            waiting_since=each.approval.created_at,
            waiting_seconds=max(0, int((found.at - each.approval.created_at).total_seconds())),
        )
        for each in found.queue
    ]
    age = oldest[0].waiting_seconds if oldest else None
    return ApprovalQueue(waiting=found.waiting, oldest_seconds=age, oldest=oldest)


def _view_money(today: list[Line], yesterday: list[Line]) -> list[MoneyToday]:
    sums = [{line.currency: line.total.get("charged_nanos", 0) for line in lines} for lines in (today, yesterday)]
    currencies = sorted({currency for each in sums for currency, nanos in each.items() if currency and nanos})
    return [
        MoneyToday(currency=each, charged_nanos=sums[0].get(each, 0), before_nanos=sums[1].get(each, 0))
        for each in currencies
    ]


def _total(lines: list[Line], metric: str) -> int:
    return sum(line.total.get(metric, 0) for line in lines)


async def _view_incidents(found: Overview, called: Names) -> list[Incident]:
    services = await called.services({alert.service_id for alert in found.alerts})
    down = [
        Incident(kind="health", subject=each.name, id=each.name, severity="critical", since=each.row and each.row.since)
        for each in found.services
        if each.state == "down"
    ]
    alerts = [
        Incident(
            kind="service level", subject=f"{services.get(alert.service_id, '')}, {alert.objective}", id=alert.id,
            severity=alert.severity, since=alert.opened_at,
        )
        for alert in found.alerts
    ]  # fmt: skip
    switches = [
        Incident(
            kind="kill switch", id=switch.id, severity="critical", since=switch.thrown_at,
            subject="the whole desk" if switch.scope == "all" else f"{switch.scope} {switch.target}",
        )
        for switch in found.switches
    ]  # fmt: skip
    return down + alerts + switches
