"""Service accounts: programs that act for the organisation, and their keys."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request, Response

from mercato.api import service_accounts as accounts_api
from mercato.console.forms import Form, as_request
from mercato.console.routes import page_router
from mercato.console.visit import SignedIn
from mercato.edge.paging import After
from mercato.edge.wiring import Transaction
from mercato.identity import ACCOUNT_RIGHTS, Permission
from mercato.platform import Refusal
from mercato_contracts.service_accounts import NewServiceAccountRequest, ServiceAccountPage, ServiceAccountRights

router = page_router()
_ROWS = 50
_PATH = "/organisation/service-accounts"
_TICKED = ("call", "services:read")
"""What most programs need."""


@dataclass(frozen=True, slots=True)
class AccountsPage:
    """The list, and the form of a new one. `rights` are those that its maker can give."""

    found: ServiceAccountPage
    next: str
    rights: Sequence[str]
    may_write: bool
    name: str = ""
    purpose: str = ""
    ticked: Sequence[str] = _TICKED


@dataclass(frozen=True, slots=True)
class AccountRoom:
    """The visitor, and what the page's requests need."""

    visit: SignedIn
    desk: accounts_api.AccountDesk
    session: Transaction

    async def show(self, *, after: str | None = None, refusal: Refusal | None = None, **typed: Any) -> Response:
        """The page, again with what was typed where that was refused."""
        caller = self.visit.caller
        found = await accounts_api.list_service_accounts(caller, self.desk, self.session, after=after, limit=_ROWS)
        page = AccountsPage(
            found=found,
            next=self.visit.here.on("after", found.next),
            rights=sorted(right.value for right in ACCOUNT_RIGHTS & caller.permissions),
            may_write=caller.may(Permission.USERS_WRITE),
            **typed,
        )
        return self.visit.show("service_accounts.html", page, refusal=refusal)


Room = Annotated[AccountRoom, Depends()]


@router.get(_PATH)
async def show_service_accounts(room: Room, after: After = None) -> Response:
    """For everybody in the organisation; what a role may not do says so."""
    return await room.show(after=after)


@router.post(_PATH)
async def make_service_account(request: Request, room: Room) -> Response:
    """It has no keys yet. Needs a proof of who one is."""
    form, visit = await Form.of(request), room.visit
    visit.caller.require(Permission.USERS_WRITE)
    visit.caller.require_recent_proof(visit.now)
    name, purpose = form.get("name"), form.get("purpose")
    try:
        body = as_request(NewServiceAccountRequest, name=name, purpose=purpose, rights=form.every("rights"))
        made = await accounts_api.make_service_account(body, visit.caller, room.desk, room.session)
    except Refusal as refusal:
        return await room.show(refusal=refusal, name=name[:120], purpose=purpose[:500], ticked=form.every("rights"))
    visit.made(made.id)
    return visit.go(_PATH)


@router.post(_PATH + "/{account_id}/rights")
async def set_service_account_rights(account_id: str, request: Request, room: Room) -> Response:
    """Its keys lose at once what is not ticked. Needs a proof of who one is."""
    form = await Form.of(request)
    body = as_request(ServiceAccountRights, rights=form.every("rights"))
    await accounts_api.set_service_account_rights(account_id, body, room.visit.caller, room.desk, room.session)
    return room.visit.go(_PATH)


@router.post(_PATH + "/{account_id}/disable")
async def disable_service_account(account_id: str, room: Room) -> Response:
    """All its keys are revoked."""
    await accounts_api.disable_service_account(account_id, room.visit.caller, room.desk, room.session)
    return room.visit.go(_PATH)


@router.post(_PATH + "/{account_id}/enable")
async def enable_service_account(account_id: str, room: Room) -> Response:
    """It gets new keys again. Needs a proof of who one is."""
    await accounts_api.enable_service_account(account_id, room.visit.caller, room.desk, room.session)
    return room.visit.go(_PATH)
