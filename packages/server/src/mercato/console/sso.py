"""Pages of single sign-on: on the way to an identity provider, and where the provider sends people back to.

A cookie ties the two to one browser (`binding`); without it an answer is refused. It needs `SameSite=Lax`, because the
provider's site leads here. No form is sent to another site: a link leads to the provider.
"""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote, unquote

from fastapi import Depends, Request, Response

from mercato.console.device import DeviceQuestionPage, DeviceSignInPage
from mercato.console.routes import page_router
from mercato.console.sign_in import SignInPage, begin_here
from mercato.console.visit import Anybody, Visit, own_path
from mercato.edge.auditing import note_denial
from mercato.edge.devices import PAGE, Devices
from mercato.edge.forms import read_form
from mercato.edge.sso import Proven, SignOnDesk, address_of, prove_answer, sso_in
from mercato.edge.wiring import Parts, Transaction, Wiring
from mercato.identity import CALLBACK, SsoAnswer
from mercato.platform import Refusal

router = page_router(slow=True)

_COOKIE = "mercato_sso"
_NEXT = "mercato_sso_next"
"""The page that somebody wanted before they were sent to the provider."""
_FOLDER = CALLBACK.rpartition("/")[0]
_SECONDS = 600


@dataclass(frozen=True, slots=True)
class ContinuePage:
    """The way to the provider."""

    issuer: str
    address: str


@router.post("/sign-in/sso")
async def sign_in_at_provider(request: Request, visit: Anybody, parts: Parts) -> Response:
    """The way to the provider of the person's organisation, to sign in at this browser."""
    form = await read_form(request)
    organisation = _organisation(form)
    try:
        page = await _way(visit, parts, organisation, None)
        _keep(visit, page, _NEXT, quote(own_path(form.get("next")), safe=""))
        return page
    except Refusal as refusal:
        again = SignInPage(own_path(form.get("next")), organisation=organisation)
        return visit.show("sign_in.html", again, refusal=refusal)


@router.post(f"{PAGE}/sso")
async def approve_at_provider(request: Request, visit: Anybody, parts: Parts) -> Response:
    """The same, to approve a device that waits."""
    form = await read_form(request)
    code, organisation = form.get("user_code", "")[:20], _organisation(form)
    try:
        return await _way(visit, parts, organisation, code)
    except Refusal as refusal:
        return visit.show("device_sign_in.html", DeviceSignInPage(code, organisation=organisation), refusal=refusal)


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


@router.get(CALLBACK)
async def come_back(
    proven: ProvenAnswer, visit: Anybody, desk: SignOnDesk, devices: Devices, session: Transaction, parts: Parts
) -> Response:
    """The person comes back from the provider: they are signed in, or asked whether they approve the device."""
    if proven is None:
        return visit.show("sso_elsewhere.html", None)
    if isinstance(proven, Refusal):
        await note_denial(visit.request, parts, proven)
        return visit.show("sso_refused.html", None, refusal=proven)
    try:
        outcome = await desk.finish(proven.taken, proven.claims, at_browser=True)
        if outcome.purpose == "device":
            question = await devices.ask_as(outcome.user, outcome.user_code, outcome.proved_at)
            page = visit.show("device_question.html", DeviceQuestionPage(question))
        else:
            page = await begin_here(visit, session, parts, outcome.user, _wanted(visit), outcome.proved_at)
    except Refusal as refusal:
        await note_denial(visit.request, parts, refusal)
        return visit.show("sso_refused.html", None, refusal=refusal)
    for name in (_COOKIE, _NEXT):
        page.delete_cookie(name, path=visit.prefix + _FOLDER)
    return page


async def _way(visit: Visit, parts: Wiring, organisation: str, user_code: str | None) -> Response:
    async with parts.database.transaction() as session:
        begun = await sso_in(session, parts).begin(organisation, user_code=user_code)
    page = visit.show("sso_continue.html", ContinuePage(begun.party.issuer, await address_of(begun, parts)))
    _keep(visit, page, _COOKIE, begun.binding)
    return page


def _keep(visit: Visit, page: Response, name: str, value: str) -> None:
    page.set_cookie(
        name, value, max_age=_SECONDS, path=visit.prefix + _FOLDER, httponly=True, samesite="lax",
        secure=visit.wiring.client_url.startswith("https:"),
    )  # fmt: skip


def _wanted(visit: Visit) -> str:
    return own_path(unquote(visit.request.cookies.get(_NEXT, "")))


def _organisation(form: dict[str, str]) -> str:
    return form.get("organisation", "").strip().lower()[:63]
