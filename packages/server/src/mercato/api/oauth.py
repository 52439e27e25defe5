"""The token endpoint (RFC 6749, 3.2): a vendor key for a deployment's token (RFC 8693), a device's login (RFC 8628)."""

from contextlib import suppress
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from mercato.api.device import answer_device_grant
from mercato.deployments import LIFE_DEFAULT, TokenExchange
from mercato.edge.caller import SignedIn
from mercato.edge.devices import Devices
from mercato.edge.forms import form_body, read_form
from mercato.edge.holds import require_place
from mercato.edge.paging import After, Page, PageSize
from mercato.edge.route import LateTransactionalRoute, TransactionalRoute, prove_key
from mercato.edge.wiring import Parts, Transaction
from mercato.identity import DeploymentToken, DeploymentTokens, ExchangeRefused, GrantTypeUnknown, NewToken, NotSignedIn
from mercato.publishing import Catalogue
from mercato_contracts.deployments import (
    ACCESS_TOKEN,
    TOKEN_EXCHANGE,
    DeploymentTokenPage,
    DeploymentTokenView,
    TokenAnswer,
)
from mercato_contracts.identity import DEVICE_CODE, DeviceTokenAnswer

router = APIRouter(prefix="/api", tags=["deployments"], route_class=TransactionalRoute)
late = APIRouter(route_class=LateTransactionalRoute)


def _exchange_of(session: Transaction, parts: Parts) -> TokenExchange:
    tokens = DeploymentTokens(session, parts.clock, parts.ids, parts.outbox)
    return TokenExchange(parts.authentication(session), Catalogue(session), tokens)


def _tokens_of(session: Transaction, parts: Parts) -> DeploymentTokens:
    return DeploymentTokens(session, parts.clock, parts.ids, parts.outbox)


async def _read_grant(request: Request, parts: Parts) -> dict[str, str]:
    """The form; a key in it is proved before the transaction. One that is wrong is refused where it is looked up."""
    form = await read_form(request)
    if "subject_token" in form and form.get("grant_type") == TOKEN_EXCHANGE:
        with suppress(NotSignedIn):
            await prove_key(request, parts, form["subject_token"])
    return form


Form = Annotated[dict[str, str], Depends(_read_grant)]
Exchanging = Annotated[TokenExchange, Depends(_exchange_of)]
TokenDesk = Annotated[DeploymentTokens, Depends(_tokens_of)]

_FORM = form_body(
    {
        "grant_type": {"type": "string", "enum": [TOKEN_EXCHANGE, DEVICE_CODE]},
        "device_code": {"type": "string", "description": "Of a device's login, and nothing else"},
        "subject_token": {"type": "string", "description": "A vendor key in force"},
        "subject_token_type": {"type": "string", "const": ACCESS_TOKEN},
        "audience": {"type": "string", "description": "The deployment's id"},
        "scope": {"type": "string", "description": "Separated by spaces; all when left out"},
        "requested_token_type": {"type": "string", "const": ACCESS_TOKEN},
        "expires_in": {"type": "integer", "description": "Seconds, 60 to 2592000; the most by default"},
    },
    "grant_type",
)


@late.post(
    "/oauth/token",
    summary="Get a deployment's token (RFC 8693) or a device's tokens (RFC 8628)",
    openapi_extra=_FORM,
)
async def give_token(
    form: Form,
    request: Request,
    response: Response,
    session: Transaction,
    parts: Parts,
    desk: Exchanging,
    devices: Devices,
) -> TokenAnswer | DeviceTokenAnswer:
    """Send a form. With RFC 8693's grant, a vendor key is exchanged for a token of one deployment, which may do no more
    than the key and lives no longer; every exchange makes another token. With RFC 8628's grant, a device collects the
    tokens of its approved login, once. A refusal carries OAuth's `error` beside the problem.
    """
    response.headers["cache-control"] = "no-store"
    grant = form.get("grant_type")
    if grant == DEVICE_CODE:
        return await answer_device_grant(form, session, parts, devices)
    if grant != TOKEN_EXCHANGE:
        raise GrantTypeUnknown(f"This endpoint offers `{TOKEN_EXCHANGE}` and `{DEVICE_CODE}`.")
    return await _exchange(form, request, parts, desk)


async def _exchange(form: dict[str, str], request: Request, parts: Parts, desk: TokenExchange) -> TokenAnswer:
    for name in ("subject_token_type", "requested_token_type"):
        if form.get(name, ACCESS_TOKEN) != ACCESS_TOKEN:
            raise ExchangeRefused(f"`{name}` must be `{ACCESS_TOKEN}`.")
    for name in ("subject_token", "subject_token_type", "audience"):
        if name not in form:
            raise ExchangeRefused(f"The form lacks `{name}`.")
    require_place(request, await desk.held_to(form["subject_token"]))
    new = await desk.exchange(
        form["subject_token"],
        form["audience"],
        scopes=form["scope"].split() if "scope" in form else None,
        life=_life_of(form),
    )
    return _view_new(new, int((new.expires_at - parts.clock.now()).total_seconds()))


@router.get("/deployments/{deployment_id}/tokens", summary="The tokens of a deployment of yours")
async def list_tokens(
    deployment_id: str, caller: SignedIn, desk: TokenDesk, after: After = None, limit: PageSize = 50
) -> DeploymentTokenPage:
    """Without their texts. Revoked and expired tokens are listed too."""
    tokens = await desk.list_all(caller, deployment_id, after=after, limit=limit)
    return DeploymentTokenPage(items=[_view(token) for token in tokens], next=Page.of(tokens, limit).next)


@router.delete("/deployment-tokens/{token_id}", status_code=204, summary="Revoke a token, at once and everywhere")
async def revoke_token(token_id: str, caller: SignedIn, desk: TokenDesk) -> None:
    """Gateways and the control plane refuse it within a second. Revoking a revoked token changes nothing."""
    await desk.revoke(caller, token_id)


def _life_of(form: dict[str, str]) -> timedelta:
    wanted = form.get("expires_in")
    if wanted is None:
        return LIFE_DEFAULT
    seconds = int(wanted) if wanted.isascii() and wanted.isdecimal() and len(wanted) <= 9 else 0
    if not 60 <= seconds <= LIFE_DEFAULT.total_seconds():
        raise ExchangeRefused("`expires_in` is a number of seconds between 60 and 2592000.")
    return timedelta(seconds=seconds)


def _view_new(new: NewToken, seconds: int) -> TokenAnswer:
    return TokenAnswer(access_token=new.text, expires_in=seconds, scope=" ".join(new.row.scopes), token_id=new.row.id)


def _view(token: DeploymentToken) -> DeploymentTokenView:
    return DeploymentTokenView(
        id=token.id,
        deployment_id=token.deployment_id,
        subject_key_id=token.subject_key_id,
        scopes=token.scopes,
        created_at=token.created_at,
        expires_at=token.expires_at,
        revoked_at=token.revoked_at,
    )


router.include_router(late)
