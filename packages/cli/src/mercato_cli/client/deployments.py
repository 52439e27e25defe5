"""Deployments: links, heartbeats and their tokens."""

from urllib.parse import urlencode

from mercato_cli.client.paths import segment
from mercato_cli.transport import Transport
from mercato_contracts.deployments import (
    ACCESS_TOKEN,
    TOKEN_EXCHANGE,
    DeploymentList,
    DeploymentTokenPage,
    DeploymentTokenView,
    DeploymentView,
    HeartbeatReceipt,
    TokenAnswer,
)


class DeploymentCalls(Transport):
    """Deployments: links, heartbeats and their tokens."""

    def list_deployments(self) -> list[DeploymentView]:
        """Every deployment of the organisation."""
        return self.ask(DeploymentList, "GET", "/api/deployments").items

    def deployment(self, deployment_id: str) -> DeploymentView:
        """One of them."""
        return self.ask(DeploymentView, "GET", f"/api/deployments/{segment(deployment_id)}")

    def link_deployment(self, deployment_id: str, public_key: str, interval_seconds: int) -> DeploymentView:
        """Link the deployment to the key that it signs with."""
        body = {"public_key": public_key, "interval_seconds": interval_seconds}
        return self.ask(DeploymentView, "PUT", f"/api/deployments/{segment(deployment_id)}/link", body)

    def send_heartbeat(self, body: bytes, signature: str, credential: str) -> HeartbeatReceipt:
        """Send a heartbeat; `body` is sent exactly as signed."""
        headers = {"Mercato-Signature": signature, "content-type": "application/json"}
        sent = self.request("POST", "/api/heartbeats", content=body, headers=headers, credential=credential)
        return self.read(HeartbeatReceipt, "/api/heartbeats", sent)

    def exchange_token(self, deployment_id: str, scopes: list[str], seconds: int | None) -> TokenAnswer:
        """A token of this deployment for the profile's vendor key."""
        form = {
            "grant_type": TOKEN_EXCHANGE,
            "subject_token": self._profile.credential,
            "subject_token_type": ACCESS_TOKEN,
            "audience": deployment_id,
        }
        form |= {"scope": " ".join(scopes)} if scopes else {}
        form |= {"expires_in": str(seconds)} if seconds is not None else {}
        headers = {"content-type": "application/x-www-form-urlencoded"}
        sent = self.request("POST", "/api/oauth/token", content=urlencode(form).encode(), headers=headers)
        return self.read(TokenAnswer, "/api/oauth/token", sent)

    def list_tokens(self, deployment_id: str) -> list[DeploymentTokenView]:
        """Every token of the deployment."""
        path = f"/api/deployments/{segment(deployment_id)}/tokens"
        return list(self.pages(DeploymentTokenPage, path))

    def revoke_token(self, token_id: str) -> None:
        """Revoke it, with immediate effect."""
        self.request("DELETE", f"/api/deployment-tokens/{segment(token_id)}")
