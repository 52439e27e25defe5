"""Credentials that a vendor's own endpoints ask for. A value goes in and never comes out."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import Request, Response

from mercato.console.forms import Form, as_request
from mercato.console.routes import page_router
from mercato.console.visit import SignedIn, Visit
from mercato.edge.wiring import Parts, Transaction, Wiring
from mercato.identity import Permission
from mercato.platform import Malformed, Refusal, Session
from mercato.publishing import Credentials, StoredCredential
from mercato_contracts.credentials import CredentialRequest

router = page_router()


@dataclass(frozen=True, slots=True)
class CredentialsPage:
    """The list, and the form that stores one."""

    items: Sequence[StoredCredential]
    name: str
    may_write: bool


@router.get("/vendor/credentials")
async def show_credentials(visit: SignedIn, session: Transaction, parts: Parts) -> Response:
    """Names, and the services that present each."""
    return visit.show("vendor/credentials.html", await _page(visit, session, parts))


@router.post("/vendor/credentials")
async def put_credential(request: Request, visit: SignedIn, session: Transaction, parts: Parts) -> Response:
    """Stored or replaced. The value is never shown again, on this form neither."""
    form = await Form.of(request)
    try:
        value = as_request(CredentialRequest, value=form.raw("value")).value
        await _desk(session, parts).put(visit.caller, form.get("name"), value)
    except Refusal as refusal:
        page = await _page(visit, session, parts, form.get("name")[:100])
        return visit.show("vendor/credentials.html", page, refusal=refusal)
    return visit.go("/vendor/credentials")


@router.post("/vendor/credentials/{name}/remove")
async def remove_credential(
    name: str, request: Request, visit: SignedIn, session: Transaction, parts: Parts
) -> Response:
    """Removed where no release presents it."""
    form = await Form.of(request)
    try:
        if form.get("typed") != name:
            raise Malformed(f"Type {name[:100]} to remove it.")
        await _desk(session, parts).remove(visit.caller, name)
    except Refusal as refusal:
        return visit.show("vendor/credentials.html", await _page(visit, session, parts), refusal=refusal)
    return visit.go("/vendor/credentials")


async def _page(visit: Visit, session: Session, parts: Wiring, name: str = "") -> CredentialsPage:
    items = await _desk(session, parts).list_all(visit.caller)
    return CredentialsPage(items, name, visit.caller.may(Permission.CREDENTIALS_WRITE))


def _desk(session: Session, parts: Wiring) -> Credentials:
    return Credentials(session, parts.clock, parts.ids, parts.outbox, parts.credential_seal)
