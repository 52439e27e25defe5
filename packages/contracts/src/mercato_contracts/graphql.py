"""What GraphQL is asked with, and what it answers."""

from typing import Any

from pydantic import Field

from mercato_contracts.wire import Wire


class GraphqlRequest(Wire):
    """A document, and the values of its variables."""

    query: str = Field(
        min_length=1, max_length=20_000, examples=["{ services(first: 10) { items { name latestVersion } next } }"]
    )
    variables: dict[str, Any] | None = None
    operation_name: str | None = Field(default=None, alias="operationName", max_length=200)
    extensions: dict[str, Any] | None = Field(default=None, description="Not looked at; clients send it.")


class GraphqlError(Wire):
    """A refusal: `extensions` has its stable `code`, its `status` and what to do."""

    message: str
    path: list[str | int] | None = None
    locations: list[dict[str, int]] | None = None
    extensions: dict[str, Any]


class GraphqlAnswer(Wire):
    """What was asked for, and what was refused of it."""

    data: dict[str, Any] | None
    errors: list[GraphqlError] | None = None
