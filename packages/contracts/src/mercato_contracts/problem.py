"""The shape of a refusal: RFC 9457 `application/problem+json`, with a stable code and what to do next."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

MEDIA_TYPE = "application/problem+json"


class FieldError(BaseModel):
    """One thing wrong with the request, and where: `field` is a path such as `plans.0.price.per_call`."""

    model_config = ConfigDict(frozen=True)

    field: str
    code: str
    message: str


class Problem(BaseModel):
    """A refusal. `code` never changes its meaning; `detail` is one sentence that a person can act on."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: str = Field(description="`urn:mercato:problem:` and the code")
    title: str
    status: int
    code: str
    detail: str
    fix: str = Field(default="", description="What to do next")
    errors: list[FieldError] = []
    facts: dict[str, Any] = {}
    request_id: str | None = None
