"""A consumer's first page: what to do next, and the month so far."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from fastapi import Response

from mercato.api import identity as keys_api
from mercato.api import statements as money_api
from mercato.api import subscriptions as subscriptions_api
from mercato.console.routes import page_router
from mercato.console.visit import SignedIn, Visit
from mercato.edge.names import Called
from mercato.edge.wiring import Parts, Transaction
from mercato.identity import Permission
from mercato.metering import CallFilter, Calls, MeteredCall, Series, SeriesWanted, Summing, month_start, next_month

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
class LastCall:
    """A call, and its service's name."""

    call: MeteredCall
    service: str


@dataclass(frozen=True, slots=True)
class HomePage:
    """Everything that it shows."""

    has_key: bool
    has_subscription: bool
    calls: Sequence[LastCall]
    figures: Sequence[MonthFigure]
    owed: Mapping[str, int]
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
    sees_usage = caller.may(Permission.USAGE_READ)
    last = await _last_calls(visit, Calls(session), called) if sees_usage else []
    # Only somebody who has not called yet is led there.
    made = [] if last else await keys.list_all(caller, after=None, limit=50)
    bought = [] if last else await subscriptions.list_all(caller, as_vendor=False, after=None, limit=1)
    figures = await Summing(session, parts.clock).series(caller, _month(visit)) if sees_usage else None
    owed: dict[str, int] = {}
    if caller.may(Permission.BILLING_READ):
        for line in await shelf.unbilled(caller, "consumer"):
            owed[line.currency] = owed.get(line.currency, 0) + line.amount_nanos
    page = HomePage(
        has_key=any(key.kind == "ck" and key.revoked_at is None for key in made),
        has_subscription=bool(bought),
        calls=last,
        figures=[] if figures is None else _figures(figures),
        owed=owed,
        sees_usage=sees_usage,
        may_write_keys=caller.may(Permission.KEYS_WRITE),
    )
    return visit.show("home.html", page)


async def _last_calls(visit: Visit, calls: Calls, called: Called) -> list[LastCall]:
    end = visit.now + timedelta(days=1)
    wanted = CallFilter(end - timedelta(days=31), end)
    found = await calls.page(visit.caller, wanted, side="consumer", key_id=None, after=None, limit=_CALLS)
    names = await called.services({call.service_id for call in found.items})
    return [LastCall(call, names.get(call.service_id, "")) for call in found.items]


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
