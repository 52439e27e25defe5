"""Keys of the organisation."""

from mercato_cli.client.paths import segment
from mercato_cli.transport import Transport
from mercato_contracts.identity import KeyHoldRequest, KeyPage, KeyView, NewKeyAnswer, NewKeyRequest


class KeyCalls(Transport):
    """Keys of the organisation."""

    def make_key(self, request: NewKeyRequest) -> NewKeyAnswer:
        """Make a key; the answer has its text."""
        return self.ask(NewKeyAnswer, "POST", "/api/keys", request.model_dump(mode="json"))

    def hold_key(self, key_id: str, request: KeyHoldRequest) -> KeyView:
        """Empty lists lift the hold."""
        return self.ask(KeyView, "PUT", f"/api/keys/{segment(key_id)}/hold", request.model_dump(mode="json"))

    def list_keys(self) -> list[KeyView]:
        """Every key of the organisation."""
        return list(self.pages(KeyPage, "/api/keys"))

    def rotate_key(self, key_id: str, grace_seconds: int) -> NewKeyAnswer:
        """Replace a key; the answer is the successor with its text."""
        return self.ask(NewKeyAnswer, "POST", f"/api/keys/{segment(key_id)}/rotate", {"grace_seconds": grace_seconds})

    def revoke_key(self, key_id: str) -> None:
        """Revoke it, with immediate effect."""
        self.request("DELETE", f"/api/keys/{segment(key_id)}")
