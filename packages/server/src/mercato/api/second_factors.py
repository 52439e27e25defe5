"""A person's second factors and recovery codes."""

from typing import Annotated

from fastapi import APIRouter, Depends

from mercato.edge.caller import SignedIn
from mercato.edge.route import TransactionalRoute
from mercato.edge.sessions import factors_in, sessions_in
from mercato.edge.wiring import Parts, Transaction
from mercato.identity import SecondFactor, SecondFactors
from mercato_contracts.people import (
    CodeRequest,
    NewSecondFactorAnswer,
    NewSecondFactorRequest,
    RecoveryCodesAnswer,
    SecondFactorList,
    SecondFactorView,
)

router = APIRouter(prefix="/api/me", tags=["identity"], route_class=TransactionalRoute)


def _factors_of(session: Transaction, parts: Parts) -> SecondFactors:
    return factors_in(session, parts)


FactorDesk = Annotated[SecondFactors, Depends(_factors_of)]


def view_factor(factor: SecondFactor) -> SecondFactorView:
    return SecondFactorView(id=factor.id, name=factor.name, created_at=factor.created_at, used_at=factor.used_at)


@router.get("/second-factors", summary="Your second factors")
async def list_second_factors(caller: SignedIn, desk: FactorDesk) -> SecondFactorList:
    """Authenticator apps that count, and how many recovery codes are left."""
    factors, left = await desk.list_own(caller)
    return SecondFactorList(items=[view_factor(each) for each in factors], recovery_codes_left=left)


@router.post("/second-factors", status_code=201, summary="Add an authenticator app")
async def add_second_factor(
    body: NewSecondFactorRequest, caller: SignedIn, desk: FactorDesk, session: Transaction, parts: Parts
) -> NewSecondFactorAnswer:
    """The app counts once you have confirmed its first code. Needs a proof of who you are from the last ten minutes.
    Every request begins anew; what was not confirmed is forgotten.
    """
    new = await desk.add(caller, body.name, await sessions_in(session, parts).email_of(caller))
    return NewSecondFactorAnswer(id=new.row.id, secret=new.secret, uri=new.uri)


@router.post("/second-factors/{factor_id}/confirm", summary="Confirm an authenticator app by its code")
async def confirm_second_factor(
    factor_id: str, body: CodeRequest, caller: SignedIn, desk: FactorDesk
) -> RecoveryCodesAnswer:
    """From now on signing in needs a code too. The first app comes with ten recovery codes; keep them elsewhere. A code
    works once, so a repeat is refused.
    """
    return RecoveryCodesAnswer(recovery_codes=await desk.confirm(caller, factor_id, body.code.get_secret_value()))


@router.delete("/second-factors/{factor_id}", status_code=204, summary="Remove an authenticator app")
async def remove_second_factor(factor_id: str, caller: SignedIn, desk: FactorDesk) -> None:
    """Needs a proof of who you are from the last ten minutes. With the last app the recovery codes go too."""
    await desk.remove(caller, factor_id)


@router.post("/recovery-codes", status_code=201, summary="Renew your recovery codes")
async def renew_recovery_codes(caller: SignedIn, desk: FactorDesk) -> RecoveryCodesAnswer:
    """The old codes no longer work. Needs a proof of who you are from the last ten minutes. Every request makes new
    ones.
    """
    return RecoveryCodesAnswer(recovery_codes=await desk.renew_recovery_codes(caller))
