"""Organisations as operators see them, and what administrators decide about people."""

from mercato_cli.client.paths import segment
from mercato_cli.transport import Transport
from mercato_contracts.identity import OrganisationView, UserView
from mercato_contracts.standing import OrganisationPage, RightsView


class StandingCalls(Transport):
    """Organisations as operators see them, and what administrators decide about people."""

    def list_organisations(self, state: str | None, named: str | None) -> list[OrganisationView]:
        """The oldest first."""
        return list(self.pages(OrganisationPage, "/api/organisations", {"standing": state, "named": named}))

    def show_organisation(self, slug: str) -> OrganisationView:
        """One organisation."""
        return self.ask(OrganisationView, "GET", f"/api/organisations/{segment(slug)}")

    def suspend_organisation(self, slug: str, reason: str) -> OrganisationView:
        """Suspend it: its calls stop within a second."""
        return self.ask(OrganisationView, "POST", f"/api/organisations/{segment(slug)}/suspend", {"reason": reason})

    def reinstate_organisation(self, slug: str, reason: str) -> OrganisationView:
        """Reinstate it: its keys work again."""
        return self.ask(OrganisationView, "POST", f"/api/organisations/{segment(slug)}/reinstate", {"reason": reason})

    def verify_organisation(self, slug: str, *, verified: bool, reason: str) -> OrganisationView:
        """Set whether the operator vouches for it."""
        body = {"verified": verified, "reason": reason}
        return self.ask(OrganisationView, "PUT", f"/api/organisations/{segment(slug)}/verification", body)

    def change_role(self, user_id: str, role: str) -> UserView:
        """Change a role, from the person's next request on."""
        return self.ask(UserView, "PUT", f"/api/users/{segment(user_id)}/role", {"role": role})

    def disable_user(self, user_id: str, *, keep_keys: bool) -> UserView:
        """Disable a person: their sessions end now."""
        return self.ask(UserView, "POST", f"/api/users/{segment(user_id)}/disable", {"keep_keys": keep_keys})

    def enable_user(self, user_id: str) -> UserView:
        """Enable a person again."""
        return self.ask(UserView, "POST", f"/api/users/{segment(user_id)}/enable")

    def rights(self) -> RightsView:
        """What each role may do."""
        return self.ask(RightsView, "GET", "/api/roles")
