"""The live book: positions with their vendors, exposure, alarms; and each round with weights, portfolio and scores."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from fastapi import Response

from mercato.console import charts
from mercato.console.charts import Chart, Unit
from mercato.console.routes import page_router
from mercato.console.visit import SignedIn, Visit
from mercato.datasets import DataShelves, Round, SeenRound
from mercato.edge.names import Names
from mercato.edge.wiring import Parts, Transaction
from mercato.identity import Permission
from mercato.platform import Refusal, Session
from mercato.publishing import DeploymentHolds
from mercato.signals import DeskWindow, KillSwitch, KillSwitches
from mercato_contracts.consensus import NANO, ConsensusWeight
from mercato_contracts.desk import LeaderboardRow, RoundDesk
from mercato_contracts.optimizer import OptimizerWrite

router = page_router()
_LOOKED_AT = 6
_POSITIONS = 40
_ROUNDS = 30


def percent(nanos: int) -> str:
    """Billionths as per cent, with the sign of a short position; what is less than a hundredth of one is nothing."""
    points = abs(nanos) * 10_000 // NANO
    return f"{'−' if nanos < 0 and points else ''}{points // 100}.{points % 100:02d} %"


_SHARE = Unit(
    "share of the capital", write=lambda value: percent(int(value)), write_tick=lambda value: percent(int(value))
)


@dataclass(frozen=True, slots=True)
class Position:
    """One name, and what of it comes from whom: vendor and part, the largest first."""

    name: str
    nanos: int
    parts: Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Book:
    """The portfolio of one era."""

    era: int
    positions: Sequence[Position]
    count: int
    gross: int
    net: int
    long: int
    short: int
    binding: Sequence[str]
    risk: float


@dataclass(frozen=True, slots=True)
class BookPage:
    """The newest book, the thrown switches, the leaderboard."""

    round: Round | None
    dataset: str
    book: Book | None
    exposure: Chart | None
    switches: Sequence[KillSwitch]
    leaders: Sequence[LeaderboardRow]
    vendors: dict[str, str]
    percent: Callable[[int], str] = field(default=percent)


@router.get("/desk")
async def show_book(visit: SignedIn, session: Transaction, parts: Parts) -> Response:
    """Of the newest round that has a portfolio."""
    visit.caller.require(Permission.MARKETPLACE_READ)
    window = _window(visit, session)
    switches = KillSwitches(session, parts.clock, parts.ids, parts.outbox)
    seen, dataset, desk = await _newest(visit, session, window)
    thrown = await switches.list_all(visit.caller, thrown_only=True)
    page = BookPage(
        round=seen,
        dataset=dataset,
        book=_book(desk.portfolios[-1]) if desk and desk.portfolios else None,
        exposure=_exposure(desk.portfolios) if desk and len(desk.portfolios) > 1 else None,
        switches=thrown,
        vendors=await Names(session).organisations({each.target for each in thrown if each.scope == "vendor"}),
        leaders=(await window.leaderboard(everything=True))[:10],
    )
    return visit.show("desk/book.html", page)


@dataclass(frozen=True, slots=True)
class RoundsPage:
    """Rounds of every dataset, the newest first."""

    rounds: Sequence[tuple[str, Round]]
    most: int = _ROUNDS


@router.get("/desk/rounds")
async def show_rounds(visit: SignedIn, session: Transaction) -> Response:
    """Each leads to its weights, portfolio and scores."""
    visit.caller.require(Permission.MARKETPLACE_READ)
    return visit.show("desk/rounds.html", RoundsPage(await _rounds(visit, session, _ROUNDS)))


@dataclass(frozen=True, slots=True)
class RoundPage:
    """One round: weights with their reasons, the portfolio of its last era, standings."""

    seen: SeenRound
    weights: Sequence[ConsensusWeight]
    effective_models: float
    book: Book | None
    why_not: Refusal | None
    percent: Callable[[int], str] = field(default=percent)


@router.get("/desk/rounds/{round_id}")
async def show_round(round_id: str, visit: SignedIn, session: Transaction, parts: Parts) -> Response:
    """What the desk made of it."""
    visit.caller.require(Permission.MARKETPLACE_READ)
    shelves = DataShelves(session, parts.clock, parts.objects)
    seen = await shelves.get_round_by_id(visit.caller, round_id)
    desk, why_not = None, None
    try:
        desk = await _window(visit, session).desk_of(visit.caller, seen)
    except Refusal as refusal:
        # A round that has no consensus yet is a page that says so.
        why_not = refusal
    last = desk.consensus[-1].consensus if desk and desk.consensus else None
    weights = sorted(last.weights, key=lambda each: -each.weight) if last else []
    page = RoundPage(
        seen=seen,
        weights=weights,
        effective_models=last.effective_models if last else 0.0,
        book=_book(desk.portfolios[-1]) if desk and desk.portfolios else None,
        why_not=why_not,
    )
    return visit.show("desk/round.html", page)


def _window(visit: Visit, session: Session) -> DeskWindow:
    parts = visit.wiring
    holds = DeploymentHolds(session, parts.clock, parts.outbox)
    return DeskWindow(session, parts.clock, parts.objects, holds, parts.data_key)


async def _rounds(visit: Visit, session: Session, limit: int, states: Collection[str] = ()) -> list[tuple[str, Round]]:
    shelves = DataShelves(session, visit.wiring.clock, visit.wiring.objects)
    rows = await shelves.rounds_of_each(visit.caller, states=states, limit=limit)
    found = [(dataset.name, each) for dataset, each in rows]
    return sorted(found, key=lambda each: each[1].opened_at, reverse=True)[:limit]


async def _newest(visit: Visit, session: Session, window: DeskWindow) -> tuple[Round | None, str, RoundDesk | None]:
    rounds = await _rounds(visit, session, _LOOKED_AT, ("scored", "resolved"))
    desk = await window.newest_desk(visit.caller, [each.id for _, each in rounds])
    for dataset, each in rounds:
        if desk is not None and each.id == desk.round:
            return each, dataset, desk
    return None, "", None


def _book(written: OptimizerWrite) -> Book:
    positions = written.portfolio.positions
    largest = sorted(positions.items(), key=lambda each: -abs(each[1]))
    return Book(
        era=written.portfolio.era,
        positions=[Position(name, nanos, _parts(written, name)) for name, nanos in largest[:_POSITIONS]],
        count=len(positions),
        gross=sum(abs(nanos) for nanos in positions.values()),
        net=sum(positions.values()),
        long=sum(nanos for nanos in positions.values() if nanos > 0),
        short=sum(nanos for nanos in positions.values() if nanos < 0),
        binding=written.portfolio.binding,
        risk=written.portfolio.risk,
    )


def _parts(written: OptimizerWrite, name: str) -> list[tuple[str, int]]:
    parts: dict[str, int] = {}
    for each in written.attributions:
        if nanos := each.positions.get(name, 0):
            parts[each.vendor] = parts.get(each.vendor, 0) + nanos
    return sorted(parts.items(), key=lambda part: -abs(part[1]))


def _exposure(portfolios: Sequence[OptimizerWrite]) -> Chart:
    books = [_book(each) for each in portfolios]
    places = charts.numbers("Era", [each.era for each in books])
    lines = [
        charts.Line("long", [each.long for each in books]),
        charts.Line("short", [each.short for each in books]),
        charts.Line("net", [each.net for each in books], faint=True),
    ]
    return charts.line("Exposure by era", places, lines, _SHARE, about="Shares of the capital, era by era.")
