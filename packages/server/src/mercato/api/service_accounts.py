"""Service accounts: programs of an organisation, which act by keys and sign in nowhere."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends

from mercato.edge.caller import SignedIn
from mercato.edge.paging import After, Page, PageSize
from mercato.edge.route import TransactionalRoute
from mercato.edge.wiring import Parts, Transaction
from mercato.identity import Actors, KnownServiceAccount, ServiceAccounts
from mercato.platform import Session
from mercato_contracts.service_accounts import (
    NewServiceAccountRequest,
    ServiceAccountPage,
    ServiceAccountRights,
    ServiceAccountView,
)

router = APIRouter(prefix="/api/service-accounts", tags=["identity"], route_class=TransactionalRoute)


def _desk_of(session: Transaction, parts: Parts) -> ServiceAccounts:
    return ServiceAccounts(session, parts.clock, parts.ids, parts.outbox)


AccountDesk = Annotated[ServiceAccounts, Depends(_desk_of)]


async def view_accounts(session: Session, known: Sequence[KnownServiceAccount]) -> list[ServiceAccountView]:
    """With who made each."""
    makers = await Actors(session).find({one.row.created_by for one in known})
    return [
        ServiceAccountView(
            id=one.row.id,
            name=one.row.name,
            purpose=one.row.purpose,
            rights=one.row.rights,
            keys=one.keys,
            created_by=one.row.created_by,
            created_by_name=makers[one.row.created_by].name if one.row.created_by in makers else "",
            created_at=one.row.created_at,
            disabled_by=one.row.disabled_by,
            disabled_at=one.row.disabled_at,
        )
        for one in known
    ]


async def _view(session: Session, known: KnownServiceAccount) -> ServiceAccountView:
    [view] = await view_accounts(session, [known])
    return view


@router.post("", status_code=201, summary="Make a service account")
async def make_service_account(
    body: NewServiceAccountRequest, caller: SignedIn, desk: AccountDesk, session: Transaction
) -> ServiceAccountView:
    """A program that acts for your organisation. It has no password: keys made with its `service_account_id` act for
    it, within its rights, and stay when their maker leaves. Nobody gives a right that they lack. Needs a proof of who
    you are from the last ten minutes. A name that is taken is refused, so that a repeat changes nothing.
    """
    known = await desk.make(caller, name=body.name, purpose=body.purpose, rights=body.rights)
    return await _view(session, known)


@router.get("", summary="The service accounts of your organisation")
async def list_service_accounts(
    caller: SignedIn, desk: AccountDesk, session: Transaction, after: After = None, limit: PageSize = 50
) -> ServiceAccountPage:
    """The oldest first, disabled ones too, with who made each and how many keys it has."""
    known = await desk.page(caller, after=after, limit=limit)
    following = Page.of(known, limit, lambda one: one.row.id).next
    return ServiceAccountPage(items=await view_accounts(session, known), next=following)


@router.get("/{account_id}", summary="One service account")
async def get_service_account(
    account_id: str, caller: SignedIn, desk: AccountDesk, session: Transaction
) -> ServiceAccountView:
    """Its keys are those of `GET /api/keys` that name it."""
    return await _view(session, await desk.get(caller, account_id))


@router.put("/{account_id}/rights", summary="Change what a service account may do")
async def set_service_account_rights(
    account_id: str, body: ServiceAccountRights, caller: SignedIn, desk: AccountDesk, session: Transaction
) -> ServiceAccountView:
    """What it may no longer do its keys lose at once, at gateways within a second; what it may do in addition, only new
    keys can carry. Needs a proof of who you are from the last ten minutes. The same again changes nothing.
    """
    return await _view(session, await desk.set_rights(caller, account_id, body.rights))


@router.post("/{account_id}/disable", summary="Disable a service account and all its keys, at once")
async def disable_service_account(
    account_id: str, caller: SignedIn, desk: AccountDesk, session: Transaction
) -> ServiceAccountView:
    """Its keys are revoked for good, at gateways within a second, and it gets no others. The same again changes
    nothing.
    """
    return await _view(session, await desk.disable(caller, account_id))


@router.post("/{account_id}/enable", summary="Enable a service account")
async def enable_service_account(
    account_id: str, caller: SignedIn, desk: AccountDesk, session: Transaction
) -> ServiceAccountView:
    """It gets new keys again; those that were revoked stay revoked. Needs a proof of who you are from the last ten
    minutes. The same again changes nothing.
    """
    return await _view(session, await desk.enable(caller, account_id))
