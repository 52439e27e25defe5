"""Service accounts of the organisation."""

from mercato_cli.client.paths import segment
from mercato_cli.transport import Transport
from mercato_contracts.service_accounts import (
    NewServiceAccountRequest,
    ServiceAccountPage,
    ServiceAccountView,
)

_PATH = "/api/service-accounts"


class ServiceAccountCalls(Transport):
    """Service accounts of the organisation."""

    def list_service_accounts(self) -> list[ServiceAccountView]:
        """The oldest first."""
        return list(self.pages(ServiceAccountPage, _PATH))

    def make_service_account(self, request: NewServiceAccountRequest) -> ServiceAccountView:
        """Needs a recent proof."""
        return self.ask(ServiceAccountView, "POST", _PATH, request.model_dump(mode="json"))

    def show_service_account(self, account_id: str) -> ServiceAccountView:
        """One of them."""
        return self.ask(ServiceAccountView, "GET", f"{_PATH}/{segment(account_id)}")

    def set_service_account_rights(self, account_id: str, rights: list[str]) -> ServiceAccountView:
        """Needs a recent proof."""
        return self.ask(ServiceAccountView, "PUT", f"{_PATH}/{segment(account_id)}/rights", {"rights": rights})

    def disable_service_account(self, account_id: str) -> ServiceAccountView:
        """With all its keys, at once."""
        return self.ask(ServiceAccountView, "POST", f"{_PATH}/{segment(account_id)}/disable")

    def enable_service_account(self, account_id: str) -> ServiceAccountView:
        """Needs a recent proof."""
        return self.ask(ServiceAccountView, "POST", f"{_PATH}/{segment(account_id)}/enable")
