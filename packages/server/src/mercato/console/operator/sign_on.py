"""Single sign-on of every organisation, as operators see it."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Response

from mercato.api import sso as api
from mercato.console.routes import page_router
from mercato.console.visit import SignedIn
from mercato_contracts.sso import ProviderOfAnyonePage

router = page_router()


@dataclass(frozen=True, slots=True)
class SignOnPage:
    """Providers by organisation."""

    found: ProviderOfAnyonePage
    first: str
    next: str


@router.get("/ops/sso")
async def show_sign_on(
    visit: SignedIn, found: Annotated[ProviderOfAnyonePage, Depends(api.list_providers)]
) -> Response:
    """Which have worked, and where passwords still count."""
    page = SignOnPage(found, visit.here.first(), visit.here.on("after", found.next))
    return visit.show("operator/sso.html", page)
