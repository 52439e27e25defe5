"""Pages behind the links in letters, and the one that asks for such a letter: joining, and setting a new password.

They need no script. The link's token proves who may act, so there is no session that another site could use.
"""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Response

from mercato.console.forms import Form, as_request
from mercato.console.routes import page_router
from mercato.console.visit import Anybody, Visit
from mercato.edge.addresses import origin_of
from mercato.edge.forms import read_form
from mercato.edge.letters import InvitationDesk, PasswordDesk
from mercato.edge.wiring import Parts
from mercato.identity import HashedSecret, Invitation, Invitations, Organisation, User
from mercato.platform import Malformed, Refusal
from mercato_contracts.limits import PASSWORD_LONGEST, PASSWORD_SHORTEST
from mercato_contracts.people import PasswordResetRequest

router = page_router()
late = page_router(slow=True)

_LONGEST_NAME = 120


@dataclass(frozen=True, slots=True)
class _Typed:
    """What a person typed: their name, and the hash of a password or why it is refused."""

    name: str
    password: HashedSecret | Refusal


async def _read_password(request: Request, parts: Parts) -> _Typed:
    form = await read_form(request)
    name, password = form.get("name", "").strip()[:_LONGEST_NAME], form.get("password", "")
    if not PASSWORD_SHORTEST <= len(password) <= PASSWORD_LONGEST:
        return _Typed(name, Malformed(f"A password has {PASSWORD_SHORTEST} to {PASSWORD_LONGEST} characters."))
    try:
        return _Typed(name, await parts.hasher.hash_for(origin_of(request), password))
    except Refusal as refusal:
        return _Typed(name, refusal)


# Named before what asks for the transaction.
Typed = Annotated[_Typed, Depends(_read_password)]


@dataclass(frozen=True, slots=True)
class JoinPage:
    """Who invites, and the form to accept."""

    invitation: Invitation
    organisation: Organisation
    name: str
    token: str
    shortest: int = PASSWORD_SHORTEST
    longest: int = PASSWORD_LONGEST


@dataclass(frozen=True, slots=True)
class JoinedPage:
    """Who joined what."""

    organisation: Organisation
    user: User
    url: str


@dataclass(frozen=True, slots=True)
class ForgottenPage:
    """The form, or that a letter is on its way if somebody has the address."""

    email: str = ""
    is_asked: bool = False


@dataclass(frozen=True, slots=True)
class NewPasswordPage:
    """The form."""

    shortest: int = PASSWORD_SHORTEST
    longest: int = PASSWORD_LONGEST


@dataclass(frozen=True, slots=True)
class PasswordSetPage:
    """Whose password was set."""

    user: User
    url: str


@router.get("/join/{token}")
async def show_invitation(token: str, visit: Anybody, invitations: InvitationDesk) -> Response:
    """Who invites, and the form to accept."""
    return await _join_page(visit, invitations, token)


@late.post("/join/{token}")
async def join(token: str, typed: Typed, visit: Anybody, parts: Parts, invitations: InvitationDesk) -> Response:
    """The person joins."""
    if isinstance(typed.password, Refusal):
        return await _join_page(visit, invitations, token, typed.name, typed.password)
    if not typed.name:
        return await _join_page(visit, invitations, token, "", Malformed("Your name is missing."))
    try:
        organisation, user = await invitations.accept(token, name=typed.name, password=typed.password)
    except Refusal as refusal:
        return visit.show("link_refused.html", None, refusal=refusal)
    return visit.show("join_done.html", JoinedPage(organisation, user, parts.client_url))


async def _join_page(
    visit: Visit, invitations: Invitations, token: str, name: str = "", refusal: Refusal | None = None
) -> Response:
    try:
        invitation, organisation = await invitations.show(token)
    except Refusal as unknown:
        return visit.show("link_refused.html", None, refusal=unknown)
    return visit.show("join.html", JoinPage(invitation, organisation, name, token), refusal=refusal)


@router.get("/forgot-password")
async def show_forgotten(visit: Anybody) -> Response:
    """The form."""
    return visit.show("forgot_password.html", ForgottenPage())


@router.post("/forgot-password")
async def ask_for_reset(request: Request, visit: Anybody, passwords: PasswordDesk) -> Response:
    """The page is the same whether somebody has the address or not."""
    email = (await Form.of(request)).get("email")[:254]
    try:
        body = as_request(PasswordResetRequest, email=email or None)
    except Refusal as refusal:
        return visit.show("forgot_password.html", ForgottenPage(email), refusal=refusal)
    await passwords.ask_for_reset(body.email)
    return visit.show("forgot_password.html", ForgottenPage(email, is_asked=True))


@router.get("/new-password/{token}")
async def show_new_password(token: str, visit: Anybody) -> Response:
    """The form; whether the link works is known when it is used."""
    return visit.show("new_password.html", NewPasswordPage())


@late.post("/new-password/{token}")
async def set_new_password(token: str, typed: Typed, visit: Anybody, parts: Parts, passwords: PasswordDesk) -> Response:
    """The password is set."""
    if isinstance(typed.password, Refusal):
        return visit.show("new_password.html", NewPasswordPage(), refusal=typed.password)
    try:
        user = await passwords.reset(token, typed.password)
    except Refusal as refusal:
        return visit.show("link_refused.html", None, refusal=refusal)
    return visit.show("new_password_done.html", PasswordSetPage(user, parts.client_url))


router.include_router(late)
