"""Single sign-on: the organisation's identity provider, and the caller's account at it."""

from typing import Any

from mercato_cli.client.paths import segment
from mercato_cli.transport import Transport
from mercato_contracts.sso import (
    ProviderOfAnyone,
    ProviderOfAnyonePage,
    ProviderView,
    SsoAccountPage,
    SsoAccountView,
    SsoBegun,
    SsoFinished,
)


class SsoCalls(Transport):
    """Single sign-on."""

    def show_provider(self) -> ProviderView:
        """Without its secret."""
        return self.ask(ProviderView, "GET", "/api/sso")

    def list_providers(self) -> list[ProviderOfAnyone]:
        """Of every organisation; for operators."""
        return list(self.pages(ProviderOfAnyonePage, "/api/marketplace/sso"))

    def set_provider(self, settings: dict[str, Any]) -> ProviderView:
        """Needs a recent proof."""
        return self.ask(ProviderView, "PUT", "/api/sso", settings)

    def remove_provider(self) -> None:
        """Needs a recent proof."""
        self.request("DELETE", "/api/sso")

    def switch_passwords(self, *, allowed: bool) -> ProviderView:
        """Needs a recent proof."""
        return self.ask(ProviderView, "PUT", "/api/sso/passwords", {"allowed": allowed})

    def list_sso_accounts(self) -> list[SsoAccountView]:
        """Who is linked to which account."""
        return list(self.pages(SsoAccountPage, "/api/sso/accounts"))

    def unlink_account(self, user_id: str) -> None:
        """Their next sign-in through the provider counts as the first."""
        self.request("DELETE", f"/api/users/{segment(user_id)}/sso-account")

    def begin_link(self) -> SsoBegun:
        """Needs a recent proof."""
        return self.ask(SsoBegun, "POST", "/api/sso/links")

    def begin_proof(self) -> SsoBegun:
        """Renews the session's proof."""
        return self.ask(SsoBegun, "POST", "/api/sso/proofs")

    def finish_sso(self, answer: dict[str, str]) -> SsoFinished:
        """What the provider sent back, with the binding."""
        return self.ask(SsoFinished, "POST", "/api/sso/answers", answer)
