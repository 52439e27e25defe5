"""What a vendor's deployments wrote into the log of signals, and how they were scored."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

from fastapi import Query, Response

from mercato.console.routes import page_router
from mercato.console.visit import SignedIn
from mercato.edge.paging import Page
from mercato.edge.wiring import Parts, Transaction, Wiring
from mercato.identity import Permission
from mercato.platform import Session
from mercato.publishing import DeploymentHolds
from mercato.signals import DeskWindow, view_receipt
from mercato_contracts.desk import LeaderboardRow
from mercato_contracts.signals import SignalReceipt

router = page_router()
_PAGE = 50
_FEW_ROUNDS = 5
"""A standing over fewer rounds says little."""


@dataclass(frozen=True, slots=True)
class SignalsPage:
    """Entries, the newest first. `round`: only those of one."""

    items: Sequence[SignalReceipt]
    round: str
    first: str
    next: str


@router.get("/vendor/signals")
async def show_signals(
    visit: SignedIn,
    session: Transaction,
    parts: Parts,
    round: Annotated[str | None, Query(max_length=64)] = None,
    before: Annotated[int | None, Query(ge=0, le=2**62)] = None,
) -> Response:
    """Each with its place and hash in the log."""
    rows = await _window(session, parts).entries(visit.caller, round_id=round, before=before, limit=_PAGE)
    following = Page.of(rows, _PAGE, lambda row: row.place).next
    here = f"/vendor/signals?round={quote(round)}" if round else "/vendor/signals"
    more = f"{here}{'&' if round else '?'}before={following}" if following is not None else ""
    page = SignalsPage([view_receipt(row) for row in rows], round or "", here if before is not None else "", more)
    return visit.show("vendor/signals.html", page)


@dataclass(frozen=True, slots=True)
class ScoresPage:
    """Own standings among all `deployments` that were scored; those with too few rounds apart."""

    settled: Sequence[LeaderboardRow]
    early: Sequence[LeaderboardRow]
    deployments: int
    least_rounds: int


@router.get("/vendor/scores")
async def show_scores(visit: SignedIn, session: Transaction, parts: Parts) -> Response:
    """Of the organisation's deployments, over all rounds that were scored."""
    visit.caller.require(Permission.DATA_READ)
    board = await _window(session, parts).leaderboard(visit.caller.organisation_slug)
    own = [row for row in board if row.vendor == visit.caller.organisation_slug]
    page = ScoresPage(
        [row for row in own if row.rounds >= _FEW_ROUNDS],
        [row for row in own if row.rounds < _FEW_ROUNDS],
        len(board),
        _FEW_ROUNDS,
    )
    return visit.show("vendor/scores.html", page)


def _window(session: Session, parts: Wiring) -> DeskWindow:
    holds = DeploymentHolds(session, parts.clock, parts.outbox)
    return DeskWindow(session, parts.clock, parts.objects, holds, parts.data_key)
