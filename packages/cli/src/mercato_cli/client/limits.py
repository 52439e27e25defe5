"""Caps of the organisation, its services and its keys."""

from typing import Any

from mercato_cli.client.paths import segment
from mercato_cli.transport import Transport
from mercato_contracts.metering import BudgetList, BudgetRequest, BudgetView


class LimitCalls(Transport):
    """Caps of the organisation, its services and its keys."""

    def list_limits(self) -> list[BudgetView]:
        """Every cap that the organisation set: on itself, its services and its keys."""
        return self.ask(BudgetList, "GET", "/api/budgets").items

    def put_limit(self, **terms: Any) -> BudgetView:
        """Set or change a cap; the terms are those of `BudgetRequest`."""
        return self.ask(BudgetView, "PUT", "/api/budgets", BudgetRequest(**terms).model_dump(mode="json"))

    def drop_limit(self, scope: str) -> None:
        """Remove the cap."""
        self.request("DELETE", f"/api/budgets/{segment(scope)}")
