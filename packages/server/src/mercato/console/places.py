"""The organisations that a person is in: choosing the one that this browser acts in, and joining another."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import Request, Response

from mercato.api.memberships import MembershipDesk
from mercato.console.forms import Form
from mercato.console.routes import page_router
from mercato.console.visit import SignedIn
from mercato.edge.letters import InvitationDesk
from mercato.identity import Place
from mercato.platform import Refusal

router = page_router()


@dataclass(frozen=True, slots=True)
class PlacesPage:
    """All of them, the person's own first."""

    places: Sequence[Place]


@router.get("/organisations")
async def list_places(visit: SignedIn, desk: MembershipDesk) -> Response:
    """Where the person may act."""
    return visit.show("places.html", PlacesPage(await desk.places(visit.caller)))


@router.post("/organisations")
async def use_organisation(request: Request, visit: SignedIn, desk: MembershipDesk) -> Response:
    """This browser's session acts there from now on."""
    try:
        place = await desk.use(visit.caller, (await Form.of(request)).get("organisation")[:63])
    except Refusal as refusal:
        return visit.show("places.html", PlacesPage(await desk.places(visit.caller)), refusal=refusal)
    visit.made(place.organisation.id)
    return visit.go("/home")


@router.post("/join/{token}/as-member")
async def accept_membership(token: str, visit: SignedIn, desk: MembershipDesk, invitations: InvitationDesk) -> Response:
    """Whoever has an account joins with it."""
    try:
        await desk.accept(visit.caller, invitations, token)
    except Refusal as refusal:
        return visit.show("link_refused.html", None, refusal=refusal)
    return visit.go("/organisations")
