"""Being in several organisations."""

from mercato_cli.client.paths import segment
from mercato_cli.transport import Transport
from mercato_contracts.memberships import MemberPage, MemberView, PlaceList, PlaceView


class OrganisationCalls(Transport):
    """The organisations that one is in, and who of others is in one's own."""

    def list_places(self) -> list[PlaceView]:
        """One's own first."""
        return self.ask(PlaceList, "GET", "/api/me/organisations").items

    def use_organisation(self, slug: str) -> PlaceView:
        """From the next request on."""
        return self.ask(PlaceView, "PUT", "/api/me/organisation", {"organisation": slug})

    def accept_membership(self, token: str) -> PlaceView:
        """By an invitation's link."""
        return self.ask(PlaceView, "POST", "/api/me/memberships", {"token": token})

    def list_members(self) -> list[MemberView]:
        """People of other organisations who are in one's own."""
        return list(self.pages(MemberPage, "/api/members"))

    def end_membership(self, user_id: str) -> None:
        """Needs a recent proof."""
        self.request("DELETE", f"/api/members/{segment(user_id)}")
