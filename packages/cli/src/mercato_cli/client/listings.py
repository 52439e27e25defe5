"""Listings beside search: suggestions, what is similar, comparisons, categories, vendors, figures, rankings."""

from typing import Any

from mercato_cli.client.paths import segment
from mercato_cli.transport import Transport
from mercato_contracts.feedback import FeedbackFigures
from mercato_contracts.listings import (
    CategoryList,
    ComparisonAnswer,
    MeasuredSeries,
    RankingAnswer,
    RecommendAnswer,
    SimilarAnswer,
    SuggestAnswer,
    TrendingAnswer,
    VendorView,
)


class ListingCalls(Transport):
    """Listings beside search."""

    def give_feedback(self, query: str, service: str, position: int, verdict: str) -> None:
        """What was found of a result."""
        body = {"query": query, "service": service, "position": position, "verdict": verdict}
        self.request("POST", "/api/feedback", body)

    def feedback_figures(self) -> FeedbackFigures:
        """How far down answers people find what they look for."""
        return self.ask(FeedbackFigures, "GET", "/api/feedback")

    def suggest(self, typed: str, limit: int) -> SuggestAnswer:
        """What somebody may mean who has typed a beginning."""
        return self.ask(SuggestAnswer, "GET", "/api/suggest", query={"q": typed, "limit": limit})

    def similar(self, vendor: str, name: str, limit: int) -> SimilarAnswer:
        """Services that are like this one."""
        path = f"/api/services/{segment(vendor)}/{segment(name)}/similar"
        return self.ask(SimilarAnswer, "GET", path, query={"limit": limit})

    def compare(self, names: list[str], currency: str) -> ComparisonAnswer:
        """Up to four services side by side."""
        return self.ask(ComparisonAnswer, "GET", "/api/compare", query={"service": names, "currency": currency})

    def categories(self) -> CategoryList:
        """Every task with services."""
        return self.ask(CategoryList, "GET", "/api/categories")

    def vendor(self, slug: str) -> VendorView:
        """A vendor as everybody sees it."""
        return self.ask(VendorView, "GET", f"/api/vendors/{segment(slug)}")

    def measured(self, vendor: str, name: str, query: dict[str, Any]) -> MeasuredSeries:
        """How a service did, step by step."""
        path = f"/api/services/{segment(vendor)}/{segment(name)}/measured"
        return self.ask(MeasuredSeries, "GET", path, query=query)

    def trending(self, task: str | None, limit: int) -> TrendingAnswer:
        """What rises most."""
        return self.ask(TrendingAnswer, "GET", "/api/trending", query={"task": task, "limit": limit})

    def recommend(self, limit: int) -> RecommendAnswer:
        """What the organisation may want next."""
        return self.ask(RecommendAnswer, "GET", "/api/recommend", query={"limit": limit})

    def rankings(self, by: str, limit: int) -> RankingAnswer:
        """A ranking with its rule."""
        return self.ask(RankingAnswer, "GET", "/api/rankings", query={"by": by, "limit": limit})
