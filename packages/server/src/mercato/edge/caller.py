"""The caller of a request, as a dependency."""

from typing import Annotated

from fastapi import Depends, Request

from mercato.identity import Caller, NotSignedIn


def get_caller(request: Request) -> Caller:
    """Who is asking; raises `NotSignedIn` when nobody proved who they are."""
    caller: Caller | None = request.state.caller
    if caller is None:
        raise NotSignedIn("This request carries no key or access token.")
    return caller


SignedIn = Annotated[Caller, Depends(get_caller)]
