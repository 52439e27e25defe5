"""The route of a page: its session is the cookie's, its forms are our own, its refusals are pages."""

from collections.abc import Callable, Coroutine
from typing import Any, ClassVar
from urllib.parse import parse_qs

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute

from mercato.console.forms import MOST_FIELDS
from mercato.console.origin import refuse_other_sites
from mercato.console.page import HEADERS
from mercato.console.query import asked
from mercato.console.visit import Visit, see_other, zone_of
from mercato.edge.addresses import origin_of
from mercato.edge.auditing import context_of, note_change, noting_refusals
from mercato.edge.idempotency import StoredAnswer
from mercato.edge.maintenance import refuse_in_maintenance
from mercato.edge.route import AlreadyAnswered, UnitOfWork
from mercato.edge.viewing import refuse_while_viewing
from mercato.edge.wiring import Wiring, get_wiring
from mercato.identity import BrowserSessions, OrganisationSuspended, SignedInPerson
from mercato.platform import Refusal, serving

_SECURE_COOKIE = "__Host-mercato"
_PLAIN_COOKIE = "mercato_session"
_SEE_OTHER = "application/x-see-other"
_GUESSABLE = frozenset(
    {
        "/sign-in",
        "/sign-up",
        "/prove",
        "/device",
        "/device/decision",
        "/device/sso",
        "/sign-in/sso",
        "/forgot-password",
        "/sign-in/passkey",
        "/prove/passkey",
    }
)
"""Pages that prove by their form who is asking."""
_GUESSABLE_LINKS = ("/join/", "/new-password/")
"""Pages whose address holds a token."""
_Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def page_router(*, slow: bool = False) -> APIRouter:
    """A router for pages. `slow`: a dependency named before the transaction does something slow."""
    return APIRouter(route_class=SlowPageRoute if slow else PageRoute, include_in_schema=False)


def cookie_name(client_url: str) -> str:
    """Of the session. Behind https no other host and no page without https can set it."""
    return _SECURE_COOKIE if client_url.startswith("https:") else _PLAIN_COOKIE


class PageRoute(APIRoute):
    """A page, whose handler and dependencies share one transaction, which a refusal undoes.

    A form with a hidden field `once` is done once: sent again, it gets the same answer.
    """

    opens_late: ClassVar[bool] = False

    def get_route_handler(self) -> _Handler:
        answer = super().get_route_handler()

        async def handle(request: Request) -> Response:
            wiring = get_wiring(request)
            # A form that is sent by GET names its empty fields too, which no filter means.
            request.scope["query_string"] = asked(request.scope["query_string"], zone_of(request))
            request.state.is_page = True
            request.state.caller = None
            async with noting_refusals(request, wiring):
                return await self._handle(request, wiring, answer)

        return handle

    async def _handle(self, request: Request, wiring: Wiring, answer: _Handler) -> Response:
        refuse_other_sites(request, wiring.client_url)
        if _proves_by_form(request):
            wiring.guessing.take(origin_of(request), wiring.clock.now())
        kept_refusal: Refusal | None = None
        person = await _find_person(request, wiring)
        request.state.visit = Visit(request, wiring, person)
        request.state.caller = None if person is None else person.caller
        _take_allowance(request, wiring, person)
        async with UnitOfWork(request, wiring, await _once_of(request)) as unit:
            request.state.unit = unit
            try:
                refuse_while_viewing(request, request.state.caller)
                refuse_in_maintenance(request, wiring, request.state.caller)
                if not self.opens_late:
                    await unit.open()
                with serving(context_of(request)) as served:
                    response = await answer(request)
                    await note_change(request, unit.begin, wiring, served, response)
                unit.keep(_to_store(response))
            except AlreadyAnswered as again:
                response = _again(again.stored)
            except Refusal as refusal:
                if not refusal.keeps_changes:
                    raise
                kept_refusal = refusal
        if kept_refusal is not None:
            raise kept_refusal
        return response


class SlowPageRoute(PageRoute):
    """The transaction is opened by the first dependency that asks for `Transaction`, so what is slow is a dependency
    named before it."""

    opens_late = True


def _proves_by_form(request: Request) -> bool:
    path = request.scope["path"]
    return request.method == "POST" and (path in _GUESSABLE or path.startswith(_GUESSABLE_LINKS))


async def _find_person(request: Request, wiring: Wiring) -> SignedInPerson | None:
    token = request.cookies.get(cookie_name(wiring.client_url))
    if token is None:
        return None
    async with wiring.database.transaction() as session:
        sessions = BrowserSessions(session, wiring.clock, wiring.ids, wiring.outbox)
        try:
            return await sessions.find(token)
        except OrganisationSuspended:
            # Whoever is locked out can still read the public pages; signing in says why.
            return None


def _take_allowance(request: Request, wiring: Wiring, person: SignedInPerson | None) -> None:
    now = wiring.clock.now()
    if person is None:
        wiring.throttle.take(origin_of(request), now)
        return
    wiring.organisations.take(person.caller.organisation_id, now)
    wiring.throttle.take(person.caller.lasting_actor, now)


async def _once_of(request: Request) -> str | None:
    """What tells this form from every other: a hidden field, or a parameter of the address where files are sent."""
    if request.method != "POST":
        return None
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        # A refusal is answered with another request object, which cannot read the body again.
        request.state.form_body = await request.body()
        sent = parse_qs(request.state.form_body.decode("latin-1"), max_num_fields=MOST_FIELDS).get("once")
        return sent[0] if sent else None
    return request.query_params.get("once")


def _to_store(response: Response) -> Response:
    where = response.headers.get("location")
    return response if where is None else Response(where, response.status_code, media_type=_SEE_OTHER)


def _again(stored: StoredAnswer) -> Response:
    if stored.media_type == _SEE_OTHER:
        return see_other(stored.body.decode())
    return Response(stored.body, stored.status, {**HEADERS, "cache-control": "no-store"}, stored.media_type)
