"""What an organisation decides about its identity provider's provisioning by SCIM: tokens, and what groups mean."""

from typing import Annotated, cast

from fastapi import APIRouter, Depends, Response

from mercato.edge.caller import SignedIn
from mercato.edge.paging import After, Page, PageSize
from mercato.edge.route import TransactionalRoute
from mercato.edge.scim_errors import BASE
from mercato.edge.wiring import Parts, Transaction, Wiring
from mercato.identity import Role, ScimSettings, ScimToken, ScimTokens
from mercato_contracts.scim import (
    NewScimTokenAnswer,
    NewScimTokenRequest,
    ScimSettingsRequest,
    ScimSettingsView,
    ScimTokenPage,
    ScimTokenView,
)
from mercato_contracts.sso import MappedRole

router = APIRouter(prefix="/api", tags=["identity"], route_class=TransactionalRoute)


def _desk_of(session: Transaction, parts: Parts) -> ScimTokens:
    return ScimTokens(session, parts.clock, parts.ids, parts.outbox)


Desk = Annotated[ScimTokens, Depends(_desk_of)]


def _view(settings: ScimSettings, parts: Wiring) -> ScimSettingsView:
    return ScimSettingsView(
        base_url=f"{parts.client_url}{BASE}",
        roles=settings.role_of_group,
        default_role=cast(MappedRole, settings.default_role),
    )


def _view_token(token: ScimToken) -> ScimTokenView:
    return ScimTokenView(
        id=token.id,
        name=token.name,
        created_by=token.created_by,
        created_at=token.created_at,
        expires_at=token.expires_at,
        revoked_at=token.revoked_at,
        used_at=token.used_at,
    )


@router.get("/scim", summary="How your identity provider keeps your people (SCIM 2.0)")
async def show_scim(caller: SignedIn, desk: Desk, parts: Parts) -> ScimSettingsView:
    """The address to enter at the provider, and the roles that its groups give."""
    return _view(await desk.settings(caller), parts)


@router.put("/scim", summary="Say what your identity provider's groups mean")
async def set_scim(body: ScimSettingsRequest, caller: SignedIn, desk: Desk, parts: Parts) -> ScimSettingsView:
    """The highest role of a person's groups counts, from this request on, for everybody whom the provider made; who
    loses rights is signed out. Without `roles`, people give roles. Needs a proof of who you are from the last ten
    minutes. The same again changes nothing.
    """
    roles = {group: Role(role) for group, role in body.roles.items()}
    return _view(await desk.set(caller, roles, Role(body.default_role)), parts)


@router.get("/scim/tokens", summary="The tokens of your identity provider")
async def list_scim_tokens(caller: SignedIn, desk: Desk, after: After = None, limit: PageSize = 50) -> ScimTokenPage:
    """Without their texts, in the order they were made; revoked ones too."""
    tokens = await desk.page(caller, after=after, limit=limit)
    return ScimTokenPage(items=[_view_token(token) for token in tokens], next=Page.of(tokens, limit).next)


@router.post("/scim/tokens", status_code=201, summary="Make a token for your identity provider; its text is shown once")
async def make_scim_token(
    body: NewScimTokenRequest, response: Response, caller: SignedIn, desk: Desk
) -> NewScimTokenAnswer:
    """Whoever has it decides who is in your organisation, and nothing else: it is taken at `/scim/v2` only. Needs a
    proof of who you are from the last ten minutes. Every request makes another one.
    """
    response.headers["cache-control"] = "no-store"
    new = await desk.make(caller, name=body.name, expires_at=body.expires_at)
    return NewScimTokenAnswer(**_view_token(new.row).model_dump(), token=new.text)


@router.delete("/scim/tokens/{token_id}", status_code=204, summary="Revoke a token of your identity provider")
async def revoke_scim_token(token_id: str, caller: SignedIn, desk: Desk) -> None:
    """Its next request is refused; the people whom it keeps stay as they are. Needs a proof of who you are from the
    last ten minutes. Revoking it again changes nothing.
    """
    await desk.revoke(caller, token_id)
