"""Reviews of services by organisations that called them."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from mercato_contracts.wire import Wire

ReviewWords = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2_000)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)]


class ReviewRequest(Wire):
    """What the organisation says of a service that it called. Sent again, it replaces what it said."""

    stars: int = Field(ge=1, le=5)
    words: ReviewWords = ""


class ReviewAnswerRequest(Wire):
    """The vendor's answer. Sent again, it replaces the one before."""

    words: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000)]


class ReviewHideRequest(Wire):
    """Why an operator hides or shows a review; it stands in the audit log."""

    reason: Reason


class ReviewView(Wire):
    """A review. Hidden ones are listed for operators only."""

    id: str
    organisation: str = Field(description="The name in addresses of who wrote it")
    stars: int
    words: str
    written_at: datetime
    changed_at: datetime
    answer: str | None
    answered_at: datetime | None
    hidden_for: str | None = Field(description="Why an operator hid it; null where it is shown")


class ReviewPage(Wire):
    """The newest first."""

    items: list[ReviewView]
    next: str | None
