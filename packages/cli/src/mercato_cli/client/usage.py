"""Usage, and token counts that cannot be true."""

from typing import Any

from mercato_cli.client.paths import segment
from mercato_cli.transport import Transport
from mercato_contracts.metering import (
    DoubtedCallsList,
    UsageAnswer,
    UsageReviewDecision,
    UsageReviewPage,
    UsageReviewView,
)


class UsageCalls(Transport):
    """Usage, and token counts that cannot be true."""

    def usage(self, query: dict[str, Any]) -> UsageAnswer:
        """Sums by group and totals."""
        return self.ask(UsageAnswer, "GET", "/api/usage", query=query)

    def doubted_calls(self, query: dict[str, Any]) -> DoubtedCallsList:
        """Calls whose counts cannot be true, by day, service and reason."""
        return self.ask(DoubtedCallsList, "GET", "/api/usage/doubted", query=query)

    def usage_reviews(self, query: dict[str, Any]) -> UsageReviewPage:
        """List alerts, newest first."""
        return self.ask(UsageReviewPage, "GET", "/api/usage/reviews", query=query)

    def decide_usage_review(self, review_id: str, decision: UsageReviewDecision) -> UsageReviewView:
        """Hold or clear the service."""
        path = f"/api/usage/reviews/{segment(review_id)}/decision"
        return self.ask(UsageReviewView, "POST", path, decision.model_dump(mode="json"))
