"""Privacy: copies of what is known, erasure of people, legal holds."""

import httpx

from mercato_cli.client.paths import segment
from mercato_cli.errors import Exit, MpError
from mercato_cli.transport import Transport
from mercato_cli.web import open_client, unreachable
from mercato_contracts.privacy import ErasurePage, ErasureView, HoldPage, HoldView, PersonExportView, RetentionView


class PrivacyCalls(Transport):
    """Privacy: copies of what is known, erasure of people, legal holds."""

    def erase_person(self, person: str) -> ErasureView:
        """Erase a person: access ends now, the rest is done within minutes."""
        return self.ask(ErasureView, "POST", "/api/privacy/erasures", {"person": person})

    def list_erasures(self) -> list[ErasureView]:
        """The newest first."""
        return list(self.pages(ErasurePage, "/api/privacy/erasures", cursor="before"))

    def show_erasure(self, erasure_id: str) -> ErasureView:
        """The erasure and its counts."""
        return self.ask(ErasureView, "GET", f"/api/privacy/erasures/{segment(erasure_id)}")

    def export_person(self, person: str) -> PersonExportView:
        """Request a copy of what is stored about a person; it is ready within minutes."""
        return self.ask(PersonExportView, "POST", "/api/privacy/exports", {"person": person})

    def show_person_export(self, export_id: str) -> PersonExportView:
        """With a link once it is ready."""
        return self.ask(PersonExportView, "GET", f"/api/privacy/exports/{segment(export_id)}")

    def read_copy(self, url: str) -> bytes:
        """The file behind the link of a copy; no credential goes there. Raises `MpError`."""
        with open_client(url, timeout=60.0) as client:
            try:
                answer = client.get(url)
            except httpx.RequestError as error:
                raise unreachable(url, error, 60.0) from None
        if answer.status_code != 200:
            fix = "Run `mp privacy fetch` again for a fresh link."
            raise MpError("The file could not be fetched.", fix, Exit.UNREACHABLE)
        return answer.content

    def retention(self, *, count: bool) -> RetentionView:
        """How long rows of each kind are kept; with `count` how many would go now."""
        return self.ask(RetentionView, "GET", "/api/privacy/retention", query={"count": "true" if count else None})

    def place_hold(self, person: str, reason: str) -> HoldView:
        """Place a legal hold: the person is not erased while it is in force."""
        return self.ask(HoldView, "PUT", f"/api/privacy/holds/{segment(person)}", {"reason": reason})

    def lift_hold(self, person: str) -> HoldView:
        """Lift a legal hold."""
        return self.ask(HoldView, "DELETE", f"/api/privacy/holds/{segment(person)}")

    def list_holds(self) -> list[HoldView]:
        """The newest first, lifted ones too."""
        return list(self.pages(HoldPage, "/api/privacy/holds", cursor="before"))
