"""Services: search, the catalogue, canaries."""

from typing import Any, Literal

from mercato_cli.client.paths import segment
from mercato_cli.transport import Transport
from mercato_contracts.catalog import CatalogModel, CatalogPage
from mercato_contracts.discovery import SearchAnswer
from mercato_contracts.publishing import (
    CanaryPage,
    CanaryRequest,
    CanaryView,
    ReleaseDiffView,
    ReleaseView,
    ServiceView,
)


class ServiceCalls(Transport):
    """Services: search, the catalogue, canaries."""

    def search(self, query: dict[str, Any]) -> SearchAnswer:
        """Services by plain words and filters."""
        return self.ask(SearchAnswer, "GET", "/api/search", query=query)

    def service(self, vendor: str, name: str) -> ServiceView:
        """A service with its releases and plans."""
        return self.ask(ServiceView, "GET", f"/api/services/{segment(vendor)}/{segment(name)}")

    def list_services(self) -> list[CatalogModel]:
        """Every listed service, the oldest first."""
        items: list[CatalogModel] = []
        after: str | None = None
        while True:
            page = self.ask(CatalogPage, "GET", "/api/catalog", query={"after": after})
            items += page.items
            if page.next is None:
                return items
            after = page.next

    def diff_releases(self, vendor: str, name: str, first: str, second: str) -> ReleaseDiffView:
        """What changed from the lower version to the higher one."""
        path = f"/api/services/{segment(vendor)}/{segment(name)}/diff"
        return self.ask(ReleaseDiffView, "GET", path, query={"from": first, "to": second})

    def end_release(
        self, vendor: str, name: str, version: str, ending: Literal["deprecate", "yank"], reason: str
    ) -> ReleaseView:
        """Deprecate or yank a release; the answer is the changed release."""
        path = f"/api/services/{segment(vendor)}/{segment(name)}/releases/{segment(version)}/{ending}"
        return self.ask(ReleaseView, "POST", path, {"reason": reason})

    def withdraw_service(self, vendor: str, name: str) -> None:
        """Withdraw a service from the catalogue."""
        self.request("POST", f"/api/services/{segment(vendor)}/{segment(name)}/withdraw")

    def start_canary(self, vendor: str, name: str, request: CanaryRequest) -> CanaryView:
        """Start a canary."""
        return self.ask(CanaryView, "POST", _canaries(vendor, name), request.model_dump(mode="json"))

    def list_canaries(self, vendor: str, name: str) -> list[CanaryView]:
        """The newest fifty, newest first."""
        return self.ask(CanaryPage, "GET", _canaries(vendor, name)).items

    def end_canary(self, vendor: str, name: str, ending: Literal["promote", "abort"], reason: str) -> CanaryView:
        """End the running canary; the answer has its figures."""
        return self.ask(CanaryView, "POST", f"{_canaries(vendor, name)}/{ending}", {"reason": reason})


def _canaries(vendor: str, name: str) -> str:
    return f"/api/services/{segment(vendor)}/{segment(name)}/canaries"
