"""Trying a service: a form with an example, run here through the real gateway with a key of the person's organisation.

The key is named for what it is, lives an hour and is kept in memory only. Its calls are metered and paid like any
other, and can be told apart by its name.
"""

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

import httpx
from fastapi import Depends, Request, Response
from fastapi.responses import StreamingResponse

from mercato.admin import tell_change
from mercato.api import calls as calls_api
from mercato.api.publishing_views import view_service
from mercato.console.examples import Tryable, documented_operations, openai_operations
from mercato.console.forms import Form
from mercato.console.routes import page_router
from mercato.console.service import Tab, tabs_of
from mercato.console.snippets import Snippet, call_snippets, gateway_of
from mercato.console.visit import Anybody, SignedIn, Visit
from mercato.edge.addresses import origin_of
from mercato.edge.auditing import context_of
from mercato.edge.names import Called
from mercato.edge.wiring import Parts, Transaction, Wiring
from mercato.identity import DrawnSecret, Keys, Permission, draw_secret
from mercato.metering import CallFilter, Calls
from mercato.platform import Malformed, Refusal, Session
from mercato.publishing import Catalogue
from mercato.subscriptions import Subscriptions
from mercato_contracts.calls import CallView
from mercato_contracts.publishing import ServiceView

router = page_router()
slow = page_router(slow=True)

KEY_NAME = "try (console)"
_KEY_LIFE = timedelta(hours=1)
_MOST_KEYS = 1_000
_MOST_SHOWN = 64 * 1024
_MOST_READ = 4 * 1024 * 1024
_SECONDS = 60
_UNAUTHORISED = 401
_WAITS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.5, 0.5)


@dataclass(frozen=True, slots=True)
class Tried:
    """What came back."""

    status: int
    kind: str
    text: str
    octets: int
    is_cut: bool
    first_byte_us: int
    total_us: int
    overhead_us: int | None
    request_id: str


@dataclass(frozen=True, slots=True)
class TryPage:
    """The form, what it would be elsewhere, and what came back."""

    service: ServiceView
    name: str
    tabs: Sequence[Tab]
    operations: Sequence[Tryable]
    chosen: Tryable | None
    body: str
    snippets: Sequence[Snippet]
    is_subscribed: bool
    may_try: bool
    tried: Tried | None = None
    call: CallView | None = None


class TryKeys:
    """The keys of the last hour, by person; the least recently used are forgotten."""

    def __init__(self) -> None:
        self._keys: OrderedDict[str, tuple[str, datetime]] = OrderedDict()

    def find(self, actor: str, now: datetime) -> str | None:
        """A key that is in force for some minutes more."""
        found = self._keys.get(actor)
        return found[0] if found is not None and found[1] - now > timedelta(minutes=5) else None

    def forget(self, actor: str) -> None:
        """The gateway refused it, for example because somebody revoked it."""
        self._keys.pop(actor, None)

    def keep(self, actor: str, text: str, expires_at: datetime) -> None:
        self._keys[actor] = (text, expires_at)
        self._keys.move_to_end(actor)
        if len(self._keys) > _MOST_KEYS:
            self._keys.popitem(last=False)


_KEYS = TryKeys()


@router.get("/services/{vendor}/{name}/try")
async def show_try(vendor: str, name: str, visit: Anybody, session: Transaction, operation: str = "") -> Response:
    """Form and snippets for everybody; running needs somebody who is signed in."""
    return visit.show("service_try.html", await _page(visit, session, vendor, name, operation, None))


async def _run(vendor: str, name: str, request: Request, visit: SignedIn, parts: Parts) -> tuple[Form, Tried | Refusal]:
    """The call itself: no transaction is open while it lasts."""
    form = await Form.of(request)
    try:
        async with parts.database.transaction() as session:
            page = await _page(visit, session, vendor, name, form.get("operation"), form.raw("body"))
        if page.chosen is None:
            raise Malformed("This operation is not one of the service's.")
        key = await _key_for(visit, request, parts)
        tried = await _send(parts, page.chosen, page.body, key)
        if tried.status == _UNAUTHORISED:
            _KEYS.forget(visit.caller.actor)
        return form, tried
    except Refusal as refusal:
        return form, refusal


@slow.post("/services/{vendor}/{name}/try")
async def try_operation(
    vendor: str,
    name: str,
    ran: Annotated[tuple[Form, Tried | Refusal], Depends(_run)],
    visit: SignedIn,
    session: Transaction,
    called: Called,
    parts: Parts,
) -> Response:
    """What came back, and what it cost once it is metered."""
    form, result = ran
    page = await _page(visit, session, vendor, name, form.get("operation"), form.raw("body"))
    if isinstance(result, Refusal):
        return visit.show("service_try.html", page, refusal=result)
    call = await _metered(visit, session, called, result.request_id)
    return visit.show("service_try.html", _with(page, result, call))


@slow.post("/services/{vendor}/{name}/try/stream")
async def stream_operation(vendor: str, name: str, request: Request, visit: SignedIn, parts: Parts) -> Response:
    """The answer as it comes, for the page's own script; the form without it is `try_operation`."""
    form = await Form.of(request)
    async with parts.database.transaction() as session:
        page = await _page(visit, session, vendor, name, form.get("operation"), form.raw("body"))
    if page.chosen is None:
        raise Malformed("This operation is not one of the service's.")
    key = await _key_for(visit, request, parts)
    client = httpx.AsyncClient(timeout=_SECONDS, trust_env=False)
    try:
        sent = _request(client, parts, page.chosen, page.body, key)
        answer = await client.send(sent, stream=True)
    except httpx.HTTPError as error:
        await client.aclose()
        raise GatewayAway(f"The gateway did not answer: {type(error).__name__}.") from None
    headers = {"x-tried-status": str(answer.status_code), "x-tried-request": answer.headers.get("x-request-id", "")}
    # Text, whatever it says it is: nothing that a service answers is a page of ours.
    return StreamingResponse(
        _pass(client, answer), headers=headers | {"cache-control": "no-store"}, media_type="text/plain; charset=utf-8"
    )


async def _pass(client: httpx.AsyncClient, answer: httpx.Response) -> AsyncIterator[bytes]:
    taken = 0
    try:
        async for some in answer.aiter_bytes():
            taken += len(some)
            yield some
            if taken > _MOST_SHOWN:
                break
    finally:
        await answer.aclose()
        await client.aclose()


def _request(client: httpx.AsyncClient, parts: Wiring, chosen: Tryable, body: str, key: str) -> httpx.Request:
    headers = {"authorization": f"Bearer {key}"}
    content = body.encode() if chosen.method != "GET" and body.strip() else None
    if content is not None:
        headers["content-type"] = "application/json"
    return client.build_request(chosen.method, _inner(parts) + chosen.path, headers=headers, content=content)


def _with(page: TryPage, tried: Tried, call: CallView | None) -> TryPage:
    return TryPage(
        page.service, page.name, page.tabs, page.operations, page.chosen, page.body, page.snippets, page.is_subscribed,
        page.may_try, tried, call,
    )  # fmt: skip


async def _page(visit: Visit, session: Session, vendor: str, name: str, operation: str, body: str | None) -> TryPage:
    view = view_service(await Catalogue(session).get_listing(vendor, name))
    full = f"{view.vendor}/{view.name}"
    operations = await _operations(session, view, full)
    chosen = next((each for each in operations if each.id == operation), operations[0] if operations else None)
    typed = body if body and body.strip() else (chosen.body if chosen else "")
    person = visit.person
    return TryPage(
        service=view,
        name=full,
        tabs=tabs_of(full, "try"),
        operations=operations,
        chosen=chosen,
        body=typed,
        snippets=[] if chosen is None else _snippets(visit.wiring, full, chosen, typed),
        is_subscribed=person is not None and await _is_subscribed(visit, session, view.id),
        may_try=person is not None and person.caller.may(Permission.KEYS_WRITE) and person.caller.may(Permission.CALL),
    )


async def _operations(session: Session, view: ServiceView, full: str) -> list[Tryable]:
    if view.protocol in ("openai", "anthropic"):
        return openai_operations(full, view.task, view.protocol)
    try:
        document = await Catalogue(session).get_document(view.vendor, view.name, view.latest_version)
    except Refusal:
        return []
    return documented_operations(full, document.text)


def _snippets(parts: Wiring, full: str, chosen: Tryable, body: str) -> Sequence[Snippet]:
    try:
        parsed = json.loads(body) if body.strip() else None
    except ValueError:
        parsed = None
    path = chosen.path.removeprefix(f"/s/{full}")
    mp = f"mp call {full} {chosen.method} {path}" if chosen.path.startswith("/s/") else f"mp call {full}"
    return call_snippets(gateway_of(parts), chosen.method, chosen.path, parsed, mp=mp)


async def _is_subscribed(visit: Visit, session: Session, service_id: str) -> bool:
    desk = Subscriptions(session, visit.wiring.clock, visit.wiring.ids, visit.wiring.outbox, Catalogue(session))
    rows = await desk.list_all(visit.caller, as_vendor=False, after=None, limit=200)
    return any(row.service_id == service_id and row.status == "active" for row in rows)


async def _key_for(visit: Visit, request: Request, parts: Wiring) -> str:
    """The person's key of the last hour, or a new one; it is committed before it is used."""
    caller, now = visit.caller, visit.now
    caller.require(Permission.KEYS_WRITE)
    caller.require(Permission.CALL)
    kept = _KEYS.find(caller.actor, now)
    if kept is not None:
        return kept
    async with parts.hasher.place(origin_of(request)):
        drawn: DrawnSecret = await draw_secret(parts.ids, parts.hasher)
    async with parts.database.transaction() as session:
        keys = Keys(session, parts.clock, parts.ids, parts.hasher, parts.outbox)
        new = await keys.make(
            caller, kind="ck", name=KEY_NAME, scopes=[Permission.CALL.value], expires_at=now + _KEY_LIFE, drawn=drawn
        )
        await tell_change(
            session, parts.outbox, context_of(request), verb="key.made", operation="make_key", subject_id=new.row.id,
            names={},
        )  # fmt: skip
    _KEYS.keep(caller.actor, new.text, now + _KEY_LIFE)
    return new.text


async def _send(parts: Wiring, chosen: Tryable, body: str, key: str) -> Tried:
    began = time.perf_counter_ns()
    try:
        async with httpx.AsyncClient(timeout=_SECONDS, trust_env=False) as client:
            answer = await client.send(_request(client, parts, chosen, body, key), stream=True)
            first, taken = time.perf_counter_ns(), bytearray()
            async for some in answer.aiter_bytes():
                taken += some
                if len(taken) > _MOST_READ:
                    break
            await answer.aclose()
    except httpx.HTTPError as error:
        raise GatewayAway(f"The gateway did not answer: {type(error).__name__}.") from None
    kind = answer.headers.get("content-type", "").partition(";")[0]
    overhead = answer.headers.get("x-mercato-overhead-us", "")
    return Tried(
        status=answer.status_code,
        kind=kind,
        text=_shown(bytes(taken[:_MOST_SHOWN]), kind, whole=len(taken) <= _MOST_SHOWN),
        octets=len(taken),
        is_cut=len(taken) > _MOST_SHOWN,
        first_byte_us=(first - began) // 1000,
        total_us=(time.perf_counter_ns() - began) // 1000,
        overhead_us=int(overhead) if overhead.isdecimal() else None,
        request_id=answer.headers.get("x-request-id", ""),
    )


class GatewayAway(Refusal):
    """The console could not reach the gateway."""

    code = "gateway_away"
    status = 502
    title = "The gateway does not answer"
    fix = "Check that the gateway runs (`mercato doctor`), and try again."


def _inner(parts: Wiring) -> str:
    """The gateway as this machine reaches it."""
    return parts.gateway_url or f"http://127.0.0.1:{parts.gateway_port}"


def _shown(content: bytes, kind: str, *, whole: bool) -> str:
    if not kind.startswith("text/") and "json" not in kind:
        return f"{len(content)} bytes of {kind or 'an unnamed type'}"
    text = content.decode(errors="replace")
    if whole and "json" in kind:
        try:
            return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
        except ValueError:
            return text
    return text


async def _metered(visit: Visit, session: Session, called: Called, request_id: str) -> CallView | None:
    """The call as it was metered; it comes from the gateway within a second or so."""
    end = visit.now + timedelta(days=1)
    wanted = CallFilter(end - timedelta(days=2), end, request_id=request_id)
    for seconds in (0.0, *_WAITS):
        await asyncio.sleep(seconds)
        found = await Calls(session).page(visit.caller, wanted, side="consumer", key_id=None, after=None, limit=1)
        if found.items:
            (view,) = await calls_api.view_calls(found.items, {}, "consumer", called)
            return view
    return None


router.include_router(slow)
