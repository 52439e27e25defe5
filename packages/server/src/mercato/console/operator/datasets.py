"""Datasets as operators run them: build a panel, open, close and resolve rounds."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request, Response

from mercato.api import datasets as api
from mercato.console.forms import Form, as_request
from mercato.console.routes import page_router
from mercato.console.visit import SignedIn, Visit
from mercato.datasets import PanelDraft, Round, RoundDraft, Shelf
from mercato.edge.names import Called
from mercato.edge.paging import After, Page
from mercato.identity import Permission
from mercato.platform import Prepared, Refusal
from mercato_contracts.datasets import BuildRequest, OpenRoundRequest, RoundDetail, TransitionRequest

router = page_router()
slow = page_router(slow=True)
"""Routes that compute and write files before their transaction."""
_ROUNDS = 20
_HOUR = 3600


@dataclass(frozen=True, slots=True)
class DatasetsPage:
    """All of them. `readers`: the organisations that alone may use one. `typed`: a form that was not done."""

    items: Sequence[Shelf]
    readers: dict[str, str]
    may_write: bool
    typed: dict[str, str]


@dataclass(frozen=True, slots=True)
class DatasetPage:
    """One, with its rounds and the form of the next one."""

    shelf: Shelf
    reader: str
    rounds: Sequence[Round]
    may_write: bool
    typed: dict[str, str]
    first: str
    next: str


@router.get("/ops/datasets")
async def show_datasets(visit: SignedIn, shelves: api.Shelves, called: Called) -> Response:
    """Those for everybody, and those of one organisation alone."""
    return await _show_all(visit, shelves, called)


@router.get("/ops/datasets/{name}")
async def show_dataset(
    name: str, visit: SignedIn, shelves: api.Shelves, called: Called, after: After = None
) -> Response:
    """Its panel and its rounds, the newest first."""
    return await _show_one(visit, shelves, called, name, after=after)


_DraftedPanel = tuple[Form, Prepared[tuple[BuildRequest, Prepared[PanelDraft]]]]
_DraftedRound = tuple[Form, Prepared[tuple[OpenRoundRequest, Prepared[RoundDraft]]]]


async def _draft_panel(request: Request, visit: SignedIn, preparation: api.Preparation) -> _DraftedPanel:
    form = await Form.of(request)

    async def draft() -> tuple[BuildRequest, Prepared[PanelDraft]]:
        fields = {name: form.find(name) for name in ("name", "title", "organisation")}
        body = as_request(BuildRequest, **fields)
        return body, await preparation.panel(visit.caller, body.name)

    return form, await Prepared.by(draft())


async def _draft_round(name: str, request: Request, visit: SignedIn, preparation: api.Preparation) -> _DraftedRound:
    form = await Form.of(request)

    async def draft() -> tuple[OpenRoundRequest, Prepared[RoundDraft]]:
        body = as_request(
            OpenRoundRequest,
            reason=form.find("reason"),
            first_era=form.find("first_era"),
            eras=form.find("eras"),
            open_seconds=_seconds(form.find("open_hours")),
            embargo_seconds=_seconds(form.find("embargo_hours")),
        )
        return body, await preparation.round(visit.caller, name, first_era=body.first_era, eras=body.eras)

    return form, await Prepared.by(draft())


@slow.post("/ops/datasets")
async def build_dataset(
    drafted: Annotated[_DraftedPanel, Depends(_draft_panel)],
    visit: SignedIn,
    operations: api.Operations,
    shelves: api.Shelves,
    called: Called,
) -> Response:
    """From the installed prices; the same prices make the same panel."""
    form, prepared = drafted
    try:
        body, draft = prepared.take()
        await api.build_dataset(visit.caller, (body, draft), operations, shelves)
    except Refusal as refusal:
        return await _show_all(visit, shelves, called, form, refusal)
    return visit.go(f"/ops/datasets/{body.name}")


@slow.post("/ops/datasets/{name}/rounds")
async def open_round(
    name: str,
    drafted: Annotated[_DraftedRound, Depends(_draft_round)],
    visit: SignedIn,
    operations: api.Operations,
    shelves: api.Shelves,
    called: Called,
) -> Response:
    """Makes its files and takes signals from then on."""
    form, prepared = drafted
    try:
        made = await api.open_round(visit.caller, prepared.take(), operations, shelves)
    except Refusal as refusal:
        return await _show_one(visit, shelves, called, name, form=form, refusal=refusal)
    visit.made(made.id)
    return visit.go(f"/ops/datasets/{made.dataset}")


@dataclass
class _Transition:
    """One form's step of a round, with its reason."""

    name: str
    round_id: str
    request: Request
    visit: SignedIn
    operations: api.Operations
    shelves: api.Shelves
    called: Called

    async def make(self, step: Callable[..., Awaitable[RoundDetail]]) -> Response:
        """Back to the dataset, where a refusal is shown beside the form. `step` is the API's route."""
        form = await Form.of(self.request)
        try:
            body = as_request(TransitionRequest, reason=form.find("reason"))
            await step(self.round_id, body, self.visit.caller, self.operations, self.shelves)
        except Refusal as refusal:
            return await _show_one(self.visit, self.shelves, self.called, self.name, form=form, refusal=refusal)
        return self.visit.go(f"/ops/datasets/{self.name}")


Transition = Annotated[_Transition, Depends()]


@router.post("/ops/datasets/{name}/rounds/{round_id}/close")
async def close_round(transition: Transition) -> Response:
    """Signals that come later are refused."""
    return await transition.make(api.close_round)


@router.post("/ops/datasets/{name}/rounds/{round_id}/resolve")
async def resolve_round(transition: Transition) -> Response:
    """Its targets can be read from then on."""
    return await transition.make(api.resolve_round)


async def _show_all(
    visit: Visit, shelves: api.Shelves, called: Called, form: Form | None = None, refusal: Refusal | None = None
) -> Response:
    visit.caller.require(Permission.MARKETPLACE_READ)
    items = await shelves.list_all(visit.caller)
    page = DatasetsPage(
        items=items,
        readers=await called.organisations({each.dataset.reader_id for each in items if each.dataset.reader_id}),
        may_write=visit.caller.may(Permission.MARKETPLACE_WRITE),
        typed=_typed(form, "name", "title", "organisation"),
    )
    return visit.show("operator/datasets.html", page, refusal=refusal)


async def _show_one(
    visit: Visit,
    shelves: api.Shelves,
    called: Called,
    name: str,
    *,
    after: str | None = None,
    form: Form | None = None,
    refusal: Refusal | None = None,
) -> Response:
    visit.caller.require(Permission.MARKETPLACE_READ)
    shelf = await shelves.get(visit.caller, name)
    before = int(after) if after and after.isdecimal() and len(after) < 10 else None
    _, rounds = await shelves.list_rounds(visit.caller, name, state=None, before=before, limit=_ROUNDS)
    reader, here = shelf.dataset.reader_id, visit.at(f"/ops/datasets/{name}")
    page = DatasetPage(
        shelf=shelf,
        reader=(await called.organisations({reader})).get(reader, "") if reader else "",
        rounds=rounds,
        may_write=visit.caller.may(Permission.MARKETPLACE_WRITE),
        typed=_typed(form, "reason", "first_era", "eras", "open_hours", "embargo_hours"),
        first=here.first(),
        next=here.on("after", Page.of(rounds, _ROUNDS, lambda row: str(row.number)).next),
    )
    return visit.show("operator/dataset.html", page, refusal=refusal)


def _typed(form: Form | None, *names: str) -> dict[str, str]:
    return {name: "" if form is None else form.get(name)[:2000] for name in names}


def _seconds(hours: str | None) -> Any:
    """What is no number stays as it is, for the form to say so."""
    return int(hours) * _HOUR if hours is not None and hours.isdecimal() and len(hours) < 7 else hours


router.include_router(slow)
