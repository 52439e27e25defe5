"""Health of the marketplace's own services."""

from mercato_cli.client.paths import segment
from mercato_cli.transport import Transport
from mercato_contracts.health import HealthChangePage, HealthHistory, HealthView


class HealthCalls(Transport):
    """Health of the marketplace's own services."""

    def health(self) -> HealthView:
        """Every service, as last probed."""
        return self.ask(HealthView, "GET", "/api/health")

    def health_history(self, service: str, step: str, since: str | None) -> HealthHistory:
        """The spans in which it was probed."""
        path = f"/api/health/{segment(service)}/history"
        return self.ask(HealthHistory, "GET", path, query={"step": step, "since": since})

    def health_changes(self, service: str | None, limit: int) -> HealthChangePage:
        """The newest first."""
        return self.ask(HealthChangePage, "GET", "/api/health/changes", query={"service": service, "limit": limit})
