"""Service levels, alerts and status."""

from typing import Any

from mercato_cli.client.paths import segment
from mercato_cli.transport import Transport
from mercato_contracts.service_levels import AlertPage, ServiceLevelView, ServiceStatusView, StatusEntry, StatusList


class ServiceLevelCalls(Transport):
    """Service levels, alerts and status."""

    def service_level(self, vendor: str, name: str) -> ServiceLevelView:
        """The promised and measured levels of a service."""
        return self.ask(ServiceLevelView, "GET", f"/api/services/{segment(vendor)}/{segment(name)}/sla")

    def alerts(self, query: dict[str, Any]) -> AlertPage:
        """List alerts, newest first."""
        return self.ask(AlertPage, "GET", "/api/alerts", query=query)

    def status(self) -> list[StatusEntry]:
        """The status of every listed service."""
        return list(self.pages(StatusList, "/api/status"))

    def service_status(self, vendor: str, name: str) -> ServiceStatusView:
        """One service, day by day."""
        return self.ask(ServiceStatusView, "GET", f"/api/status/{segment(vendor)}/{segment(name)}")
