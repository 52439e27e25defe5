"""Datasets, rounds, links to their files; what operators do with them."""

from datetime import timedelta
from typing import Annotated, cast

from fastapi import APIRouter, Depends

from mercato.datasets import (
    DataOperations,
    DataPreparation,
    DataShelves,
    PanelBuilder,
    PanelDraft,
    Round,
    RoundDraft,
    RoundDrafts,
    RoundNotFound,
    Rounds,
    Schedule,
    SeenRound,
    Shelf,
    is_available,
)
from mercato.edge.caller import SignedIn
from mercato.edge.paging import After, Page, PageSize
from mercato.edge.route import LateTransactionalRoute, TransactionalRoute
from mercato.edge.wiring import Parts, Transaction
from mercato.platform import Prepared
from mercato_contracts.datasets import (
    BuildAnswer,
    BuildRequest,
    DatasetDetail,
    DatasetList,
    DatasetView,
    FileGrant,
    OpenRoundRequest,
    RoundDetail,
    RoundFileView,
    RoundPage,
    RoundState,
    RoundView,
    SourceView,
    TransitionRequest,
    TransitionView,
)

router = APIRouter(prefix="/api", tags=["data"], route_class=TransactionalRoute)
late = APIRouter(route_class=LateTransactionalRoute)
"""Routes that compute and write files before their transaction."""


def _shelves(session: Transaction, parts: Parts) -> DataShelves:
    return DataShelves(session, parts.clock, parts.objects)


def _builder(parts: Parts) -> PanelBuilder:
    return PanelBuilder(parts.database, parts.clock, parts.ids, parts.outbox, parts.objects, parts.data_key)


def _operations(session: Transaction, parts: Parts) -> DataOperations:
    return DataOperations(session, _builder(parts), Rounds(session, parts.clock, parts.outbox))


def _preparation(parts: Parts) -> DataPreparation:
    return DataPreparation(_builder(parts), RoundDrafts(parts.database, parts.ids, parts.objects))


Preparation = Annotated[DataPreparation, Depends(_preparation)]


async def _draft_panel(
    body: BuildRequest, caller: SignedIn, preparation: Preparation
) -> tuple[BuildRequest, Prepared[PanelDraft]]:
    return body, await preparation.panel(caller, body.name)


async def _draft_round(
    name: str, body: OpenRoundRequest, caller: SignedIn, preparation: Preparation
) -> tuple[OpenRoundRequest, Prepared[RoundDraft]]:
    return body, await preparation.round(caller, name, first_era=body.first_era, eras=body.eras)


Shelves = Annotated[DataShelves, Depends(_shelves)]
Operations = Annotated[DataOperations, Depends(_operations)]
# The body comes with what was made from it: named twice in one route, it would be checked and refused twice.
DraftedPanel = Annotated[tuple[BuildRequest, Prepared[PanelDraft]], Depends(_draft_panel)]
DraftedRound = Annotated[tuple[OpenRoundRequest, Prepared[RoundDraft]], Depends(_draft_round)]


@router.get("/datasets", summary="The datasets that your organisation may use")
async def list_datasets(caller: SignedIn, shelves: Shelves) -> DatasetList:
    """Public datasets, and those made for your organisation alone."""
    return DatasetList(items=[view_dataset(shelf) for shelf in await shelves.list_all(caller)])


@late.post("/datasets", summary="Build a dataset's panel from the installed prices (operators); takes some seconds")
async def build_dataset(
    caller: SignedIn, drafted: DraftedPanel, operations: Operations, shelves: Shelves
) -> BuildAnswer:
    """Takes a few seconds. The same prices make the same panel: built again, `is_new` is false and nothing changes."""
    body, draft = drafted
    built = await operations.build(caller, draft, title=body.title, organisation=body.organisation)
    return BuildAnswer(dataset=view_detail(await shelves.get(caller, body.name)), is_new=built.is_new)


@router.get("/datasets/{name}", summary="One dataset: its card, features and sources")
async def get_dataset(name: str, caller: SignedIn, shelves: Shelves) -> DatasetDetail:
    """Its card in Markdown, its features, and the sources of its prices with their checksums."""
    return view_detail(await shelves.get(caller, name))


@router.get("/datasets/{name}/rounds", summary="Its rounds, the newest first")
async def list_rounds(
    name: str,
    caller: SignedIn,
    shelves: Shelves,
    state: RoundState | None = None,
    after: After = None,
    limit: PageSize = 50,
) -> RoundPage:
    """Of one dataset, with when each opens, closes and ends its embargo."""
    before = int(after) if after and after.isdecimal() and len(after) < 10 else None
    dataset, rows = await shelves.list_rounds(caller, name, state=state, before=before, limit=limit)
    return RoundPage(
        items=[view_round(dataset.name, row) for row in rows],
        next=Page.of(rows, limit, lambda row: str(row.number)).next,
    )


@late.post("/datasets/{name}/rounds", status_code=201, summary="Open a round (operators)")
async def open_round(caller: SignedIn, drafted: DraftedRound, operations: Operations, shelves: Shelves) -> RoundDetail:
    """Makes the round's files and takes signals from then on. While one round is open, another is refused."""
    body, draft = drafted
    schedule = Schedule(timedelta(seconds=body.open_seconds), timedelta(seconds=body.embargo_seconds))
    opened = await operations.open(caller, draft, schedule, reason=body.reason)
    return view_seen(await shelves.get_round_by_id(caller, opened.id))


@router.get("/datasets/{name}/rounds/{number}", summary="One round by its number, or the open one: `current`")
async def get_round_by_number(name: str, number: str, caller: SignedIn, shelves: Shelves) -> RoundDetail:
    """With its files and what happened to it. `current` is refused as not found while no round is open."""
    if number == "current":
        return view_seen(await shelves.get_round(caller, name, None))
    if not number.isdecimal() or len(number) > 9:
        raise RoundNotFound(f"{number[:20]} is no number of a round.")
    return view_seen(await shelves.get_round(caller, name, int(number)))


@router.get("/rounds/{round_id}", summary="One round: its files and what happened to it")
async def get_round(round_id: str, caller: SignedIn, shelves: Shelves) -> RoundDetail:
    """With its files and each step of its life: open, closed, scored, resolved."""
    return view_seen(await shelves.get_round_by_id(caller, round_id))


@router.get("/rounds/{round_id}/files/{file}", summary="A link to one file, good for 15 minutes")
async def get_round_file(round_id: str, file: str, caller: SignedIn, shelves: Shelves) -> FileGrant:
    """The link needs no credential and honours ranges. Targets are refused until the round is resolved. Every request
    makes a new link.
    """
    grant = await shelves.grant(caller, round_id, file)
    row = grant.file
    return FileGrant(
        name=row.name,
        bytes=row.bytes,
        sha256=row.sha256,
        rows=row.rows,
        url=grant.url,
        expires_at=grant.expires_at,
    )


@router.post("/rounds/{round_id}/close", summary="Close a round to signals (operators)")
async def close_round(
    round_id: str, body: TransitionRequest, caller: SignedIn, operations: Operations, shelves: Shelves
) -> RoundDetail:
    """Signals that come later are refused. A round that is not open is refused: closing twice is an error."""
    await operations.close(caller, round_id, body.reason)
    return view_seen(await shelves.get_round_by_id(caller, round_id))


@router.post("/rounds/{round_id}/resolve", summary="Resolve a round: its targets can be read (operators)")
async def resolve_round(
    round_id: str, body: TransitionRequest, caller: SignedIn, operations: Operations, shelves: Shelves
) -> RoundDetail:
    """Targets and the inputs of the scores can be read from then on. Resolving twice, or before the embargo ends, is
    refused.
    """
    await operations.resolve(caller, round_id, body.reason)
    return view_seen(await shelves.get_round_by_id(caller, round_id))


def view_dataset(shelf: Shelf) -> DatasetView:
    panel = shelf.panel
    return DatasetView(
        name=shelf.dataset.name,
        title=shelf.dataset.title,
        summary=shelf.dataset.summary,
        is_private=shelf.dataset.reader_id is not None,
        eras=panel and panel.eras,
        first_day=panel and panel.first_day,
        last_day=panel and panel.last_day,
        horizon_days=panel and panel.horizon_days,
        lag_days=panel and panel.lag_days,
        rounds=shelf.rounds,
        open_round=shelf.open_round and shelf.open_round.number,
    )


def view_detail(shelf: Shelf) -> DatasetDetail:
    panel = shelf.panel
    return DatasetDetail(
        **view_dataset(shelf).model_dump(),
        card=shelf.dataset.card,
        features=list(panel.features) if panel else [],
        sources=[SourceView(**source) for source in panel.sources] if panel else [],
        panel_sha256=panel and panel.sha256,
    )


def view_round(dataset: str, row: Round) -> RoundView:
    return RoundView(
        id=row.id,
        dataset=dataset,
        number=row.number,
        state=cast(RoundState, row.state),
        first_era=row.first_era,
        last_era=row.last_era,
        train_last_era=row.train_last_era,
        horizon_days=row.horizon_days,
        lag_days=row.lag_days,
        opened_at=row.opened_at,
        closes_at=row.closes_at,
        embargo_until=row.embargo_until,
    )


def view_seen(seen: SeenRound) -> RoundDetail:
    files = [
        RoundFileView(
            name=file.name,
            bytes=file.bytes,
            sha256=file.sha256,
            rows=file.rows,
            is_available=is_available(seen.round, file),
        )
        for file in seen.files
    ]
    transitions = [
        TransitionView(state=cast(RoundState, step.state), by=step.by, reason=step.reason, at=step.at)
        for step in seen.transitions
    ]
    return RoundDetail(
        **view_round(seen.dataset.name, seen.round).model_dump(),
        files=files,
        transitions=transitions,
        scores_sha256=seen.round.scores_sha256,
    )


router.include_router(late)
