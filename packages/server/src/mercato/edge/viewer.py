"""For whom listings are shown: private ones are there for those only who may see them."""

from typing import Annotated

from fastapi import Depends, Request

from mercato.edge.holds import authenticated
from mercato.edge.route import credential_of, prove_credential
from mercato.edge.wiring import get_wiring
from mercato.identity import TOKEN_PREFIX, Caller, Permission

_UNKNOWN = object()


async def get_viewer(request: Request) -> str | None:
    """The slug of the organisation that asks; `None` where nobody proved who they are, or may not read services.

    Raises `NotSignedIn` for a credential that is shown and wrong.
    """
    caller = await _find_caller(request)
    if caller is None or not caller.may(Permission.SERVICES_READ):
        return None
    return caller.organisation_slug


async def sees_everything(request: Request) -> bool:
    """Whether an operator asks, who also sees the private listings of others. Raises as `get_viewer` does."""
    caller = await _find_caller(request)
    return caller is not None and caller.may(Permission.MARKETPLACE_READ)


async def _find_caller(request: Request) -> Caller | None:
    known = getattr(request.state, "caller", _UNKNOWN)
    return await _authenticate(request) if known is _UNKNOWN else known  # type: ignore[return-value]


async def _authenticate(request: Request) -> Caller | None:
    """On a route without a transaction: one of its own, and only where a credential is shown."""
    credential = credential_of(request)
    if credential is None or credential.startswith(TOKEN_PREFIX):
        return None
    wiring = get_wiring(request)
    await prove_credential(request, wiring)
    async with wiring.database.transaction() as session:
        return await authenticated(request, wiring, session, credential)


Viewer = Annotated[str | None, Depends(get_viewer)]
SeesEverything = Annotated[bool, Depends(sees_everything)]


def kept_by(viewer: str | None, seconds: int) -> str:
    """`Cache-Control` of an answer that may hold what only this viewer sees."""
    return f"public, max-age={seconds}" if viewer is None else "private, no-store"
