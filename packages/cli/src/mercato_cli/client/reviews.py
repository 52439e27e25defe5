"""Reviews of services by who called them."""

from typing import Any, Literal

from mercato_cli.client.paths import segment
from mercato_cli.transport import Transport
from mercato_contracts.reviews import ReviewPage, ReviewView


class ReviewCalls(Transport):
    """Reviews."""

    def list_reviews(self, vendor: str, name: str, query: dict[str, Any], *, hidden_too: bool) -> ReviewPage:
        """The newest first."""
        path = f"/api/services/{segment(vendor)}/{segment(name)}/reviews" + ("/all" if hidden_too else "")
        return self.ask(ReviewPage, "GET", path, query=query)

    def write_review(self, vendor: str, name: str, stars: int, words: str) -> ReviewView:
        """The organisation's review, new or changed."""
        path = f"/api/services/{segment(vendor)}/{segment(name)}/review"
        return self.ask(ReviewView, "PUT", path, {"stars": stars, "words": words})

    def own_review(self, vendor: str, name: str) -> ReviewView:
        """What the caller's organisation wrote."""
        return self.ask(ReviewView, "GET", f"/api/services/{segment(vendor)}/{segment(name)}/review")

    def remove_review(self, vendor: str, name: str) -> None:
        """The organisation's review is gone."""
        self.request("DELETE", f"/api/services/{segment(vendor)}/{segment(name)}/review")

    def answer_review(self, review_id: str, words: str) -> ReviewView:
        """The vendor's answer."""
        return self.ask(ReviewView, "PUT", f"/api/reviews/{segment(review_id)}/answer", {"words": words})

    def judge_review(self, review_id: str, verdict: Literal["hide", "show"], reason: str) -> ReviewView:
        """An operator hides a review, or shows it again."""
        return self.ask(ReviewView, "POST", f"/api/reviews/{segment(review_id)}/{verdict}", {"reason": reason})
