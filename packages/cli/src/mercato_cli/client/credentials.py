"""Secrets that the vendor's own endpoints require."""

from mercato_cli.client.paths import segment
from mercato_cli.transport import Transport
from mercato_contracts.credentials import CredentialList, CredentialRequest, CredentialView


class CredentialCalls(Transport):
    """Secrets that the vendor's own endpoints require."""

    def list_credentials(self) -> CredentialList:
        """The organisation's credentials, without the secrets."""
        return self.ask(CredentialList, "GET", "/api/credentials")

    def put_credential(self, name: str, request: CredentialRequest) -> CredentialView:
        """Store a secret, or replace it."""
        body = request.model_dump(mode="json")
        return self.ask(CredentialView, "PUT", f"/api/credentials/{segment(name)}", body)

    def remove_credential(self, name: str) -> None:
        """Remove a secret that no callable release uses."""
        self.request("DELETE", f"/api/credentials/{segment(name)}")
