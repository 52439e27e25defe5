"""Provisioning by the organisation's identity provider (SCIM 2.0): its tokens, and what its groups mean."""

from typing import Any

from mercato_cli.client.paths import segment
from mercato_cli.transport import Transport
from mercato_contracts.scim import (
    NewScimTokenAnswer,
    NewScimTokenRequest,
    ScimSettingsView,
    ScimTokenPage,
    ScimTokenView,
)


class ScimCalls(Transport):
    """Provisioning."""

    def show_scim(self) -> ScimSettingsView:
        """The address for the provider, and the roles of groups."""
        return self.ask(ScimSettingsView, "GET", "/api/scim")

    def set_scim(self, settings: dict[str, Any]) -> ScimSettingsView:
        """Needs a recent proof."""
        return self.ask(ScimSettingsView, "PUT", "/api/scim", settings)

    def list_scim_tokens(self) -> list[ScimTokenView]:
        """Without their texts."""
        return list(self.pages(ScimTokenPage, "/api/scim/tokens"))

    def make_scim_token(self, request: NewScimTokenRequest) -> NewScimTokenAnswer:
        """Needs a recent proof; the text is shown once."""
        return self.ask(NewScimTokenAnswer, "POST", "/api/scim/tokens", request.model_dump(mode="json"))

    def revoke_scim_token(self, token_id: str) -> None:
        """Needs a recent proof."""
        self.request("DELETE", f"/api/scim/tokens/{segment(token_id)}")
