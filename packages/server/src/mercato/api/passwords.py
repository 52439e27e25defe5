"""Passwords: changing one's own, and a new one by a link in a letter."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from mercato.api.identity import view_user
from mercato.edge.addresses import origin_of
from mercato.edge.caller import SignedIn
from mercato.edge.letters import PasswordDesk
from mercato.edge.route import LateTransactionalRoute, TransactionalRoute
from mercato.edge.sessions import sessions_in
from mercato.edge.wiring import Parts
from mercato.identity import HashedSecret, Proof
from mercato_contracts.identity import UserView
from mercato_contracts.people import (
    PasswordChangeRequest,
    PasswordResetRequest,
    PasswordResetUse,
    SessionsEndedAnswer,
)

router = APIRouter(prefix="/api", tags=["identity"], route_class=TransactionalRoute)
late = APIRouter(route_class=LateTransactionalRoute)


async def _prove_change(body: PasswordChangeRequest, caller: SignedIn, request: Request, parts: Parts) -> Proof:
    async with parts.database.transaction() as session:
        email = await sessions_in(session, parts).email_of(caller)
    origin = origin_of(request)
    proven = await parts.password_proof.prove(email, body.current.get_secret_value(), origin=origin)
    return Proof(proven, await parts.hasher.hash_for(origin, body.new.get_secret_value()))


async def _hash_reset(body: PasswordResetUse, request: Request, parts: Parts) -> tuple[str, HashedSecret]:
    hashed = await parts.hasher.hash_for(origin_of(request), body.password.get_secret_value())
    return body.token.get_secret_value(), hashed


# Each is named before what asks for the transaction.
ProvenChange = Annotated[Proof, Depends(_prove_change)]
HashedReset = Annotated[tuple[str, HashedSecret], Depends(_hash_reset)]


@late.put("/me/password", summary="Change your password")
async def change_password(proof: ProvenChange, caller: SignedIn, desk: PasswordDesk) -> SessionsEndedAnswer:
    """Your other sessions end; this one goes on. Keys are not affected."""
    return SessionsEndedAnswer(ended=await desk.change(caller, proof))


@router.post("/password-resets", status_code=202, summary="Ask for a link to set a new password")
async def ask_for_reset(body: PasswordResetRequest, desk: PasswordDesk) -> None:
    """A letter with a link goes to the address if somebody here has it; the answer is the same if nobody does. Three
    letters an hour go to one person at most. Every request makes another link.
    """
    await desk.ask_for_reset(body.email)


@late.post("/password-resets/use", summary="Set a new password by a link")
async def use_reset(hashed: HashedReset, desk: PasswordDesk) -> UserView:
    """The link works once, for an hour. All sessions of the person end; a second factor stays. A repeat is refused."""
    token, new = hashed
    return view_user(await desk.reset(token, new))


router.include_router(late)
