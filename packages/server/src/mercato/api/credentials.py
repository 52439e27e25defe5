"""Credentials that vendors' own endpoints ask for; a value goes in and never comes out."""

from typing import Annotated

from fastapi import APIRouter, Depends

from mercato.edge.caller import SignedIn
from mercato.edge.route import TransactionalRoute
from mercato.edge.wiring import Parts, Transaction
from mercato.publishing import Credentials, StoredCredential
from mercato_contracts.credentials import CredentialList, CredentialRequest, CredentialView

router = APIRouter(prefix="/api/credentials", tags=["credentials"], route_class=TransactionalRoute)


def _desk(session: Transaction, parts: Parts) -> Credentials:
    return Credentials(session, parts.clock, parts.ids, parts.outbox, parts.credential_seal)


Desk = Annotated[Credentials, Depends(_desk)]


@router.get("", summary="The credentials of your organisation, without their values")
async def list_credentials(caller: SignedIn, desk: Desk) -> CredentialList:
    """Names, and the services whose releases present each. A stored value is never shown again."""
    return CredentialList(items=[view_credential(stored) for stored in await desk.list_all(caller)])


@router.put("/{name}", summary="Store a secret that your endpoints ask for, or replace it")
async def put_credential(name: str, body: CredentialRequest, caller: SignedIn, desk: Desk) -> CredentialView:
    """Gateways present the new value within a second. The same value again changes nothing."""
    return view_credential(await desk.put(caller, name, body.value))


@router.delete("/{name}", status_code=204, summary="Remove a secret that no release presents")
async def remove_credential(name: str, caller: SignedIn, desk: Desk) -> None:
    """Refused while a release that can be called presents it. A repeat is refused as not found."""
    await desk.remove(caller, name)


def view_credential(stored: StoredCredential) -> CredentialView:
    own = CredentialView.model_fields.keys() - {"used_by"}
    return CredentialView(**{field: getattr(stored.row, field) for field in own}, used_by=stored.used_by)
