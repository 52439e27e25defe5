"""What GraphQL is asked with, and what it answers."""

from typing import Any

from pydantic import Field

from mercato_contracts.wire import Wire


class GraphqlRequest(Wire):
    """A document, and the values of its variables."""

    query: str = Field(
        min_length=1,
        max_length=20_000,
        examples=["{ services(first: 10) { items { name latestVersion } next } }"],
        description="The document, 1 to 20,000 characters",
    )
    variables: dict[str, Any] | None = Field(default=None, description="The values of its variables")
    operation_name: str | None = Field(
        default=None,
        alias="operationName",
        max_length=200,
        description="Which operation of the document, where it has several",
    )
    extensions: dict[str, Any] | None = Field(default=None, description="Not looked at; clients send it.")


class GraphqlError(Wire):
    """A refusal: `extensions` has its stable `code`, its `status` and what to do."""

    message: str = Field(description="What is wrong, in one sentence")
    path: list[str | int] | None = Field(
        default=None, description="Where in the answer; null where it concerns the whole document"
    )
    locations: list[dict[str, int]] | None = Field(
        default=None, description="Where in the document: `line` and `column`, from 1"
    )
    extensions: dict[str, Any] = Field(description="The stable `code`, the HTTP `status`, and what to do next")


class GraphqlAnswer(Wire):
    """What was asked for, and what was refused of it."""

    data: dict[str, Any] | None = Field(description="What was asked for; null when the document was refused")
    errors: list[GraphqlError] | None = Field(default=None, description="What was refused; left out when nothing was")
