"""The shape of a refusal: RFC 9457 `application/problem+json`, with a stable code and what to do next."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

MEDIA_TYPE = "application/problem+json"


class FieldError(BaseModel):
    """One thing wrong with the request, and where: `field` is a path such as `plans.0.price.per_call`."""

    model_config = ConfigDict(frozen=True)

    field: str = Field(description="The path of the field, such as `plans.0.price.per_call`")
    code: str = Field(description="A stable code for what is wrong")
    message: str = Field(description="What is wrong, in one sentence")


class Problem(BaseModel):
    """A refusal. `code` never changes its meaning; `detail` is one sentence that a person can act on."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: str = Field(description="`urn:mercato:problem:` and the code")
    title: str = Field(description="What the code means, in a few words")
    status: int = Field(description="The HTTP status")
    code: str = Field(description="The stable code")
    detail: str = Field(description="What is wrong, in one sentence")
    fix: str = Field(default="", description="What to do next")
    errors: list[FieldError] = Field(
        default=[], description="What is wrong with single fields; empty where it is not about fields"
    )
    facts: dict[str, Any] = Field(default={}, description="What a program needs to know of it, by name")
    request_id: str | None = Field(default=None, description="The id of the request, `req_…`, as it stands in the logs")
