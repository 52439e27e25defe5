"""Figures over time: series of usage, and whether they agree with events and ledger."""

from collections.abc import Collection
from datetime import datetime
from typing import Annotated, Literal, cast

from fastapi import APIRouter, Depends, Query

from mercato.edge.caller import SignedIn
from mercato.edge.names import Called, Names
from mercato.edge.paging import After
from mercato.edge.route import TransactionalRoute
from mercato.edge.wiring import Parts, Transaction
from mercato.metering import Line, Series, SeriesWanted, Summing, month_start, next_month
from mercato_contracts.figures import (
    SeriesAnswer,
    SeriesForecast,
    SeriesGroup,
    SeriesLine,
    SeriesMetric,
    SeriesStep,
)
from mercato_contracts.metering import UsageGroup, UsageSide

router = APIRouter(prefix="/api", tags=["usage"], route_class=TransactionalRoute)

Text = Annotated[str | None, Query(max_length=300)]
_DEFAULT: list[SeriesMetric] = ["calls", "failed", "tokens_in", "tokens_out", "price_nanos"]


def _summing(session: Transaction, parts: Parts) -> Summing:
    return Summing(session, parts.clock)


def _where(
    service_id: After = None,
    release_id: After = None,
    key_id: After = None,
    subscription_id: After = None,
    consumer_id: After = None,
    vendor_id: After = None,
    operation: Text = None,
    protocol: After = None,
    status_class: Annotated[Literal["1", "2", "3", "4", "5"] | None, Query()] = None,
) -> dict[SeriesGroup, str]:
    asked: dict[SeriesGroup, str | None] = {
        "service": service_id, "release": release_id, "key": key_id, "subscription": subscription_id,
        "consumer": consumer_id, "vendor": vendor_id, "operation": operation, "protocol": protocol,
        "status": status_class,
    }  # fmt: skip
    return {name: value for name, value in asked.items() if value is not None}


def _wanted(
    parts: Parts,
    where: Annotated[dict[SeriesGroup, str], Depends(_where)],
    side: UsageSide = "consumer",
    since: datetime | None = None,
    until: datetime | None = None,
    step: SeriesStep = "day",
    zone: Annotated[str, Query(max_length=60)] = "UTC",
    metric: Annotated[list[SeriesMetric] | None, Query(max_length=19)] = None,
    group_by: Annotated[list[SeriesGroup] | None, Query(max_length=2)] = None,
    top: Annotated[int, Query(ge=1, le=100)] = 20,
    compare: bool = False,
    forecast: bool = False,
) -> SeriesWanted:
    """The present month, UTC, where no period is asked for."""
    begin = since or month_start(until or parts.clock.now())
    end = until or max(next_month(begin), next_month(parts.clock.now()))
    return SeriesWanted(
        side=side, since=begin, until=end, step=step, zone=zone, metrics=tuple(dict.fromkeys(metric or _DEFAULT)),
        groups=tuple(group_by or ()), where=where, top=top, compare=compare, forecast=forecast,
    )  # fmt: skip


SeriesAsked = Annotated[SeriesWanted, Depends(_wanted)]
Sums = Annotated[Summing, Depends(_summing)]


@router.get("/usage/series", summary="Usage over time, by up to two groups, in any time zone")
async def read_usage_series(caller: SignedIn, sums: Sums, called: Called, wanted: SeriesAsked) -> SeriesAnswer:
    """Each `metric` for each step of the period, which is widened to whole quarter hours. Without `since` and `until`,
    the present month. `compare` puts as many steps just before beside it, `forecast` says what the period comes to.
    Corrections stand with the call that they are about, those of days at the first day's midnight, UTC.
    """
    return await view_series(await sums.series(caller, wanted), wanted, called)


async def view_series(found: Series, wanted: SeriesWanted, called: Names) -> SeriesAnswer:
    names = [
        await names_of(called, group, {line.keys[place] for line in found.lines})
        for place, group in enumerate(wanted.groups)
    ]
    return SeriesAnswer(
        side=wanted.side,
        zone=wanted.zone,
        step=wanted.step,
        since=found.steps.since,
        until=found.steps.until,
        group_by=list(wanted.groups),
        metrics=list(wanted.metrics),
        steps=list(found.steps.starts),
        series=[_view_line(line, names) for line in found.lines],
        totals=[_view_line(line, []) for line in found.totals],
        groups=found.groups,
        forecast=[
            SeriesForecast(
                currency=one.currency, method=one.method, weeks=one.weeks, so_far=one.so_far, expected=one.expected,
                low=one.low, high=one.high,
            )
            for one in found.forecasts
        ],
    )  # fmt: skip


async def names_of(called: Names, group: SeriesGroup, ids: Collection[str]) -> dict[str, str]:
    """What people call the values of a group."""
    if group == "release":
        return await called.releases(ids)
    if group == "status":
        return {one: f"{one}xx" if one != "0" else "" for one in ids}
    if group in ("operation", "protocol"):
        return {one: one for one in ids}
    return await called.of_group(cast(UsageGroup, group), ids)


def _view_line(line: Line, names: list[dict[str, str]]) -> SeriesLine:
    return SeriesLine(
        keys=list(line.keys),
        names=[found.get(key, "") for key, found in zip(line.keys, names, strict=True)],
        currency=line.currency,
        values=line.values,
        total=line.total,
        before=line.before,
        before_total=line.before_total,
    )
