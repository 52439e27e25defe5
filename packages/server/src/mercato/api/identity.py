"""Sign-up, sessions, people and keys."""

from contextlib import suppress
from datetime import timedelta
from typing import Annotated, cast

from fastapi import APIRouter, Depends, Request, Response

from mercato.api.sessions import SessionDesk
from mercato.edge.addresses import origin_of
from mercato.edge.caller import SignedIn
from mercato.edge.forms import form_body, read_form
from mercato.edge.holds import read_hold
from mercato.edge.key_views import view_keys
from mercato.edge.paging import After, Page, PageSize
from mercato.edge.route import LateTransactionalRoute, TransactionalRoute, prove_key
from mercato.edge.sessions import client_of
from mercato.edge.wiring import Parts, Transaction, Wiring
from mercato.identity import (
    Actors,
    DrawnSecret,
    HashedSecret,
    Key,
    KeyIntrospection,
    Keys,
    Members,
    NewKey,
    NotSignedIn,
    Organisation,
    Permission,
    ProvenToken,
    Role,
    SessionTokens,
    SignUp,
    Standing,
    User,
    draw_secret,
    tell_sign_in,
)
from mercato.platform import Malformed, Session
from mercato_contracts.identity import (
    IntrospectionView,
    KeyHoldRequest,
    KeyPage,
    KeyView,
    MeView,
    NewKeyAnswer,
    NewKeyRequest,
    NewUserRequest,
    OrganisationView,
    RefreshRequest,
    RoleName,
    RotateKeyRequest,
    SessionView,
    SignInRequest,
    SignUpAnswer,
    SignUpRequest,
    UserList,
    UserView,
    VerificationRequest,
)

router = APIRouter(prefix="/api", tags=["identity"], route_class=TransactionalRoute)


late = APIRouter(route_class=LateTransactionalRoute)
"""Routes that hash or check a secret before they open their transaction."""


def _sign_up(session: Transaction, parts: Parts) -> SignUp:
    return SignUp(session, parts.clock, parts.ids, parts.hasher, parts.outbox)


def _keys_of(session: Transaction, parts: Parts) -> Keys:
    return Keys(session, parts.clock, parts.ids, parts.hasher, parts.outbox)


def _introspection_of(session: Transaction, parts: Parts) -> KeyIntrospection:
    return KeyIntrospection(session, parts.authentication(session))


async def _hash_sign_up(body: SignUpRequest, request: Request, parts: Parts) -> tuple[SignUpRequest, HashedSecret]:
    return body, await parts.hasher.hash_for(origin_of(request), body.password.get_secret_value())


async def _hash_new_user(
    body: NewUserRequest, caller: SignedIn, request: Request, parts: Parts
) -> tuple[NewUserRequest, HashedSecret]:
    caller.require(Permission.USERS_WRITE)
    return body, await parts.hasher.hash_for(origin_of(request), body.password.get_secret_value())


async def _draw_secret(caller: SignedIn, request: Request, parts: Parts) -> DrawnSecret:
    caller.require(Permission.KEYS_WRITE)
    async with parts.hasher.place(origin_of(request)):
        return await draw_secret(parts.ids, parts.hasher)


async def _prove_person(body: SignInRequest, request: Request, parts: Parts) -> User:
    return await parts.password_proof.prove(
        body.email,
        body.password.get_secret_value(),
        origin=origin_of(request),
        device_token=None if body.device_token is None else body.device_token.get_secret_value(),
    )


async def _prove_shown(caller: SignedIn, request: Request, parts: Parts) -> str:
    """The key or token that is asked about, proved where the caller may know of it."""
    text = await _token_of(request)
    async with parts.database.transaction() as session:
        is_to_prove = await KeyIntrospection(session, parts.authentication(session)).may_know_of_key(caller, text)
    if is_to_prove:
        with suppress(NotSignedIn):
            await prove_key(request, parts, text)
    return text


# Each is named before what asks for the transaction.
HashedSignUp = Annotated[tuple[SignUpRequest, HashedSecret], Depends(_hash_sign_up)]
HashedNewUser = Annotated[tuple[NewUserRequest, HashedSecret], Depends(_hash_new_user)]
Drawn = Annotated[DrawnSecret, Depends(_draw_secret)]
ProvenPerson = Annotated[User, Depends(_prove_person)]
Shown = Annotated[str, Depends(_prove_shown)]

Joining = Annotated[SignUp, Depends(_sign_up)]
KeyDesk = Annotated[Keys, Depends(_keys_of)]
WhoseKey = Annotated[KeyIntrospection, Depends(_introspection_of)]


def view_organisation(organisation: Organisation) -> OrganisationView:
    return OrganisationView(
        id=organisation.id,
        slug=organisation.slug,
        name=organisation.name,
        is_operator=organisation.is_operator,
        is_verified=organisation.is_verified,
        created_at=organisation.created_at,
        suspended_at=organisation.suspended_at,
        suspended_reason=organisation.suspended_reason,
    )


def view_user(user: User) -> UserView:
    return UserView(
        id=user.id,
        email=user.email,
        name=user.name,
        role=cast(RoleName, user.role),
        created_at=user.created_at,
        disabled_at=user.disabled_at,
    )


def view_introspection(key: Key | ProvenToken | None) -> IntrospectionView:
    if key is None:
        return IntrospectionView(active=False)
    if isinstance(key, ProvenToken):
        return IntrospectionView(
            active=True,
            scope=" ".join(sorted(key.scopes)),
            client_id=key.id,
            sub=key.organisation_id,
            aud=key.deployment_id,
            token_type="Bearer",  # noqa: S106  (a kind, no secret)
            iat=int(key.created_at.timestamp()),
            exp=int(key.expires_at.timestamp()),
        )
    return IntrospectionView(
        active=True,
        scope=" ".join(key.scopes),
        client_id=key.id,
        sub=key.organisation_id,
        token_type="Bearer",  # noqa: S106  (a kind, no secret)
        iat=int(key.created_at.timestamp()),
        exp=None if key.expires_at is None else int(key.expires_at.timestamp()),
    )


async def _view_new_key(new: NewKey, session: Session, parts: Wiring) -> NewKeyAnswer:
    [view] = await view_keys(session, parts.clock, [new.row])
    return NewKeyAnswer(**view.model_dump(), key=new.text)


def view_tokens(tokens: SessionTokens) -> SessionView:
    return SessionView(
        access_token=tokens.access_token,
        access_expires_at=tokens.access_expires_at,
        refresh_token=tokens.refresh_token,
        refresh_expires_at=tokens.refresh_expires_at,
    )


@late.post("/organisations", status_code=201, summary="Sign up: a new organisation and its first administrator")
async def sign_up(hashed: HashedSignUp, joining: Joining) -> SignUpAnswer:
    """The first person is the organisation's administrator and signs in with `POST /api/sessions`. A name or address
    that is taken is refused, so that a repeat changes nothing.
    """
    body, password = hashed
    organisation, user = await joining.sign_up(
        slug=body.organisation, name=body.name, email=body.email, password=password
    )
    return SignUpAnswer(organisation=view_organisation(organisation), user=view_user(user))


@router.put("/organisations/{slug}/verification", summary="Vouch for an organisation (operator)")
async def verify_organisation(
    slug: str, body: VerificationRequest, caller: SignedIn, session: Transaction, parts: Parts
) -> OrganisationView:
    """Releases of a verified vendor may go live by rule, without a person. Vouching needs a proof of who you are from
    the last ten minutes. The same again changes nothing.
    """
    standing = Standing(session, parts.clock, parts.outbox)
    return view_organisation(await standing.verify(caller, slug, verified=body.verified, reason=body.reason))


@late.post("/users", status_code=201, summary="Add a colleague")
async def add_user(hashed: HashedNewUser, caller: SignedIn, joining: Joining) -> UserView:
    """Needs a proof of who you are from the last ten minutes. Nobody gives a role that may do more than their own. An
    address that is in use is refused, so that a repeat changes nothing.
    """
    body, password = hashed
    user = await joining.add_user(caller, email=body.email, name=body.name, password=password, role=Role(body.role))
    return view_user(user)


@router.get("/users", summary="The people of your organisation")
async def list_users(
    caller: SignedIn, session: Transaction, parts: Parts, after: After = None, limit: PageSize = 50
) -> UserList:
    """Everybody with their role, the oldest first; disabled people too."""
    users = await Members(session, parts.clock, parts.outbox).page(caller, after=after, limit=limit)
    return UserList(items=[view_user(user) for user in users], next=Page.of(users, limit).next)


@late.post("/sessions", status_code=201, summary="Sign in with address and password")
async def sign_in(
    body: SignInRequest, proven: ProvenPerson, request: Request, desk: SessionDesk, session: Transaction, parts: Parts
) -> SessionView:
    """An access token for 15 minutes and a refresh token for 30 days. Every sign-in begins a session of its own. Wrong
    guesses are slowed down. People with a second factor send `code` too.
    """
    code = None if body.code is None else body.code.get_secret_value()
    tokens = desk.begin(await desk.confirm(proven, code), client_of(request))
    await tell_sign_in(session, parts.outbox, parts.tokens, tokens.access_token, parts.clock.now())
    device = parts.known_devices.issue(proven.id, parts.ids, parts.clock.now())
    return view_tokens(tokens).model_copy(update={"device_token": device})


@router.post("/sessions/refresh", summary="Refresh a session")
async def refresh_session(body: RefreshRequest, desk: SessionDesk) -> SessionView:
    """A refresh token works once. Shown a second time it ends the whole session, because somebody else may hold it."""
    return view_tokens(await desk.refresh(body.refresh_token.get_secret_value()))


@router.delete("/sessions/current", status_code=204, summary="Sign out")
async def sign_out(caller: SignedIn, desk: SessionDesk) -> None:
    """Access and refresh tokens of this session are refused from then on. A key has no session and is refused."""
    await desk.sign_out(caller)


@router.get("/me", summary="Show the caller and its permissions")
async def get_me(caller: SignedIn, session: Transaction) -> MeView:
    """The organisation, the person or key, the role, and every permission that the credential carries."""
    known = {} if caller.person_name else await Actors(session).find({caller.actor})
    return MeView(
        organisation=caller.organisation_slug,
        organisation_id=caller.organisation_id,
        actor=caller.actor,
        name=known[caller.actor].name if caller.actor in known else caller.person_name,
        role=caller.role.value,
        permissions=sorted(caller.permissions),
        is_operator=caller.is_operator,
    )


@late.post("/keys", status_code=201, summary="Make a key; its text is shown once")
async def make_key(
    body: NewKeyRequest, caller: SignedIn, drawn: Drawn, desk: KeyDesk, session: Transaction, parts: Parts
) -> NewKeyAnswer:
    """The text cannot be shown again: keep it. `scopes` narrow what the key may do; left out, it may do all that its
    kind can carry and its maker may do. `services` and `addresses` hold it to services and to networks; a gateway
    refuses it elsewhere. With `service_account_id` it belongs to that service account, carries nothing beyond its
    rights, and stays when whoever made it leaves. Every request makes another key.
    """
    new = await desk.make(
        caller,
        kind=body.kind,
        name=body.name,
        scopes=body.scopes,
        expires_at=body.expires_at,
        hold=await read_hold(session, body, caller.organisation_slug),
        account_id=body.service_account_id,
        drawn=drawn,
    )
    return await _view_new_key(new, session, parts)


@router.put("/keys/{key_id}/hold", summary="Hold a key to services and addresses")
async def hold_key(
    key_id: str, body: KeyHoldRequest, caller: SignedIn, desk: KeyDesk, session: Transaction, parts: Parts
) -> KeyView:
    """In force at gateways within a second. Empty lists lift the hold. The same again changes nothing."""
    caller.require(Permission.KEYS_WRITE)
    key = await desk.hold(caller, key_id, await read_hold(session, body, caller.organisation_slug))
    [view] = await view_keys(session, parts.clock, [key])
    return view


@router.get("/keys", summary="The keys of your organisation")
async def list_keys(
    caller: SignedIn,
    desk: KeyDesk,
    session: Transaction,
    parts: Parts,
    after: After = None,
    limit: PageSize = 50,
) -> KeyPage:
    """Without their texts, with who made each, when it called last, and what it is held to. Revoked and expired keys
    are listed too.
    """
    keys = await desk.list_all(caller, after=after, limit=limit)
    return KeyPage(items=await view_keys(session, parts.clock, keys), next=Page.of(keys, limit).next)


@late.post("/keys/{key_id}/rotate", status_code=201, summary="Rotate a key")
async def rotate_key(
    key_id: str,
    body: RotateKeyRequest,
    caller: SignedIn,
    drawn: Drawn,
    desk: KeyDesk,
    session: Transaction,
    parts: Parts,
) -> NewKeyAnswer:
    """The successor has the same name and rights, and is held to the same. The old key stays in force for
    `grace_seconds`, seven days at most. A key can be rotated once.
    """
    new = await desk.rotate(caller, key_id, timedelta(seconds=body.grace_seconds), drawn)
    return await _view_new_key(new, session, parts)


@router.delete("/keys/{key_id}", status_code=204, summary="Revoke a key, at once and everywhere")
async def revoke_key(key_id: str, caller: SignedIn, desk: KeyDesk) -> None:
    """Gateways refuse it within a second. Revoking a revoked key changes nothing."""
    await desk.revoke(caller, key_id)


_FORM = form_body({"token": {"type": "string"}, "token_type_hint": {"type": "string"}}, "token")


@late.post(
    "/introspect",
    summary="Introspect a key or token (RFC 7662)",
    response_model_exclude_none=True,
    openapi_extra=_FORM,
)
async def introspect_credential(
    response: Response, caller: SignedIn, shown: Shown, desk: WhoseKey
) -> IntrospectionView:
    """Send a form with `token`. An operator may ask about any key; to anybody else, a key of another organisation is
    never active.
    """
    response.headers["cache-control"] = "no-store"
    return view_introspection(await desk.find(caller, shown))


async def _token_of(request: Request) -> str:
    form = await read_form(request)
    if "token" not in form:
        raise Malformed("The form lacks `token`.")
    return form["token"]


router.include_router(late)
