"""What people found of the results that a search showed them."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from mercato_contracts.wire import Count, Wire

FeedbackVerdict = Literal["opened", "useful", "not_useful"]
_NAME = r"^[a-z0-9][a-z0-9-]{0,62}/[a-z0-9][a-z0-9-]{0,62}$"


class FeedbackRequest(Wire):
    """What somebody found of one result. Sent again for the same words and service, it replaces the earlier verdict."""

    query: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)] = Field(
        description="The words that were searched for; the first 200 characters are kept"
    )
    service: Annotated[str, StringConstraints(pattern=_NAME)] = Field(description="The result, `vendor/name`")
    position: int = Field(ge=1, le=200, description="Where it stood in the answer, from 1")
    verdict: FeedbackVerdict = Field(
        description="`opened`: its page was opened; `useful` or `not_useful`: the verdict on it"
    )


class FeedbackPosition(Wire):
    """What was found of the results that stood in one place."""

    position: int = Field(description="The place in the answer, from 1")
    opened: Count = Field(description="Results that were opened, and not judged")
    useful: Count = Field(description="Results that were called useful")
    not_useful: Count = Field(description="Results that were called not useful")


class FeedbackFigures(Wire):
    """How far down answers people find what they look for."""

    since: datetime = Field(description="Feedback from this moment on is counted, UTC")
    queries: Count = Field(description="Different words that feedback was given on")
    taken: Count = Field(description="Results that were opened or called useful")
    not_useful: Count = Field(description="Results that were called not useful")
    reciprocal_rank_bp: int | None = Field(
        description="Mean of one divided by the best place taken, over all queries, in ten thousandths; null: no query"
    )
    positions: list[FeedbackPosition] = Field(description="By place, the first twenty")
