"""Unusual hours of usage."""

from typing import Annotated

from fastapi import APIRouter, Depends

from mercato.edge.caller import SignedIn
from mercato.edge.names import Called, Names
from mercato.edge.paging import After, Page, PageSize
from mercato.edge.route import TransactionalRoute
from mercato.edge.wiring import Parts, Transaction
from mercato.metering import Anomalies, UsageAnomaly
from mercato_contracts.figures import UsageAnomalyPage, UsageAnomalyView
from mercato_contracts.metering import UsageSide

router = APIRouter(prefix="/api", tags=["usage"], route_class=TransactionalRoute)


def _anomalies(session: Transaction, parts: Parts) -> Anomalies:
    return Anomalies(session, parts.clock, parts.outbox)


Desk = Annotated[Anomalies, Depends(_anomalies)]


@router.get("/usage/anomalies", summary="Unusual hours of usage, the newest first")
async def list_anomalies(
    caller: SignedIn, desk: Desk, called: Called, side: UsageSide = "consumer", before: After = None,
    limit: PageSize = 50,
) -> UsageAnomalyPage:  # fmt: skip
    """Each hour is compared with the same weekday's hour of six weeks; two unusual hours in a row raise an alert, once
    a day for each organisation that calls, each service and the marketplace.
    """
    rows = await desk.page(caller, side=side, before=before, limit=limit)
    return UsageAnomalyPage(items=await _views(rows, called), next=Page.of(rows, limit).next)


@router.post("/usage/anomalies/{anomaly_id}/normal", summary="Say that an unusual hour is normal")
async def call_anomaly_normal(anomaly_id: str, caller: SignedIn, desk: Desk, called: Called) -> UsageAnomalyView:
    """As much again, or as little, is no news for 90 days. The same again changes nothing."""
    (view,) = await _views([await desk.call_normal(caller, anomaly_id)], called)
    return view


async def _views(rows: list[UsageAnomaly], called: Names) -> list[UsageAnomalyView]:
    consumers = await called.organisations({row.scope_id for row in rows if row.scope == "consumer"})
    services = await called.services({row.scope_id for row in rows if row.scope == "service"})
    names = {**consumers, **services}
    own = set(UsageAnomalyView.model_fields) - {"name"}
    return [
        UsageAnomalyView.model_validate(
            {**{name: getattr(row, name) for name in own}, "name": names.get(row.scope_id, "")}
        )
        for row in rows
    ]
