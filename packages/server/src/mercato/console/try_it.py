"""Trying a service: a form, run here through the real gateway with a key of the organisation of the person."""

import json
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Annotated

from fastapi import Depends, Query, Request, Response

from mercato.api import calls as calls_api
from mercato.api.publishing_views import view_service
from mercato.console.examples import Tryable, documented_operations, openai_operations
from mercato.console.forms import Form
from mercato.console.routes import page_router
from mercato.console.service import Tab, tabs_of
from mercato.console.snippets import Snippet, call_snippets, gateway_of
from mercato.console.try_form import Filled, fill
from mercato.console.try_gateway import Outgoing, Tried, claim_call, key_for, open_stream, send
from mercato.console.visit import Anybody, SignedIn, Visit
from mercato.edge.names import Called
from mercato.edge.wiring import Parts, Transaction, Wiring
from mercato.identity import Permission
from mercato.metering import CallFilter, Calls, MeteredCall
from mercato.platform import Malformed, NotFound, Refusal, Session
from mercato.publishing import Catalogue
from mercato.subscriptions import Subscriptions
from mercato_contracts.calls import CallView
from mercato_contracts.publishing import ServiceView

router = page_router()
slow = page_router(slow=True)


_WAITS = (0.1, 0.3, 0.6, 0.8, 0.7)
_MOST_KEPT = 16
_LARGEST_KEPT = 1024 * 1024
_LONGEST_ID = 100


@dataclass(frozen=True, slots=True)
class TryPage:
    """The form, what it would be elsewhere, and what came back."""

    service: ServiceView
    name: str
    tabs: Sequence[Tab]
    operations: Sequence[Tryable]
    chosen: Tryable | None
    filled: Filled | None
    snippets: Sequence[Snippet]
    is_subscribed: bool
    may_try: bool
    tried: Tried | None = None
    call: CallView | None = None


class ReadDocuments:
    """The operations of the last documents, which are read once: a release never changes."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], list[Tryable]] = OrderedDict()

    def operations(self, name: str, digest: str, text: str) -> list[Tryable]:
        """Those of this document."""
        found = self._kept.get((name, digest))
        if found is None:
            found = documented_operations(name, text)
            if len(text) <= _LARGEST_KEPT:
                self._kept[name, digest] = found
                if len(self._kept) > _MOST_KEPT:
                    self._kept.popitem(last=False)
        return found


_DOCUMENTS = ReadDocuments()


@router.get("/services/{vendor}/{name}/try")
async def show_try(
    vendor: str,
    name: str,
    visit: Anybody,
    session: Transaction,
    operation: str = "",
    shape: Annotated[str, Query(alias="as")] = "",
) -> Response:
    """Form and snippets for everybody; running needs somebody who is signed in."""
    page = await _page(visit, session, vendor, name, operation, None, as_json=shape == "json")
    return visit.show("service_try.html", page)


@dataclass(frozen=True, slots=True)
class _Ran:
    form: Form
    tried: Tried | None
    refusal: Refusal | None


async def _run(vendor: str, name: str, request: Request, visit: SignedIn, parts: Parts) -> _Ran:
    """The call itself, until it is metered: no transaction is open while it lasts."""
    form = await Form.of(request)
    try:
        page = await _filled(visit, parts, vendor, name, form)
        if not page.is_run:
            return _Ran(form, None, None)
        key = await _claim(visit, request, parts, f"{vendor}/{name}", form)
        tried = await send(visit, parts, page.call, key)
    except Refusal as refusal:
        return _Ran(form, None, refusal)
    await _until_metered(tried.request_id, visit, parts)
    return _Ran(form, tried, None)


@slow.post("/services/{vendor}/{name}/try")
async def try_operation(
    vendor: str,
    name: str,
    ran: Annotated[_Ran, Depends(_run)],
    visit: SignedIn,
    session: Transaction,
    called: Called,
) -> Response:
    """What came back, and what it cost once it is metered. A button for another form of it makes no call."""
    page = await _page(visit, session, vendor, name, ran.form.get("operation"), ran.form)
    if ran.tried is not None:
        call = await _view_call(visit, session, called, ran.tried.request_id)
        page = replace(page, tried=ran.tried, call=call)
    return visit.show("service_try.html", page, refusal=ran.refusal)


@slow.post("/services/{vendor}/{name}/try/stream")
async def stream_operation(vendor: str, name: str, request: Request, visit: SignedIn, parts: Parts) -> Response:
    """The answer as it comes, for the page's own script; the form without it is `try_operation`."""
    return await _stream(vendor, name, request, visit, parts)


@slow.post("/services/{vendor}/{name}/try/download")
async def download_answer(vendor: str, name: str, request: Request, visit: SignedIn, parts: Parts) -> Response:
    """The same call with its whole answer as a file: a page shows the beginning of a long one."""
    return await _stream(vendor, name, request, visit, parts, file="answer")


async def _stream(vendor: str, name: str, request: Request, visit: Visit, parts: Wiring, *, file: str = "") -> Response:
    form = await Form.of(request)
    ready = await _filled(visit, parts, vendor, name, form)
    key = await _claim(visit, request, parts, f"{vendor}/{name}", form)
    return await open_stream(visit, parts, ready.call, key, file=file)


async def _claim(visit: Visit, request: Request, parts: Wiring, service: str, form: Form) -> str:
    """The key for the one call of this form. Raises `CallMadeAlready`."""
    key = await key_for(visit, request, parts)
    attempt = form.find("attempt")
    if attempt is not None:
        await claim_call(visit, parts, service, attempt)
    return key


@dataclass(frozen=True, slots=True)
class TriedCallPage:
    """A call that streamed, once it is metered; `call` is `None` until then."""

    name: str
    request_id: str
    call: CallView | None


async def _until_metered(request_id: str, visit: SignedIn, parts: Parts) -> None:
    """Returns once the call is metered, or after some seconds. It comes from the gateway within a second or so.

    Each look is a transaction of its own: who waits holds no connection.
    """
    for seconds in _WAITS:
        async with parts.database.transaction() as session:
            if await _find_call(visit, session, request_id) is not None:
                return
        await parts.pause(seconds)


@slow.get("/services/{vendor}/{name}/try/calls/{request_id}", dependencies=[Depends(_until_metered)])
async def show_tried_call(
    vendor: str, name: str, request_id: str, visit: SignedIn, session: Transaction, called: Called
) -> Response:
    """What it cost. The page of the form takes its figures from here."""
    call = await _view_call(visit, session, called, request_id)
    if call is None and await _catalogue(visit, session).find_service(vendor, name) is None:
        raise NotFound(f"There is no service {vendor[:64]}/{name[:64]}.")
    return visit.show("tried_call.html", TriedCallPage(f"{vendor}/{name}"[:140], request_id[:_LONGEST_ID], call))


@dataclass(frozen=True, slots=True)
class _Ready:
    call: Outgoing
    is_run: bool


async def _filled(visit: Visit, parts: Wiring, vendor: str, name: str, form: Form) -> _Ready:
    """The call that a form makes. Raises `Malformed`."""
    async with parts.database.transaction() as session:
        page = await _page(visit, session, vendor, name, form.get("operation"), form)
    if page.chosen is None or page.filled is None:
        raise Malformed("This operation is not one of the service's.")
    if form.get("operation") not in ("", page.chosen.id):
        # Never another call than the one that was filled in.
        raise Malformed("This operation is not one of the service's.")
    if page.filled.is_run:
        page.filled.check()
    return _Ready(Outgoing(page.chosen.method, page.filled.path, page.filled.body), page.filled.is_run)


async def _page(
    visit: Visit, session: Session, vendor: str, name: str, operation: str, form: Form | None, *, as_json: bool = False
) -> TryPage:
    view = view_service(await _catalogue(visit, session).get_listing(vendor, name))
    full = f"{view.vendor}/{view.name}"
    operations = await _operations(visit, session, view, full)
    chosen = next((each for each in operations if each.id == operation), operations[0] if operations else None)
    filled = None if chosen is None else fill(chosen, form, as_json=as_json)
    person = visit.person
    return TryPage(
        service=view,
        name=full,
        tabs=tabs_of(full, "try"),
        operations=operations,
        chosen=chosen,
        filled=filled,
        snippets=[] if chosen is None or filled is None else _snippets(visit.wiring, full, chosen, filled),
        is_subscribed=person is not None and await _is_subscribed(visit, session, view.id),
        may_try=person is not None and person.caller.may(Permission.KEYS_WRITE) and person.caller.may(Permission.CALL),
    )


def _catalogue(visit: Visit, session: Session) -> Catalogue:
    """The services that whoever looks may see."""
    return Catalogue(session, None if visit.person is None else visit.caller.organisation_slug)


async def _operations(visit: Visit, session: Session, view: ServiceView, full: str) -> list[Tryable]:
    if view.protocol in ("openai", "anthropic"):
        return openai_operations(full, view.task, view.protocol)
    try:
        document = await _catalogue(visit, session).get_document(view.vendor, view.name, view.latest_version)
    except Refusal:
        return []
    return _DOCUMENTS.operations(full, document.digest, document.text)


def _snippets(parts: Wiring, full: str, chosen: Tryable, filled: Filled) -> Sequence[Snippet]:
    try:
        parsed = json.loads(filled.body) if filled.body.strip() else None
    except ValueError:
        parsed = None
    path = filled.path.removeprefix(f"/s/{full}")
    mp = f"mp call {full} {chosen.method} {path}" if chosen.path.startswith("/s/") else f"mp call {full}"
    return call_snippets(gateway_of(parts), chosen.method, filled.path, parsed, mp=mp)


async def _is_subscribed(visit: Visit, session: Session, service_id: str) -> bool:
    desk = Subscriptions(session, visit.wiring.clock, visit.wiring.ids, visit.wiring.outbox, Catalogue(session))
    rows = await desk.list_all(visit.caller, as_vendor=False, after=None, limit=200)
    return any(row.service_id == service_id and row.status == "active" for row in rows)


async def _find_call(visit: Visit, session: Session, request_id: str) -> MeteredCall | None:
    end = visit.now + timedelta(days=1)
    wanted = CallFilter(end - timedelta(days=2), end, request_id=request_id[:_LONGEST_ID])
    found = await Calls(session).page(visit.caller, wanted, side="consumer", key_id=None, after=None, limit=1)
    return found.items[0] if found.items else None


async def _view_call(visit: Visit, session: Session, called: Called, request_id: str) -> CallView | None:
    """The call as it was metered; `None` where it is not yet."""
    found = await _find_call(visit, session, request_id)
    if found is None:
        return None
    (view,) = await calls_api.view_calls([found], {}, "consumer", called)
    return view


router.include_router(slow)
