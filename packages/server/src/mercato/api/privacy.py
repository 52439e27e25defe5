"""Privacy: erasure of people, legal holds, copies of what is known."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query

from mercato.admin import Erasure, Erasures, KeptRows, LegalHold, LegalHolds, PersonExport, PersonExports, Retention
from mercato.edge.caller import SignedIn
from mercato.edge.names import Called
from mercato.edge.paging import Page, PageSize
from mercato.edge.route import TransactionalRoute
from mercato.edge.wiring import Parts, Transaction
from mercato.identity import Caller
from mercato_contracts.privacy import (
    ErasurePage,
    ErasureView,
    HoldPage,
    HoldRequest,
    HoldView,
    KeptRowsView,
    PersonExportList,
    PersonExportView,
    PersonRequest,
    RetentionView,
)

router = APIRouter(prefix="/api/privacy", tags=["privacy"], route_class=TransactionalRoute)


def _erasures(session: Transaction, parts: Parts) -> Erasures:
    return Erasures(session, parts.clock, parts.ids, parts.outbox)


def _holds(session: Transaction, parts: Parts) -> LegalHolds:
    return LegalHolds(session, parts.clock, parts.ids, parts.outbox)


def _exports(session: Transaction, parts: Parts) -> PersonExports:
    return PersonExports(session, parts.clock, parts.ids, parts.outbox, parts.objects)


ExportDesk = Annotated[PersonExports, Depends(_exports)]
ErasureDesk = Annotated[Erasures, Depends(_erasures)]
HoldDesk = Annotated[LegalHolds, Depends(_holds)]
Before = Annotated[str | None, Query(max_length=64, description="Only what is older than this id")]


@router.post("/erasures", status_code=202, summary="Erase a person")
async def erase_person(body: PersonRequest, caller: SignedIn, desk: ErasureDesk, names: Called) -> ErasureView:
    """Yourself (`me`), a colleague, or, for operators, anybody. It cannot be undone.

    The person has no access from now on, and the rest is done within minutes: their account is emptied, what names them
    is deleted, masked or made unreadable, and usage, ledger and invoices keep an id that leads to nobody. Needs a proof
    of who you are from the last ten minutes. A legal hold stands against it, and so do open invoices of an
    organisation for which nobody else answers. Asking again gives the same erasure.
    """
    found = await desk.ask(caller, whom(body.person, caller))
    return await _view_one(found, names)


@router.get("/erasures", summary="Erasures, the newest first")
async def list_erasures(
    caller: SignedIn, desk: ErasureDesk, names: Called, before: Before = None, limit: PageSize = 50
) -> ErasurePage:
    """Those of your own organisation; operators see all."""
    found = await desk.page(caller, before=before, limit=limit)
    slugs = await names.organisations({each.organisation_id for each in found})
    return ErasurePage(items=[_view(each, slugs) for each in found], next=Page.of(found, limit).next)


@router.get("/erasures/{erasure_id}", summary="One erasure, and what it did")
async def get_erasure(erasure_id: str, caller: SignedIn, desk: ErasureDesk, names: Called) -> ErasureView:
    """`counts` says how many rows of each table, files and entries went."""
    return await _view_one(await desk.get(caller, erasure_id), names)


@router.put("/holds/{user_id}", summary="Place a legal hold on a person (operator)")
async def place_legal_hold(
    user_id: str, body: HoldRequest, caller: SignedIn, desk: HoldDesk, names: Called
) -> HoldView:
    """While it is in force, the person is not erased. Placing it again changes nothing."""
    return await _view_hold(await desk.place(caller, user_id, body.reason), names)


@router.delete("/holds/{user_id}", summary="Lift a legal hold (operator)")
async def lift_legal_hold(user_id: str, caller: SignedIn, desk: HoldDesk, names: Called) -> HoldView:
    """An erasure can be asked for again afterwards."""
    return await _view_hold(await desk.lift(caller, user_id), names)


@router.get("/holds", summary="Legal holds, the newest first (operator)")
async def list_legal_holds(
    caller: SignedIn, desk: HoldDesk, names: Called, before: Before = None, limit: PageSize = 50
) -> HoldPage:
    """Those in force and those that were lifted, with who placed them and why."""
    found = await desk.page(caller, before=before, limit=limit)
    return HoldPage(items=[await _view_hold(each, names) for each in found], next=Page.of(found, limit).next)


@router.post("/exports", status_code=202, summary="Ask for a copy of what is known of a person")
async def export_person(body: PersonRequest, caller: SignedIn, desk: ExportDesk) -> PersonExportView:
    """Of yourself (`me`), of a colleague, or, for operators, of anybody. Needs a proof of who you are from the last ten
    minutes. While one is being made, asking again gives the same.
    """
    return await _view_export(await desk.ask(caller, whom(body.person, caller)), desk)


@router.get("/exports", summary="Copies of what is known of a person, the newest first")
async def list_person_exports(
    caller: SignedIn, desk: ExportDesk, person: Annotated[str, Query(max_length=64)] = "me"
) -> PersonExportList:
    """Those that have not expired. Each answer has a fresh link."""
    found = await desk.page(caller, whom(person, caller))
    return PersonExportList(items=[await _view_export(each, desk) for each in found])


@router.get("/exports/{export_id}", summary="One copy, with the link to its file")
async def get_person_export(export_id: str, caller: SignedIn, desk: ExportDesk) -> PersonExportView:
    """The link works for whoever has it, until `expires_at`. The file is a ZIP: a JSON document and its schema for each
    table that knows the person.
    """
    return await _view_export(await desk.get(caller, export_id), desk)


@router.get("/retention", summary="How long rows of each kind are kept (operator)")
async def show_retention(
    caller: SignedIn,
    session: Transaction,
    parts: Parts,
    count: Annotated[bool, Query(description="Count what would go now: a dry run")] = False,
) -> RetentionView:
    """From the data map, which the worker follows each minute. Counting removes nothing, and reads whole tables."""
    found = await Retention(session, parts.clock, parts.outbox).rules(caller, count=count)
    return RetentionView(items=[_view_kept(each) for each in found])


def whom(person: str, caller: Caller) -> str:
    """The id that `me` stands for."""
    return caller.actor if person == "me" else person


async def _view_one(erasure: Erasure, names: Called) -> ErasureView:
    return _view(erasure, await names.organisations({erasure.organisation_id}))


def _view(erasure: Erasure, slugs: dict[str, str]) -> ErasureView:
    state: Literal["running", "done"] = "running" if erasure.ended_at is None else "done"
    return ErasureView(
        id=erasure.id,
        person=erasure.person_id,
        organisation=slugs.get(erasure.organisation_id, ""),
        asked_by=erasure.asked_by,
        asked_at=erasure.asked_at,
        ended_at=erasure.ended_at,
        state=state,
        counts=erasure.counts,
    )


async def _view_export(export: PersonExport, desk: PersonExports) -> PersonExportView:
    return PersonExportView(
        id=export.id,
        person=export.person_id,
        state="making" if export.ready_at is None else "ready",
        asked_at=export.asked_at,
        expires_at=export.expires_at,
        bytes=export.bytes,
        sha256=export.sha256,
        rows=export.counts,
        url=await desk.link(export),
    )


async def _view_hold(hold: LegalHold, names: Called) -> HoldView:
    slugs = await names.organisations({hold.organisation_id})
    return HoldView(
        id=hold.id,
        person=hold.person_id,
        organisation=slugs.get(hold.organisation_id, ""),
        reason=hold.reason,
        placed_by=hold.placed_by,
        placed_at=hold.placed_at,
        lifted_by=hold.lifted_by,
        lifted_at=hold.lifted_at,
    )


def _view_kept(kept: KeptRows) -> KeptRowsView:
    keep = kept.note.keep
    return KeptRowsView(
        table=kept.table,
        purpose=kept.note.purpose,
        basis=kept.note.basis,
        kept=str(keep),
        days=keep.days or None,
        since=keep.since,
        due=kept.due,
    )
