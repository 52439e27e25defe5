"""Datasets and their rounds, as those who train on them see them."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import Response

from mercato.console.routes import page_router
from mercato.console.visit import SignedIn
from mercato.datasets import DataShelves, Round, RoundNotFound, SeenRound, Shelf, is_available
from mercato.edge.paging import After, Page
from mercato.edge.wiring import Parts, Transaction

router = page_router()
_PAGE = 30


@dataclass(frozen=True, slots=True)
class DatasetsPage:
    """Those that the organisation may use."""

    items: Sequence[Shelf]


@router.get("/vendor/datasets")
async def show_datasets(visit: SignedIn, session: Transaction, parts: Parts) -> Response:
    """By name, each with the round that is open."""
    shelves = await DataShelves(session, parts.clock, parts.objects).list_all(visit.caller)
    return visit.show("vendor/datasets.html", DatasetsPage(shelves))


@dataclass(frozen=True, slots=True)
class DatasetPage:
    """One dataset and its rounds, the newest first."""

    shelf: Shelf
    rounds: Sequence[Round]
    first: str
    next: str


@router.get("/vendor/datasets/{name}")
async def show_dataset(name: str, visit: SignedIn, session: Transaction, parts: Parts, after: After = None) -> Response:
    """Its features, sources and rounds."""
    desk = DataShelves(session, parts.clock, parts.objects)
    shelf = await desk.get(visit.caller, name)
    before = int(after) if after and after.isdecimal() and len(after) < 10 else None
    _, rounds = await desk.list_rounds(visit.caller, name, state=None, before=before, limit=_PAGE)
    following = Page.of(rounds, _PAGE, lambda row: str(row.number)).next
    here = f"/vendor/datasets/{name}"
    page = DatasetPage(shelf, rounds, here if after else "", f"{here}?after={following}" if following else "")
    return visit.show("vendor/dataset.html", page)


@dataclass(frozen=True, slots=True)
class RoundPage:
    """One round: its files and what happened to it. `available` are names of files that may be had."""

    seen: SeenRound
    available: frozenset[str]


@router.get("/vendor/datasets/{name}/rounds/{number}")
async def show_round(name: str, number: str, visit: SignedIn, session: Transaction, parts: Parts) -> Response:
    """With the checksum of each file."""
    if not number.isdecimal() or len(number) > 9:
        raise RoundNotFound(f"{number[:20]} is no number of a round.")
    seen = await DataShelves(session, parts.clock, parts.objects).get_round(visit.caller, name, int(number))
    available = frozenset(file.name for file in seen.files if is_available(seen.round, file))
    return visit.show("vendor/round.html", RoundPage(seen, available))


@router.get("/vendor/rounds/{round_id}/files/{file}")
async def get_round_file(round_id: str, file: str, visit: SignedIn, session: Transaction, parts: Parts) -> Response:
    """On to a signed link that is good for 15 minutes."""
    grant = await DataShelves(session, parts.clock, parts.objects).grant(visit.caller, round_id, file)
    return Response(status_code=303, headers={"location": grant.url, "cache-control": "no-store"})
