"""Passkeys (WebAuthn): one's own, and signing in with one."""

from fastapi import APIRouter, Request, Response

from mercato.api.identity import view_tokens
from mercato.api.sessions import SessionDesk
from mercato.edge.caller import SignedIn
from mercato.edge.passkeys import PasskeyDesk
from mercato.edge.route import TransactionalRoute
from mercato.edge.sessions import client_of
from mercato.edge.wiring import Parts, Transaction
from mercato.identity import Passkey, tell_sign_in
from mercato_contracts.identity import SessionView
from mercato_contracts.passkeys import (
    NewPasskeyRequest,
    PasskeyAnswer,
    PasskeyList,
    PasskeyOptions,
    PasskeyView,
)

router = APIRouter(prefix="/api", tags=["identity"], route_class=TransactionalRoute)


def _view(passkey: Passkey) -> PasskeyView:
    return PasskeyView(id=passkey.id, name=passkey.name, created_at=passkey.created_at, used_at=passkey.used_at)


@router.get("/me/passkeys", summary="Your passkeys")
async def list_passkeys(caller: SignedIn, desk: PasskeyDesk) -> PasskeyList:
    """The oldest first, with when each was last used."""
    return PasskeyList(items=[_view(each) for each in await desk.list_own(caller)])


@router.post("/me/passkeys/options", status_code=201, summary="Begin to add a passkey")
async def begin_adding_passkey(caller: SignedIn, desk: PasskeyDesk, response: Response) -> PasskeyOptions:
    """Hand `options` to `navigator.credentials.create` (`PublicKeyCredential.parseCreationOptionsFromJSON`) on the
    marketplace's own address. They are good for five minutes and one answer. Needs a proof of who you are from the last
    ten minutes.
    """
    response.headers["cache-control"] = "no-store"
    return PasskeyOptions(options=await desk.begin_adding(caller))


@router.post("/me/passkeys", status_code=201, summary="Add a passkey")
async def add_passkey(body: NewPasskeyRequest, caller: SignedIn, desk: PasskeyDesk) -> PasskeyView:
    """`credential` is what the browser answers, as JSON (`toJSON`). The authenticator must have checked the person. An
    answer counts once.
    """
    return _view(await desk.add(caller, body.name, body.credential))


@router.delete("/me/passkeys/{passkey_id}", status_code=204, summary="Remove a passkey of yours")
async def remove_passkey(passkey_id: str, caller: SignedIn, desk: PasskeyDesk) -> None:
    """It no longer signs anybody in. Needs a proof of who you are from the last ten minutes."""
    await desk.remove(caller, passkey_id)


@router.post("/passkeys/options", status_code=201, summary="Begin to sign in with a passkey")
async def begin_passkey_sign_in(desk: PasskeyDesk, response: Response) -> PasskeyOptions:
    """Hand `options` to `navigator.credentials.get` on the marketplace's own address. They name nobody, and are good
    for five minutes and one answer.
    """
    response.headers["cache-control"] = "no-store"
    return PasskeyOptions(options=desk.begin_signing_in())


@router.post("/passkeys/sign-ins", status_code=201, summary="Sign in with a passkey")
async def sign_in_by_passkey(
    body: PasskeyAnswer, request: Request, desk: PasskeyDesk, sessions: SessionDesk, session: Transaction, parts: Parts
) -> SessionView:
    """A passkey is both factors: no code is asked for. An answer counts once."""
    tokens = sessions.begin(await desk.prove(body.credential), client_of(request))
    await tell_sign_in(session, parts.outbox, parts.tokens, tokens.access_token, parts.clock.now())
    return view_tokens(tokens)


@router.post("/sessions/current/passkey-proof", status_code=204, summary="Prove again who you are, with a passkey")
async def prove_by_passkey(body: PasskeyAnswer, caller: SignedIn, desk: PasskeyDesk, sessions: SessionDesk) -> None:
    """Begin with `POST /api/passkeys/options`. Good for ten minutes, as any proof."""
    await sessions.prove_by_passkey(caller, await desk.prove(body.credential))
