"""A consumer's first page: what is needed next, and how the month stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from fastapi import Response

from mercato.api import calls as calls_api
from mercato.api import identity as keys_api
from mercato.api import statements as money_api
from mercato.api import subscriptions as subscriptions_api
from mercato.console.routes import page_router
from mercato.console.visit import SignedIn, Visit
from mercato.edge.names import Called
from mercato.edge.wiring import Parts, Transaction
from mercato.identity import Permission
from mercato.metering import CallFilter, Calls, Series, SeriesWanted, Summing, month_start, next_month
from mercato_contracts.calls import CallView
from mercato_contracts.statements import UnbilledAnswer

router = page_router()
_CALLS = 8


@dataclass(frozen=True, slots=True)
class MonthFigure:
    """One currency's month so far."""

    currency: str
    calls: int
    failed: int
    tokens: int
    nanos: int


@dataclass(frozen=True, slots=True)
class HomePage:
    """Everything that it shows."""

    has_key: bool
    has_subscription: bool
    calls: Sequence[CallView]
    figures: Sequence[MonthFigure]
    unbilled: UnbilledAnswer | None
    sees_usage: bool
    may_write_keys: bool

    @property
    def is_new(self) -> bool:
        """Whether the first call is still to come."""
        return self.sees_usage and not self.calls


@router.get("/home")
async def show_home(
    visit: SignedIn,
    keys: keys_api.KeyDesk,
    subscriptions: subscriptions_api.Desk,
    shelf: money_api.Shelf,
    called: Called,
    session: Transaction,
    parts: Parts,
) -> Response:
    """New organisations get the three steps to the first call; the page sees it come in."""
    caller = visit.caller
    made = await keys.list_all(caller, after=None, limit=50)
    bought = await subscriptions.list_all(caller, as_vendor=False, after=None, limit=1)
    sees_usage = caller.may(Permission.USAGE_READ)
    figures = await Summing(session, parts.clock).series(caller, _month(visit)) if sees_usage else None
    page = HomePage(
        has_key=any(key.kind == "ck" and key.revoked_at is None for key in made),
        has_subscription=bool(bought),
        calls=await _last_calls(visit, Calls(session), called) if sees_usage else [],
        figures=[] if figures is None else _figures(figures),
        unbilled=await money_api.read_unbilled(caller, shelf, called) if caller.may(Permission.BILLING_READ) else None,
        sees_usage=sees_usage,
        may_write_keys=caller.may(Permission.KEYS_WRITE),
    )
    return visit.show("home.html", page)


async def _last_calls(visit: Visit, calls: Calls, called: Called) -> list[CallView]:
    end = visit.now + timedelta(days=1)
    wanted = CallFilter(end - timedelta(days=31), end)
    found = await calls.page(visit.caller, wanted, side="consumer", key_id=None, after=None, limit=_CALLS)
    return await calls_api.view_calls(found.items, {}, "consumer", called)


def _month(visit: Visit) -> SeriesWanted:
    since = month_start(visit.now)
    return SeriesWanted(
        side="consumer", since=since, until=next_month(since), step="month", zone="UTC",
        metrics=("calls", "failed", "tokens_in", "tokens_out", "charged_nanos"), groups=(), where={}, top=1,
        compare=False, forecast=False,
    )  # fmt: skip


def _figures(found: Series) -> list[MonthFigure]:
    return [
        MonthFigure(
            line.currency,
            line.total["calls"],
            line.total["failed"],
            line.total["tokens_in"] + line.total["tokens_out"],
            line.total["charged_nanos"],
        )
        for line in found.totals
    ]
