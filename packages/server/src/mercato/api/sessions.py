"""A person's sessions: which are in force, ending them, and proving anew who one is."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from mercato.edge.addresses import origin_of
from mercato.edge.caller import SignedIn
from mercato.edge.route import LateTransactionalRoute, TransactionalRoute
from mercato.edge.sessions import sessions_in
from mercato.edge.wiring import Parts, Transaction
from mercato.identity import LoginSession, Sessions, User
from mercato_contracts.people import LoginSessionList, LoginSessionView, ProofRequest, SessionsEndedAnswer

router = APIRouter(prefix="/api", tags=["identity"], route_class=TransactionalRoute)
late = APIRouter(route_class=LateTransactionalRoute)


def _sessions_of(session: Transaction, parts: Parts) -> Sessions:
    return sessions_in(session, parts)


SessionDesk = Annotated[Sessions, Depends(_sessions_of)]


async def _prove_password(body: ProofRequest, caller: SignedIn, request: Request, parts: Parts) -> User | None:
    if body.password is None:
        return None
    async with parts.database.transaction() as session:
        email = await sessions_in(session, parts).email_of(caller)
    return await parts.password_proof.prove(email, body.password.get_secret_value(), origin=origin_of(request))


ProvenAgain = Annotated[User | None, Depends(_prove_password)]


def view_session(login: LoginSession, current: str | None) -> LoginSessionView:
    return LoginSessionView(
        id=login.id,
        current=login.id == current,
        device=login.device,
        network=login.network,
        created_at=login.created_at,
        used_at=login.used_at,
        expires_at=login.expires_at,
    )


@router.get("/sessions", summary="Your sessions that are in force")
async def list_sessions(caller: SignedIn, desk: SessionDesk) -> LoginSessionList:
    """Every place where you are signed in, the newest first."""
    found = await desk.list_of(caller)
    return LoginSessionList(items=[view_session(login, caller.session_id) for login in found])


@router.delete("/sessions", summary="End all your sessions but this one")
async def end_other_sessions(caller: SignedIn, desk: SessionDesk) -> SessionsEndedAnswer:
    """Their tokens are refused from then on."""
    return SessionsEndedAnswer(ended=await desk.end_all(caller))


@late.post("/sessions/current/proof", status_code=204, summary="Prove again who you are")
async def prove_again(body: ProofRequest, caller: SignedIn, proven: ProvenAgain, desk: SessionDesk) -> None:
    """What is dangerous needs a proof that is ten minutes old at most; signing in is one. Send `code` if you have a
    second factor, else `password`. Proving again changes nothing but the time.
    """
    code = None if body.code is None else body.code.get_secret_value()
    await desk.prove_again(caller, proven=proven, code=code)


@router.delete("/sessions/{session_id}", status_code=204, summary="End one of your sessions")
async def end_session(session_id: str, caller: SignedIn, desk: SessionDesk) -> None:
    """Its tokens are refused from then on. Ending an ended session changes nothing."""
    await desk.end(caller, session_id)


@router.get("/users/{user_id}/sessions", summary="A colleague's sessions")
async def list_sessions_of(user_id: str, caller: SignedIn, desk: SessionDesk) -> LoginSessionList:
    """For those who may change people: the sessions of a person of the same organisation."""
    found = await desk.list_of(caller, user_id)
    return LoginSessionList(items=[view_session(login, caller.session_id) for login in found])


@router.delete("/users/{user_id}/sessions", summary="End all of a colleague's sessions")
async def end_sessions_of(user_id: str, caller: SignedIn, desk: SessionDesk) -> SessionsEndedAnswer:
    """For those who may change people. Their tokens are refused from then on."""
    return SessionsEndedAnswer(ended=await desk.end_all(caller, user_id))


router.include_router(late)
