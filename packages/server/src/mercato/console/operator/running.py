"""How the marketplace itself runs: health, gateways, queues and workflows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from fastapi import Response

from mercato.admin import HealthBook, HealthChange, HealthGauge, ServiceNow, State, worst
from mercato.console.operator.ages import age
from mercato.console.routes import page_router
from mercato.console.small_charts import Strip, availability
from mercato.console.visit import SignedIn
from mercato.edge.wiring import Parts, Transaction
from mercato.metering import GatewayNow, Gateways

router = page_router()
_DAYS = 90
_ALL = 10_000
_CHANGES = 20
_ROWS = 50


@dataclass(frozen=True, slots=True)
class HealthPage:
    """Every service, 90 days of each, and what changed lately."""

    state: State
    services: Sequence[ServiceNow]
    strips: dict[str, Strip]
    changes: Sequence[HealthChange]
    age: Callable[[int | None], str] = age

    @property
    def gauges(self) -> list[HealthGauge]:
        """All but those of queues, which have a page of their own."""
        return [each for one in self.services for each in one.gauges if not each.name.startswith("outbox.")]


@router.get("/ops/health")
async def show_health(visit: SignedIn, session: Transaction, parts: Parts) -> Response:
    """As it was probed last."""
    book = HealthBook(session, parts.clock, parts.ids, parts.outbox)
    services = await book.now(visit.caller)
    since = visit.now - timedelta(days=_DAYS)
    spans = await book.history(visit.caller, None, since=since, step="day")
    days: dict[str, dict[date, int]] = {}
    for span in spans:
        days.setdefault(span.service, {})[span.start.date()] = (span.probes - span.failed) * 10_000 // span.probes
    strips = {name: _strip(name, own, visit.now) for name, own in days.items()}
    changes = await book.changes(visit.caller, None, before=None, limit=_CHANGES)
    page = HealthPage(worst([each.state for each in services]), services, strips, changes)
    return visit.show("operator/health.html", page)


def _strip(name: str, days: dict[date, int], now: datetime) -> Strip:
    wanted = [(now - timedelta(days=back)).date() for back in range(_DAYS - 1, -1, -1)]
    drawn = availability(name, [(day, days.get(day)) for day in wanted])
    return replace(drawn, sentence=f"Probed on {len(days)} of {_DAYS} days; {_worst(days)}")


def _worst(days: dict[date, int]) -> str:
    day, points = min(days.items(), key=lambda each: each[1])
    if points == _ALL:
        return "every probe succeeded."
    return f"{points // 100}.{points % 100:02d} % of the probes of {day:%-d %b %Y} succeeded, the fewest of a day."


@dataclass(frozen=True, slots=True)
class GatewaysPage:
    """Each gateway that reported in the last days."""

    items: Sequence[GatewayNow]
    now: datetime

    def is_silent(self, gateway: GatewayNow) -> bool:
        """Whether it has been silent for so long that its leases have ended."""
        return self.now - gateway.seen_at > timedelta(minutes=2)


@router.get("/ops/gateways")
async def show_gateways(visit: SignedIn, session: Transaction) -> Response:
    """Who borrowed what, and how far each has shipped its usage."""
    return visit.show("operator/gateways.html", GatewaysPage(await Gateways(session).list_all(visit.caller), visit.now))
