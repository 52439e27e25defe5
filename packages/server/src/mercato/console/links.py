"""Pages behind the links in letters: joining an organisation, and setting a new password.

They need no script. The link's token proves who may act, so there is no session that another site could use.
"""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from mercato.console.page import refuse_other_sites, render
from mercato.edge.addresses import origin_of
from mercato.edge.forms import read_form
from mercato.edge.letters import InvitationDesk, PasswordDesk
from mercato.edge.route import LateTransactionalRoute, TransactionalRoute
from mercato.edge.wiring import Parts
from mercato.identity import HashedSecret, Invitations
from mercato.platform import Malformed, Refusal
from mercato_contracts.limits import PASSWORD_LONGEST, PASSWORD_SHORTEST

router = APIRouter(route_class=TransactionalRoute, include_in_schema=False)
late = APIRouter(route_class=LateTransactionalRoute, include_in_schema=False)

_LONGEST_NAME = 120


@dataclass(frozen=True, slots=True)
class _Typed:
    """What a person typed: their name, and the hash of a password or why it is refused."""

    name: str
    password: HashedSecret | Refusal


async def _read_password(request: Request, parts: Parts) -> _Typed:
    refuse_other_sites(request)
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


@router.get("/join/{token}")
async def show_invitation(token: str, invitations: InvitationDesk) -> Response:
    """Who invites, and the form to accept."""
    return await _join_page(invitations, token)


@late.post("/join/{token}")
async def join(token: str, typed: Typed, parts: Parts, invitations: InvitationDesk) -> Response:
    """The person joins."""
    if isinstance(typed.password, Refusal):
        return await _join_page(invitations, token, typed.name, typed.password)
    if not typed.name:
        return await _join_page(invitations, token, "", Malformed("Your name is missing."))
    try:
        organisation, user = await invitations.accept(token, name=typed.name, password=typed.password)
    except Refusal as refusal:
        return _page("link_refused.html", refusal.status, refusal=refusal)
    return _page("join_done.html", organisation=organisation, user=user, url=parts.client_url)


async def _join_page(invitations: Invitations, token: str, name: str = "", refusal: Refusal | None = None) -> Response:
    try:
        invitation, organisation = await invitations.show(token)
    except Refusal as unknown:
        return _page("link_refused.html", unknown.status, refusal=unknown)
    return _page(
        "join.html",
        200 if refusal is None else refusal.status,
        invitation=invitation,
        organisation=organisation,
        name=name,
        refusal=refusal,
        shortest=PASSWORD_SHORTEST,
        longest=PASSWORD_LONGEST,
    )


@router.get("/new-password/{token}")
async def show_new_password(token: str) -> Response:
    """The form; whether the link works is known when it is used."""
    return _password_page()


@late.post("/new-password/{token}")
async def set_new_password(token: str, typed: Typed, parts: Parts, passwords: PasswordDesk) -> Response:
    """The password is set."""
    if isinstance(typed.password, Refusal):
        return _password_page(typed.password)
    try:
        user = await passwords.reset(token, typed.password)
    except Refusal as refusal:
        return _page("link_refused.html", refusal.status, refusal=refusal)
    return _page("new_password_done.html", user=user, url=parts.client_url)


def _password_page(refusal: Refusal | None = None) -> Response:
    status = 200 if refusal is None else refusal.status
    return _page("new_password.html", status, refusal=refusal, shortest=PASSWORD_SHORTEST, longest=PASSWORD_LONGEST)


def _page(template: str, status: int = 200, **values: Any) -> Response:
    return render(template, status, forms=True, cache_control="no-store", **values)


router.include_router(late)
