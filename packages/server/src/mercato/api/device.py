"""Login of devices (RFC 8628): where a device gets its codes, and the page where a person approves it.

The page is plain HTML: it needs no script, and what changes something is a POST that carries the person's password or
an unguessable confirmation. Another site can send neither, so there is nothing to forge. Its one cookie opens nothing:
it says that the person signed in on this device before, so that others' guesses do not delay them.
"""

from dataclasses import dataclass
from html import escape
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from mercato.api.addresses import origin_of
from mercato.api.forms import form_body, read_form
from mercato.api.route import LateTransactionalRoute, TransactionalRoute
from mercato.api.sessions import sessions_in
from mercato.api.wiring import Parts, Transaction, Wiring
from mercato.identity import DeviceCodeUnknown, DeviceLogins, Question, User, tell_sign_in
from mercato.platform import Malformed, Refusal, Session
from mercato_contracts.identity import DeviceAuthorizationAnswer, DeviceTokenAnswer

router = APIRouter(tags=["identity"], route_class=TransactionalRoute)
late = APIRouter(route_class=LateTransactionalRoute)

PAGE = "/device"
_LONGEST_NAME = 80
_DEVICE_COOKIE = "mercato_device"
_COOKIE_SECONDS = 90 * 24 * 3600
_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
_STYLE = (
    "body{font:18px/1.5 system-ui,sans-serif;max-width:32rem;margin:3rem auto;padding:0 1rem;color:#111}"
    "label{display:block;margin:1rem 0 .2rem}input{font:inherit;width:100%;padding:.4rem;box-sizing:border-box}"
    "button{font:inherit;padding:.5rem 1.2rem;margin:1.2rem .6rem 0 0}.code{font-size:1.6rem;letter-spacing:.15em}"
    "[role=alert]{border-left:.3rem solid #b00020;padding-left:.8rem}"
)
_FORM = form_body(
    {
        "client_id": {"type": "string", "description": "What the device is, shown to the person"},
        "scope": {"type": "string", "description": "Ignored: a session may do what its person may"},
    }
)


def devices_of(session: Transaction, parts: Parts) -> DeviceLogins:
    return DeviceLogins(session, parts.clock, parts.ids, sessions_in(session, parts))


Devices = Annotated[DeviceLogins, Depends(devices_of)]


@router.post("/api/oauth/device_authorization", summary="Begin a device's login (RFC 8628)", openapi_extra=_FORM)
async def begin_device_login(
    request: Request, response: Response, parts: Parts, devices: Devices
) -> DeviceAuthorizationAnswer:
    """The device shows the user code and the address to a person, then asks `POST /api/oauth/token` at the given
    interval. Every request begins another login.
    """
    response.headers["cache-control"] = "no-store"
    form = await read_form(request)
    codes = await devices.begin(_name(form.get("client_id", "")))
    return DeviceAuthorizationAnswer(
        device_code=codes.device_code,
        user_code=codes.user_code,
        verification_uri=f"{parts.client_url}{PAGE}",
        verification_uri_complete=f"{parts.client_url}{PAGE}?user_code={codes.user_code}",
        expires_in=codes.expires_in,
        interval=codes.interval,
    )


async def answer_device_grant(
    form: dict[str, str], session: Session, parts: Wiring, devices: DeviceLogins
) -> DeviceTokenAnswer:
    """The tokens of the device whose code the form holds."""
    if "device_code" not in form:
        raise DeviceCodeUnknown("The form lacks `device_code`.")
    tokens = await devices.collect(form["device_code"])
    await tell_sign_in(session, parts.outbox, parts.tokens, tokens.access_token, parts.clock.now())
    return DeviceTokenAnswer(
        access_token=tokens.access_token,
        expires_in=int((tokens.access_expires_at - parts.clock.now()).total_seconds()),
        refresh_token=tokens.refresh_token,
    )


@router.get(PAGE, include_in_schema=False)
async def show_device_page(user_code: str = "") -> Response:
    """Where a person types the code and signs in."""
    return _sign_in_page(user_code[:20])


@dataclass(frozen=True, slots=True)
class _SignIn:
    """What a person typed, and who they are by it or why not."""

    user_code: str
    email: str
    proven: User | Refusal
    code: str | None


async def _prove_person(request: Request, parts: Parts) -> _SignIn:
    _refuse_other_sites(request)
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
        return _SignIn(code, email, refusal, None)
    return _SignIn(code, email, proven, form.get("code", "")[:40] or None)


@late.post(PAGE, include_in_schema=False)
async def ask_about_device(
    request: Request, sign_in: Annotated[_SignIn, Depends(_prove_person)], parts: Parts, devices: Devices
) -> Response:
    """The person has signed in: what would they approve?"""
    if isinstance(sign_in.proven, Refusal):
        return _sign_in_page(sign_in.user_code, email=sign_in.email, refusal=sign_in.proven)
    try:
        page = _question_page(await devices.ask(sign_in.user_code, sign_in.proven, sign_in.code))
    except Refusal as refusal:
        page = _sign_in_page(sign_in.user_code, email=sign_in.email, refusal=refusal)
    token = parts.known_devices.issue(sign_in.proven.id, parts.ids, parts.clock.now())
    page.set_cookie(
        _DEVICE_COOKIE, token, max_age=_COOKIE_SECONDS, path=PAGE, httponly=True, samesite="strict",
        secure=parts.client_url.startswith("https:"),
    )  # fmt: skip
    return page


@router.post(f"{PAGE}/decision", include_in_schema=False)
async def decide_about_device(request: Request, devices: Devices) -> Response:
    """The person has decided."""
    _refuse_other_sites(request)
    form = await read_form(request)
    try:
        approved = await devices.decide(form.get("confirmation", ""), approved=form.get("decision") == "approve")
    except Refusal as refusal:
        return _sign_in_page("", refusal=refusal)
    said = "The device is logged in. You can close this page." if approved else "Denied: the device gets nothing."
    return _page("Done", f"<p>{said}</p>")


def _refuse_other_sites(request: Request) -> None:
    """Browsers say where a form came from; no other site has a reason to send ours."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Malformed("This form was sent from another site.")


def _name(text: str) -> str:
    """What a device calls itself, as a person may be shown it."""
    printable = "".join(each if each.isprintable() else " " for each in text)
    return " ".join(printable.split())[:_LONGEST_NAME] or "a device without a name"


def _sign_in_page(user_code: str, *, email: str = "", refusal: Refusal | None = None) -> Response:
    alert = "" if refusal is None else f'<p role="alert">{escape(str(refusal))} {escape(refusal.fix)}</p>'
    status = 200 if refusal is None else refusal.status
    page = _page(
        "Log a device in",
        f"{alert}<p>Type the code that the device shows, and sign in to approve it.</p>"
        f'<form method="post" action="{PAGE}">'
        '<label for="user_code">Code</label><input id="user_code" name="user_code" class="code" required '
        f'autocomplete="off" autocapitalize="characters" maxlength="20" value="{escape(user_code)}">'
        '<label for="email">E-mail address</label><input id="email" name="email" type="email" required '
        f'autocomplete="username" maxlength="254" value="{escape(email)}">'
        '<label for="password">Password</label><input id="password" name="password" type="password" required '
        'autocomplete="current-password" maxlength="200">'
        '<label for="code">Code of your authenticator app, if you use one</label><input id="code" name="code" '
        'inputmode="numeric" autocomplete="one-time-code" maxlength="40">'
        "<button>Continue</button></form>",
        status,
    )
    if refusal is not None and refusal.retry_after_seconds is not None:
        page.headers["retry-after"] = str(refusal.retry_after_seconds)
    return page


def _question_page(question: Question) -> Response:
    organisation = f"{question.organisation.name} ({question.organisation.slug})"
    return _page(
        "Approve this device?",
        f"<p><strong>{escape(question.device)}</strong> asks to act as <strong>{escape(question.user.email)}</strong> "
        f"of {escape(organisation)}, with all that you may do there.</p>"
        f'<p>It must show this code: <span class="code">{escape(question.user_code)}</span></p>'
        "<p>Approve it only if you began this login yourself, just now, on a device in your hands.</p>"
        f'<form method="post" action="{PAGE}/decision">'
        f'<input type="hidden" name="confirmation" value="{question.confirmation}">'
        '<button name="decision" value="approve">Approve</button>'
        '<button name="decision" value="deny">Deny</button></form>',
    )


def _page(title: str, body: str, status: int = 200) -> Response:
    text = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)} · Mercato</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>'
        f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>"
    )
    return Response(text, status, media_type="text/html", headers=_HEADERS)


router.include_router(late)
