"""Signing in, up and out, and proving one's identity again: forms without a script, a session in a cookie."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request, Response

from mercato.console.formatting import known_zone
from mercato.console.forms import Form, as_request
from mercato.console.routes import cookie_name, page_router
from mercato.console.visit import ZONE_COOKIE, Anybody, SignedIn, Visit, own_path
from mercato.edge.addresses import origin_of
from mercato.edge.auditing import note_denial
from mercato.edge.sessions import client_of, sessions_in
from mercato.edge.wiring import Parts, Transaction, Wiring
from mercato.identity import BrowserSessions, HashedSecret, SignUp, User
from mercato.platform import Prepared, Refusal, Session
from mercato_contracts.identity import SignUpRequest
from mercato_contracts.limits import PASSWORD_LONGEST, PASSWORD_SHORTEST

router = page_router()
slow = page_router(slow=True)

_DEVICE_COOKIE = "mercato_device"
_DEVICE_SECONDS = 90 * 24 * 3600
_SESSION_SECONDS = 30 * 24 * 3600
_ZONE_SECONDS = 400 * 24 * 3600
_FACTOR_CODES = frozenset({"second_factor_needed", "wrong_code"})


@dataclass(frozen=True, slots=True)
class SignInPage:
    """The form, with what was typed before."""

    next: str
    email: str = ""
    needs_code: bool = False
    organisation: str = ""


@dataclass(frozen=True, slots=True)
class SignUpPage:
    """The form, with what was typed before."""

    next: str
    name: str = ""
    organisation: str = ""
    email: str = ""
    shortest: int = PASSWORD_SHORTEST
    longest: int = PASSWORD_LONGEST


@dataclass(frozen=True, slots=True)
class ProvePage:
    """The form of a step-up."""

    next: str
    email: str
    needs_code: bool


@router.get("/sign-in")
async def show_sign_in(visit: Anybody, next: str = "") -> Response:
    """Where a person signs in."""
    if visit.person is not None:
        return visit.go(own_path(next))
    return visit.show("sign_in.html", SignInPage(own_path(next)))


async def _prove_password(request: Request, parts: Parts) -> tuple[Form, Prepared[User]]:
    form = await Form.of(request)
    proof = parts.password_proof.prove(
        form.get("email")[:254],
        form.raw("password")[:PASSWORD_LONGEST],
        origin=origin_of(request),
        device_token=request.cookies.get(_DEVICE_COOKIE),
    )
    return form, await Prepared.by(proof)


@slow.post("/sign-in")
async def sign_in(
    proven: Annotated[tuple[Form, Prepared[User]], Depends(_prove_password)],
    visit: Anybody,
    session: Transaction,
    parts: Parts,
) -> Response:
    """A session begins, or the form says why not."""
    form, person = proven
    shown = SignInPage(own_path(form.find("next")), form.get("email")[:254])
    try:
        user = await sessions_in(session, parts).confirm(person.take(), form.find("code"))
    except Refusal as refusal:
        # Returned, not raised, so that a wrong code counts as an attempt.
        await note_denial(visit.request, parts, refusal)
        shown = replace(shown, needs_code=refusal.code in _FACTOR_CODES)
        return visit.show("sign_in.html", shown, refusal=refusal)
    return await begin_here(visit, session, parts, user, shown.next, visit.now)


@router.get("/sign-up")
async def show_sign_up(visit: Anybody, next: str = "") -> Response:
    """Where an organisation begins."""
    if visit.person is not None:
        return visit.go(own_path(next))
    return visit.show("sign_up.html", SignUpPage(own_path(next)))


async def _hash_password(request: Request, parts: Parts) -> tuple[Form, Prepared[tuple[SignUpRequest, HashedSecret]]]:
    form = await Form.of(request)

    async def prepare() -> tuple[SignUpRequest, HashedSecret]:
        body = as_request(
            SignUpRequest,
            organisation=form.get("organisation") or None,
            name=form.get("name") or None,
            email=form.get("email") or None,
            password=form.raw("password"),
        )
        return body, await parts.hasher.hash_for(origin_of(request), body.password.get_secret_value())

    return form, await Prepared.by(prepare())


@slow.post("/sign-up")
async def sign_up(
    hashed: Annotated[tuple[Form, Prepared[tuple[SignUpRequest, HashedSecret]]], Depends(_hash_password)],
    visit: Anybody,
    session: Transaction,
    parts: Parts,
) -> Response:
    """An organisation and its first administrator, signed in at once."""
    form, prepared = hashed
    name, organisation, email = (form.get(field)[:254] for field in ("name", "organisation", "email"))
    shown = SignUpPage(own_path(form.find("next")), name, organisation, email)
    joining = SignUp(session, parts.clock, parts.ids, parts.hasher, parts.outbox)
    try:
        body, password = prepared.take()
        _, user = await joining.sign_up(slug=body.organisation, name=body.name, email=body.email, password=password)
    except Refusal as refusal:
        return visit.show("sign_up.html", shown, refusal=refusal)
    return await begin_here(visit, session, parts, user, shown.next, visit.now)


@router.post("/sign-out")
async def sign_out(visit: Anybody, session: Transaction, parts: Parts) -> Response:
    """The session ends on the server; the cookie goes."""
    if visit.person is not None:
        await sessions_in(session, parts).sign_out(visit.person.caller)
    answer = visit.go("/sign-in")
    answer.delete_cookie(cookie_name(parts.client_url), path="/", secure=_is_secure(parts), httponly=True)
    # What this browser kept of the pages goes too: the back button shows nothing.
    answer.headers["clear-site-data"] = '"cache"'
    return answer


@router.get("/prove")
async def show_proof(visit: SignedIn, session: Transaction, parts: Parts, next: str = "") -> Response:
    """Where people prove their identity again before a dangerous action."""
    return visit.show("prove.html", await _prove_page(visit, session, parts, next))


async def _prove_anew(request: Request, visit: SignedIn, parts: Parts) -> tuple[Form, Prepared[User | None]]:
    form = await Form.of(request)

    async def prove() -> User | None:
        assert visit.person is not None
        password = form.raw("password")[:PASSWORD_LONGEST]
        if not password:
            return None
        return await parts.password_proof.prove(visit.person.email, password, origin=origin_of(request))

    return form, await Prepared.by(prove())


@slow.post("/prove")
async def prove_again(
    proven: Annotated[tuple[Form, Prepared[User | None]], Depends(_prove_anew)],
    visit: SignedIn,
    session: Transaction,
    parts: Parts,
) -> Response:
    """Good for ten minutes."""
    form, prepared = proven
    try:
        if prepared.refusal is not None:
            raise prepared.refusal
        desk = sessions_in(session, parts)
        await desk.prove_again(visit.caller, proven=prepared.value, code=form.find("code"))
    except Refusal as refusal:
        await note_denial(visit.request, parts, refusal)
        return visit.show("prove.html", await _prove_page(visit, session, parts, form.get("next")), refusal=refusal)
    return visit.go(own_path(form.find("next")))


@router.post("/zone")
async def choose_zone(request: Request, visit: Anybody) -> Response:
    """The time zone in which this browser sees every page."""
    form = await Form.of(request)
    answer = visit.go(own_path(form.find("next")))
    answer.set_cookie(
        ZONE_COOKIE, known_zone(form.find("zone")), max_age=_ZONE_SECONDS, path="/", samesite="lax", httponly=True,
        secure=_is_secure(visit.wiring),
    )  # fmt: skip
    return answer


async def _prove_page(visit: Visit, session: Session, parts: Wiring, following: str) -> ProvePage:
    assert visit.person is not None
    needs_code = await sessions_in(session, parts).needs_code(visit.caller)
    return ProvePage(own_path(following), visit.person.email, needs_code)


async def begin_here(
    visit: Visit, session: Session, parts: Wiring, user: User, following: str, proved_at: datetime | None
) -> Response:
    """A new session each time: one that was begun before the proof is not kept."""
    if visit.person is not None:
        await sessions_in(session, parts).sign_out(visit.person.caller)
    sessions = BrowserSessions(session, parts.clock, parts.ids, parts.outbox)
    token = await sessions.begin_proved_at(user, proved_at, client_of(visit.request))
    answer = visit.go(following)
    answer.set_cookie(
        cookie_name(parts.client_url), token, max_age=_SESSION_SECONDS, path="/", httponly=True, samesite="lax",
        secure=_is_secure(parts),
    )  # fmt: skip
    device = parts.known_devices.issue(user.id, parts.ids, parts.clock.now())
    answer.set_cookie(
        _DEVICE_COOKIE, device, max_age=_DEVICE_SECONDS, path=f"{visit.prefix}/sign-in", httponly=True,
        samesite="strict", secure=_is_secure(parts),
    )  # fmt: skip
    return answer


def _is_secure(parts: Wiring) -> bool:
    return parts.client_url.startswith("https:")


router.include_router(slow)
