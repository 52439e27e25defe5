"""Usage, and token counts that cannot be true."""

from typing import Any

from mercato_cli.client.paths import segment
from mercato_cli.transport import Transport
from mercato_contracts.calls import CallExplanation, CallPage, CallView
from mercato_contracts.figures import FiguresAgreementPage, SeriesAnswer, UsageAnomalyPage, UsageAnomalyView
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

    def series(self, query: dict[str, Any]) -> SeriesAnswer:
        """Figures over time."""
        return self.ask(SeriesAnswer, "GET", "/api/usage/series", query=query)

    def anomalies(self, query: dict[str, Any]) -> UsageAnomalyPage:
        """Unusual hours, the newest first."""
        return self.ask(UsageAnomalyPage, "GET", "/api/usage/anomalies", query=query)

    def call_normal(self, anomaly_id: str) -> UsageAnomalyView:
        """Mark an anomaly as normal: a repeat is not reported."""
        return self.ask(UsageAnomalyView, "POST", f"/api/usage/anomalies/{segment(anomaly_id)}/normal")

    def calls(self, query: dict[str, Any], most: int) -> list[CallView]:
        """The newest calls, up to a limit: a page may be short and still have a next one."""
        found: list[CallView] = []
        after: str | None = None
        while len(found) < most:
            asked = {**query, "after": after, "limit": min(most - len(found), 500)}
            page = self.ask(CallPage, "GET", "/api/usage/calls", query=asked)
            found += page.items
            after = page.next
            if after is None:
                break
        return found

    def call_detail(self, call_id: str) -> CallExplanation:
        """One call with all that explains it."""
        return self.ask(CallExplanation, "GET", f"/api/usage/calls/{segment(call_id)}")

    def agreements(self, query: dict[str, Any]) -> FiguresAgreementPage:
        """The newest day first."""
        return self.ask(FiguresAgreementPage, "GET", "/api/usage/agreement", query=query)

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
