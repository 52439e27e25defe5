"""Pages of single sign-on: on the way to an identity provider, and where the provider sends people back to.

A cookie ties the two to one browser (`binding`); without it an answer is refused. It needs `SameSite=Lax`, because the
provider's site leads here. No script runs, and no form is sent to another site: a link leads to the provider.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from mercato.console.device import SSO, question_page, sign_in_page
from mercato.console.page import refuse_other_sites, render
from mercato.edge.devices import Devices
from mercato.edge.forms import read_form
from mercato.edge.route import LateTransactionalRoute
from mercato.edge.sso import Proven, SignOnDesk, address_of, prove_answer, sso_in
from mercato.edge.wiring import Parts
from mercato.identity import CALLBACK, Begun, SsoAnswer
from mercato.platform import Refusal

late = router = APIRouter(route_class=LateTransactionalRoute, include_in_schema=False)

_COOKIE = "mercato_sso"


@late.post(SSO)
async def continue_at_provider(request: Request, parts: Parts) -> Response:
    """The way to the provider of the person's organisation, for a device that waits for approval."""
    refuse_other_sites(request)
    form = await read_form(request)
    code, organisation = form.get("user_code", "")[:20], form.get("organisation", "").strip().lower()[:63]
    try:
        async with parts.database.transaction() as session:
            begun = await sso_in(session, parts).begin(organisation, user_code=code)
        address = await address_of(begun, parts)
    except Refusal as refusal:
        return sign_in_page(code, organisation=organisation, refusal=refusal)
    page = _page("sso_continue.html", issuer=begun.party.issuer, address=address)
    _keep_binding(page, begun, is_secure=parts.client_url.startswith("https:"))
    return page


async def _prove(request: Request, parts: Parts) -> Proven | Refusal | None:
    """What the provider vouched for, or why not; `None` where another browser or a program began."""
    query, binding = request.query_params, request.cookies.get(_COOKIE)
    if binding is None:
        return None
    answer = SsoAnswer(
        state=query.get("state", "")[:200],
        binding=binding[:200],
        code=query.get("code", "")[:4000] or None,
        issuer=query.get("iss", "")[:500] or None,
        error=query.get("error", "")[:200] or None,
    )
    try:
        return await prove_answer(answer, parts)
    except Refusal as refusal:
        return refusal


# Named before what asks for the transaction.
ProvenAnswer = Annotated[Proven | Refusal | None, Depends(_prove)]


@late.get(CALLBACK)
async def come_back(proven: ProvenAnswer, desk: SignOnDesk, devices: Devices) -> Response:
    """The person comes back from the provider: what would they approve?"""
    if proven is None:
        return _page("sso_elsewhere.html")
    if isinstance(proven, Refusal):
        return _refused(proven)
    try:
        outcome = await desk.finish(proven.taken, proven.claims, approves_device=True)
        page = question_page(await devices.ask_as(outcome.user, outcome.user_code, outcome.proved_at))
    except Refusal as refusal:
        return _refused(refusal)
    page.delete_cookie(_COOKIE, path="/sso")
    return page


def _keep_binding(page: Response, begun: Begun, *, is_secure: bool) -> None:
    page.set_cookie(_COOKIE, begun.binding, max_age=600, path="/sso", httponly=True, samesite="lax", secure=is_secure)


def _refused(refusal: Refusal) -> Response:
    return _page("sso_refused.html", refusal.status, refusal=refusal)


def _page(template: str, status: int = 200, **values: Any) -> Response:
    return render(template, status, forms=False, cache_control="no-store", **values)
