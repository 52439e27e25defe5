"""Reviews of services by organisations that called them."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from mercato_contracts.wire import Wire

ReviewWords = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2_000)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)]


class ReviewRequest(Wire):
    """An organisation's review of a service that it called. Sent again, it replaces the earlier one."""

    stars: int = Field(ge=1, le=5, description="1 to 5")
    words: ReviewWords = Field(default="", description="The text of the review, at most 2,000 characters")


class ReviewAnswerRequest(Wire):
    """The vendor's answer. Sent again, it replaces the one before."""

    words: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000)] = Field(
        description="The text of the review, at most 2,000 characters"
    )


class ReviewHideRequest(Wire):
    """Why an operator hides or shows a review; it stands in the audit log."""

    reason: Reason = Field(description="Why; it stands in the audit log")


class ReviewView(Wire):
    """A review. Hidden ones are listed for operators only."""

    id: str = Field(description="The review's id")
    organisation: str = Field(description="The name in addresses of who wrote it")
    stars: int = Field(description="1 to 5")
    words: str = Field(description="The text of the review, at most 2,000 characters")
    written_at: datetime = Field(description="When it was first written, UTC")
    changed_at: datetime = Field(description="When it was last changed, UTC")
    answer: str | None = Field(description="The vendor's answer; null: none yet")
    answered_at: datetime | None = Field(description="When the vendor answered, UTC")
    hidden_for: str | None = Field(description="Why an operator hid it; null where it is shown")


class ReviewPage(Wire):
    """The newest first."""

    items: list[ReviewView] = Field(description="The rows, in order")
    next: str | None = Field(description="`before` of the next page; null on the last one")
