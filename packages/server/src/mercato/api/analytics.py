"""How the marketplace grows: cohorts, retention, funnel, forecast, movers, take; what is missed and refused."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from mercato.admin import Analytics, AnalyticsDesk
from mercato.edge.caller import SignedIn
from mercato.edge.names import Called, Names
from mercato.edge.route import TransactionalRoute
from mercato.edge.wiring import Transaction
from mercato_contracts.analytics import AnalyticsView

router = APIRouter(prefix="/api", tags=["operator"], route_class=TransactionalRoute)


def _desk(session: Transaction) -> AnalyticsDesk:
    return AnalyticsDesk(session)


@router.get("/analytics", summary="How the marketplace grows (operator)")
async def show_analytics(
    caller: SignedIn, desk: Annotated[AnalyticsDesk, Depends(_desk)], called: Called
) -> AnalyticsView:
    """Cohorts of consumers, weekly retention, the way of services from submission to first call, a forecast of four
    weeks, what moved most, the marketplace's share, searches without results, and refusals by code. The worker makes
    them every hour; months, weeks and days are UTC. Empty before the first time.
    """
    return await view_analytics(await desk.show(caller), called)


async def view_analytics(found: Analytics, called: Names) -> AnalyticsView:
    """With names beside ids."""
    moved: list[dict[str, Any]] = found.reports["movers"]
    names = {
        "consumer": await called.organisations({each["id"] for each in moved if each["kind"] == "consumer"}),
        "service": await called.services({each["id"] for each in moved if each["kind"] == "service"}),
    }
    movers = [{**each, "name": names[each["kind"]].get(each["id"], "")} for each in moved]
    return AnalyticsView.model_validate(
        {
            **found.reports, "movers": movers,
            "made_at": found.made_at, "until": found.until, "digest": found.digest,
        }
    )  # fmt: skip
