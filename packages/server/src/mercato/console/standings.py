"""The public leaderboard, and the rounds of data that it comes from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Response

from mercato.api import datasets as data_api
from mercato.api import signals as api
from mercato.console.routes import page_router
from mercato.console.visit import Anybody, Visit
from mercato.identity import Permission
from mercato_contracts.datasets import RoundDetail, RoundView
from mercato_contracts.desk import Leaderboard, LeaderboardRow

router = page_router()

_FEW_ROUNDS = 5
"""Fewer scored rounds than these say little: such deployments stand apart."""
_MOST_DATASETS = 6
_MOST_ROUNDS = 20
_PUBLIC_SECONDS = 30


@dataclass(frozen=True, slots=True)
class LeaderboardPage:
    """Those with enough rounds, those with too few, and the reader's own vendor."""

    ranked: Sequence[LeaderboardRow]
    early: Sequence[LeaderboardRow]
    few: int
    own: str


@dataclass(frozen=True, slots=True)
class RoundsPage:
    """The rounds of every dataset that the reader may use."""

    rounds: Sequence[RoundView]


@dataclass(frozen=True, slots=True)
class RoundPage:
    """One round."""

    found: RoundDetail


@router.get("/leaderboard")
async def show_leaderboard(visit: Anybody, found: Annotated[Leaderboard, Depends(api.get_leaderboard)]) -> Response:
    """By what each adds to the consensus."""
    page = LeaderboardPage(
        ranked=[row for row in found.items if row.rounds >= _FEW_ROUNDS],
        early=[row for row in found.items if row.rounds < _FEW_ROUNDS],
        few=_FEW_ROUNDS,
        own="" if visit.person is None else visit.caller.organisation_slug,
    )
    return visit.show("leaderboard.html", page, public_seconds=_PUBLIC_SECONDS)


@router.get("/rounds")
async def show_rounds(visit: Anybody, shelves: data_api.Shelves) -> Response:
    """The newest of each dataset: for visitors of those that everybody may see."""
    if _reads_data(visit):
        found = await shelves.rounds_of_each(visit.caller, datasets=_MOST_DATASETS, limit=_MOST_ROUNDS)
    else:
        found = await shelves.public_rounds(datasets=_MOST_DATASETS, limit=_MOST_ROUNDS)
    rounds = [data_api.view_round(dataset.name, row) for dataset, row in found]
    page = RoundsPage(sorted(rounds, key=lambda each: each.opened_at, reverse=True))
    return visit.show("rounds.html", page, public_seconds=_PUBLIC_SECONDS)


@router.get("/rounds/{round_id}")
async def show_round(round_id: str, visit: Anybody, shelves: data_api.Shelves) -> Response:
    """Its files with their checksums, and what happened to it."""
    if _reads_data(visit):
        found = await data_api.get_round(round_id, visit.caller, shelves)
    else:
        found = data_api.view_seen(await shelves.get_public_round(round_id))
    return visit.show("round.html", RoundPage(found), public_seconds=_PUBLIC_SECONDS)


def _reads_data(visit: Visit) -> bool:
    return visit.person is not None and visit.caller.may(Permission.DATA_READ)
