"""The page where a person approves a device's login (RFC 8628).

It needs no script, and what changes something is a POST that carries the person's password or an unguessable
confirmation. Another site can send neither, so there is nothing to forge. Its one cookie opens nothing: it says that
the person signed in on this device before, so others' guesses do not delay them.
"""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Response

from mercato.console.routes import page_router
from mercato.console.visit import Anybody, Visit
from mercato.edge.addresses import origin_of
from mercato.edge.auditing import note_denial
from mercato.edge.devices import PAGE, Devices
from mercato.edge.forms import read_form
from mercato.edge.wiring import Parts
from mercato.identity import Question, User
from mercato.platform import Refusal

router = page_router()
late = page_router(slow=True)

_DEVICE_COOKIE = "mercato_device"
_COOKIE_SECONDS = 90 * 24 * 3600


@dataclass(frozen=True, slots=True)
class DeviceSignInPage:
    """The form, with what was typed before."""

    user_code: str
    email: str = ""
    organisation: str = ""


@dataclass(frozen=True, slots=True)
class DeviceQuestionPage:
    """What the person would approve."""

    question: Question


@dataclass(frozen=True, slots=True)
class DeviceDonePage:
    """What they decided."""

    approved: bool


@router.get(PAGE)
async def show_device_page(visit: Anybody, user_code: str = "", organisation: str = "") -> Response:
    """Where a person types the code and signs in."""
    return visit.show("device_sign_in.html", DeviceSignInPage(user_code[:20], organisation=organisation[:63]))


@dataclass(frozen=True, slots=True)
class _SignIn:
    """What a person typed, and who they are by it or why not."""

    user_code: str
    email: str
    proven: User | Refusal
    code: str | None = None


async def _prove_person(request: Request, parts: Parts) -> _SignIn:
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
    visit: Anybody, sign_in: Annotated[_SignIn, Depends(_prove_person)], parts: Parts, devices: Devices
) -> Response:
    """The person has signed in: what would they approve?"""
    if isinstance(sign_in.proven, Refusal):
        await note_denial(visit.request, parts, sign_in.proven)
        return _sign_in_page(visit, sign_in.user_code, sign_in.email, sign_in.proven)
    try:
        question = await devices.ask(sign_in.user_code, sign_in.proven, sign_in.code)
        page = visit.show("device_question.html", DeviceQuestionPage(question))
    except Refusal as refusal:
        await note_denial(visit.request, parts, refusal)
        page = _sign_in_page(visit, sign_in.user_code, sign_in.email, refusal)
    token = parts.known_devices.issue(sign_in.proven.id, parts.ids, parts.clock.now())
    page.set_cookie(
        _DEVICE_COOKIE, token, max_age=_COOKIE_SECONDS, path=PAGE, httponly=True, samesite="strict",
        secure=parts.client_url.startswith("https:"),
    )  # fmt: skip
    return page


@router.post(f"{PAGE}/decision")
async def decide_about_device(request: Request, visit: Anybody, devices: Devices) -> Response:
    """The person has decided."""
    form = await read_form(request)
    try:
        approved = await devices.decide(form.get("confirmation", ""), approved=form.get("decision") == "approve")
    except Refusal as refusal:
        return _sign_in_page(visit, "", "", refusal)
    return visit.show("device_done.html", DeviceDonePage(approved))


def _sign_in_page(visit: Visit, user_code: str, email: str, refusal: Refusal) -> Response:
    return visit.show("device_sign_in.html", DeviceSignInPage(user_code, email), refusal=refusal)


router.include_router(late)
