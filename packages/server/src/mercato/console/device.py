"""The page where a person approves a device's login (RFC 8628).

It needs no script, and what changes something is a POST that carries the person's password or an unguessable
confirmation. Another site can send neither, so there is nothing to forge. Its one cookie opens nothing: it says that
the person signed in on this device before, so others' guesses do not delay them.
"""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from mercato.console.page import refuse_other_sites, render
from mercato.edge.addresses import origin_of
from mercato.edge.devices import PAGE, Devices
from mercato.edge.forms import read_form
from mercato.edge.route import LateTransactionalRoute, TransactionalRoute
from mercato.edge.wiring import Parts
from mercato.identity import Question, User
from mercato.platform import Refusal

router = APIRouter(route_class=TransactionalRoute, include_in_schema=False)
late = APIRouter(route_class=LateTransactionalRoute, include_in_schema=False)

_DEVICE_COOKIE = "mercato_device"
SSO = f"{PAGE}/sso"
"""Where the form for those goes who sign in through their organisation."""
_COOKIE_SECONDS = 90 * 24 * 3600


@router.get(PAGE)
async def show_device_page(user_code: str = "", organisation: str = "") -> Response:
    """Where a person types the code and signs in."""
    return sign_in_page(user_code[:20], organisation=organisation[:63])


@dataclass(frozen=True, slots=True)
class _SignIn:
    """What a person typed, and who they are by it or why not."""

    user_code: str
    email: str
    proven: User | Refusal
    code: str | None = None


async def _prove_person(request: Request, parts: Parts) -> _SignIn:
    refuse_other_sites(request)
    form = await read_form(request)
    code, email = form.get("user_code", "")[:20], form.get("email", "")[:254]
    try:
        proven = await parts.password_proof.prove(
            email,
            form.get("password", "")[:200],
            origin=origin_of(request),
            device_token=request.cookies.get(_DEVICE_COOKIE),
        )
    except Refusal as refusal:
        return _SignIn(code, email, refusal)
    return _SignIn(code, email, proven, form.get("code", "")[:40] or None)


@late.post(PAGE)
async def ask_about_device(
    request: Request, sign_in: Annotated[_SignIn, Depends(_prove_person)], parts: Parts, devices: Devices
) -> Response:
    """The person has signed in: what would they approve?"""
    if isinstance(sign_in.proven, Refusal):
        return sign_in_page(sign_in.user_code, email=sign_in.email, refusal=sign_in.proven)
    try:
        page = question_page(await devices.ask(sign_in.user_code, sign_in.proven, sign_in.code))
    except Refusal as refusal:
        page = sign_in_page(sign_in.user_code, email=sign_in.email, refusal=refusal)
    token = parts.known_devices.issue(sign_in.proven.id, parts.ids, parts.clock.now())
    page.set_cookie(
        _DEVICE_COOKIE, token, max_age=_COOKIE_SECONDS, path=PAGE, httponly=True, samesite="strict",
        secure=parts.client_url.startswith("https:"),
    )  # fmt: skip
    return page


@router.post(f"{PAGE}/decision")
async def decide_about_device(request: Request, devices: Devices) -> Response:
    """The person has decided."""
    refuse_other_sites(request)
    form = await read_form(request)
    try:
        approved = await devices.decide(form.get("confirmation", ""), approved=form.get("decision") == "approve")
    except Refusal as refusal:
        return sign_in_page("", refusal=refusal)
    return _page("device_done.html", approved=approved)


def sign_in_page(
    user_code: str, *, email: str = "", organisation: str = "", refusal: Refusal | None = None
) -> Response:
    """Where a person types the code and signs in, with what was refused."""
    status = 200 if refusal is None else refusal.status
    page = _page(
        "device_sign_in.html", status, user_code=user_code, email=email, organisation=organisation, refusal=refusal,
        sso_action=SSO,
    )  # fmt: skip
    if refusal is not None and refusal.retry_after_seconds is not None:
        page.headers["retry-after"] = str(refusal.retry_after_seconds)
    return page


def question_page(question: Question) -> Response:
    """What a signed-in person would approve."""
    return _page("device_question.html", question=question)


def _page(template: str, status: int = 200, **values: Any) -> Response:
    return render(template, status, forms=True, cache_control="no-store", action=PAGE, **values)


router.include_router(late)
