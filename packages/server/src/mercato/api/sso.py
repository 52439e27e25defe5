"""Single sign-on: an organisation's identity provider, and signing in through it."""

from typing import Annotated, cast

from fastapi import APIRouter, Depends, Request, Response

from mercato.api.identity import view_tokens
from mercato.edge.caller import SignedIn
from mercato.edge.paging import After, Page, PageSize
from mercato.edge.route import LateTransactionalRoute, TransactionalRoute
from mercato.edge.sessions import client_of, sessions_in
from mercato.edge.sso import Proven, ProviderDesk, SignOnDesk, address_of, prove_answer, sso_in
from mercato.edge.wiring import Parts, Transaction, Wiring
from mercato.identity import (
    CALLBACK,
    Begun,
    Permission,
    ProviderSettings,
    Role,
    SsoAccount,
    SsoAnswer,
    SsoProvider,
    User,
    check_issuer,
    tell_sign_in,
)
from mercato_contracts.sso import (
    MappedRole,
    PasswordsRequest,
    ProviderOfAnyone,
    ProviderOfAnyonePage,
    ProviderRequest,
    ProviderView,
    SsoAccountPage,
    SsoAccountView,
    SsoAnswerRequest,
    SsoBegun,
    SsoFinished,
    SsoSignInRequest,
)

router = APIRouter(prefix="/api", tags=["identity"], route_class=TransactionalRoute)
late = APIRouter(route_class=LateTransactionalRoute)


async def _check_provider(body: ProviderRequest, caller: SignedIn, parts: Parts) -> ProviderSettings:
    """The settings, once the provider answered discovery as it should."""
    caller.require(Permission.USERS_WRITE)
    caller.require_recent_proof(parts.clock.now())
    check_issuer(body.issuer)
    await parts.open_id.discover(body.issuer, anew=True)
    return ProviderSettings(
        issuer=body.issuer,
        client_id=body.client_id,
        client_secret=None if body.client_secret is None else body.client_secret.get_secret_value(),
        groups_claim=body.groups_claim,
        role_of_group={group: Role(role) for group, role in body.roles.items()},
        default_role=None if body.default_role is None else Role(body.default_role),
        domains=body.domains,
    )


async def _begin(body: SsoSignInRequest, parts: Parts) -> SsoBegun:
    async with parts.database.transaction() as session:
        begun = await sso_in(session, parts).begin(body.organisation)
    return await _view_begun(begun, parts)


async def _begin_link(caller: SignedIn, parts: Parts) -> SsoBegun:
    async with parts.database.transaction() as session:
        begun = await sso_in(session, parts).begin_link(caller)
    return await _view_begun(begun, parts)


async def _begin_proof(caller: SignedIn, parts: Parts) -> SsoBegun:
    async with parts.database.transaction() as session:
        begun = await sso_in(session, parts).begin_proof(caller)
    return await _view_begun(begun, parts)


async def _prove(body: SsoAnswerRequest, parts: Parts) -> Proven:
    answer = SsoAnswer(
        state=body.state.get_secret_value(),
        binding=body.binding.get_secret_value(),
        code=None if body.code is None else body.code.get_secret_value(),
        issuer=body.iss,
        error=body.error,
    )
    return await prove_answer(answer, parts)


# Each is named before what asks for the transaction: a provider is asked while none is open.
CheckedProvider = Annotated[ProviderSettings, Depends(_check_provider)]
BegunSignIn = Annotated[SsoBegun, Depends(_begin)]
BegunLink = Annotated[SsoBegun, Depends(_begin_link)]
BegunProof = Annotated[SsoBegun, Depends(_begin_proof)]
ProvenAnswer = Annotated[Proven, Depends(_prove)]


async def _view_begun(begun: Begun, parts: Wiring) -> SsoBegun:
    address = await address_of(begun, parts)
    return SsoBegun(authorization_url=address, binding=begun.binding, expires_at=begun.expires_at)


def _view_provider(provider: SsoProvider, parts: Wiring) -> ProviderView:
    return ProviderView(
        issuer=provider.issuer,
        client_id=provider.client_id,
        redirect_uri=f"{parts.client_url}{CALLBACK}",
        groups_claim=provider.groups_claim,
        roles=provider.role_of_group,
        default_role=cast(MappedRole | None, provider.default_role),
        domains=provider.domains,
        passwords=provider.has_passwords,
        worked_at=provider.worked_at,
        changed_at=provider.changed_at,
    )


def _view_account(account: SsoAccount, user: User) -> SsoAccountView:
    return SsoAccountView(
        user_id=user.id,
        email=user.email,
        name=user.name,
        issuer=account.issuer,
        subject=account.subject,
        created_at=account.created_at,
        signed_in_at=account.signed_in_at,
    )


@router.get("/sso", summary="Your organisation's identity provider")
async def show_provider(caller: SignedIn, desk: ProviderDesk, parts: Parts) -> ProviderView:
    """Without the client's secret. `redirect_uri` is what the provider must know."""
    return _view_provider(await desk.get(caller), parts)


@router.get("/marketplace/sso", summary="The identity providers of every organisation (operator)")
async def list_providers(
    caller: SignedIn, desk: ProviderDesk, after: After = None, limit: PageSize = 50
) -> ProviderOfAnyonePage:
    """Whether each has worked since it was last changed, and whether passwords still count beside it. How an
    organisation reaches its provider is its own.
    """
    found = await desk.page_of_all(caller, after=after, limit=limit)
    return ProviderOfAnyonePage(
        items=[
            ProviderOfAnyone(
                organisation=organisation.slug,
                issuer=provider.issuer,
                accounts=accounts,
                maps_groups=bool(provider.role_of_group),
                default_role=cast(MappedRole | None, provider.default_role),
                domains=provider.domains,
                passwords=provider.has_passwords,
                worked_at=provider.worked_at,
                changed_at=provider.changed_at,
            )
            for provider, organisation, accounts in found
        ],
        next=Page.of(found, limit, lambda row: row[1].slug).next,
    )


@late.put("/sso", summary="Set up your organisation's identity provider (OpenID Connect)")
async def set_provider(settings: CheckedProvider, caller: SignedIn, desk: ProviderDesk, parts: Parts) -> ProviderView:
    """Needs a proof of who you are from the last ten minutes. The provider is asked for its discovery document first.
    People whose groups change their role notice at their next sign-in. With another issuer or client, passwords count
    again until somebody has signed in. The same again changes nothing.
    """
    return _view_provider(await desk.set(caller, settings), parts)


@router.delete("/sso", status_code=204, summary="Remove your organisation's identity provider")
async def remove_provider(caller: SignedIn, desk: ProviderDesk) -> None:
    """Nobody signs in through it any longer, and passwords count again. Sessions go on. Needs a proof of who you are
    from the last ten minutes.
    """
    await desk.remove(caller)


@router.put("/sso/passwords", summary="Switch passwords off or on beside the identity provider")
async def switch_passwords(body: PasswordsRequest, caller: SignedIn, desk: ProviderDesk, parts: Parts) -> ProviderView:
    """Off only once somebody signed in through the provider. Administrators who are not linked to an account there keep
    their passwords, as the way in when the provider fails. Needs a proof of who you are from the last ten minutes.
    """
    return _view_provider(await desk.switch_passwords(caller, allowed=body.allowed), parts)


@router.get("/sso/accounts", summary="Who is linked to which account at the identity provider")
async def list_sso_accounts(
    caller: SignedIn, desk: ProviderDesk, after: After = None, limit: PageSize = 50
) -> SsoAccountPage:
    """For those who may change people."""
    found = await desk.page_of_accounts(caller, after=after, limit=limit)
    return SsoAccountPage(
        items=[_view_account(account, user) for account, user in found],
        next=Page.of(found, limit, lambda row: row[1].id).next,
    )


@router.delete("/users/{user_id}/sso-account", status_code=204, summary="Unlink a colleague from their account")
async def unlink_account(user_id: str, caller: SignedIn, desk: ProviderDesk) -> None:
    """Their sessions end, and their next sign-in through the provider counts as the first. Needs a proof of who you are
    from the last ten minutes.
    """
    await desk.unlink(caller, user_id)


@late.post("/sso/sign-ins", status_code=201, summary="Begin to sign in through an organisation's identity provider")
async def begin_sso(begun: BegunSignIn, response: Response) -> SsoBegun:
    """Open `authorization_url` in a browser. The provider then leads to the page `/sso/callback`; send what stands in
    its address, with `binding`, to `POST /api/sso/answers` within ten minutes. Every request begins another sign-in.
    """
    response.headers["cache-control"] = "no-store"
    return begun


@late.post("/sso/links", status_code=201, summary="Begin to link yourself to your account at the identity provider")
async def begin_sso_link(begun: BegunLink, response: Response) -> SsoBegun:
    """Goes on as a sign-in does; needed by administrators, whom no mail address links. Needs a proof of who you are
    from the last ten minutes.
    """
    response.headers["cache-control"] = "no-store"
    return begun


@late.post("/sso/proofs", status_code=201, summary="Begin to prove anew, at the identity provider, who you are")
async def begin_sso_proof(begun: BegunProof, response: Response) -> SsoBegun:
    """Goes on as a sign-in does. The provider asks you to sign in again, and your session's proof is good for ten more
    minutes.
    """
    response.headers["cache-control"] = "no-store"
    return begun


@late.post("/sso/answers", status_code=201, summary="Finish what was begun at the identity provider")
async def finish_sso(
    proven: ProvenAnswer, request: Request, desk: SignOnDesk, session: Transaction, parts: Parts
) -> SsoFinished:
    """The answer counts once. A sign-in answers with a session; the role follows the person's groups. The first sign-in
    links by a verified mail address, or joins by an invitation or a domain of the organisation.
    """
    outcome = await desk.finish(proven.taken, proven.claims, at_browser=False)
    if outcome.purpose in ("link", "proof"):
        return SsoFinished(purpose=outcome.purpose)
    tokens = sessions_in(session, parts).begin_proved_at(outcome.user, outcome.proved_at, client_of(request))
    await tell_sign_in(session, parts.outbox, parts.tokens, tokens.access_token, parts.clock.now())
    return SsoFinished(purpose="sign_in", session=view_tokens(tokens))


router.include_router(late)
