"""Puts the document together."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts

from mercato.edge.document.access import SCHEMES, requirement, sentence
from mercato.edge.document.answers import (
    HEADERS,
    IDEMPOTENCY_KEY,
    SUCCESS_FIELDS,
    codes_of,
    problem_examples,
    problems,
)
from mercato.edge.document.examples import Examples
from mercato.edge.document.parameters import describe_parameters
from mercato.edge.document.routes import facts_of
from mercato.edge.document.shared import share_answers
from mercato.edge.document.tags import DESCRIPTION, TAGS
from mercato.edge.route import TransactionalRoute
from mercato_contracts.deployments import Heartbeat
from mercato_contracts.problem import Problem
from mercato_contracts.signals import SignalWrite, SignalWriteBatch

_SCHEMAS = "#/components/schemas/"
_READ_BY_HAND = (Problem, Heartbeat, SignalWrite, SignalWriteBatch)
"""Messages that no parameter of a route names: problems, and bodies whose exact bytes are signed."""


def operation_id(route: APIRoute) -> str:
    """The name of the route's function: stable as long as the function keeps it, and the same in every role."""
    return route.name


def install_document(app: FastAPI) -> None:
    """Let the application serve this document; it is built at the first request."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = build_document(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to extend a document


def build_document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI 3.1 document of the application's routes."""
    document = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        routes=app.routes,
    )
    document["servers"] = [{"url": "/", "description": "The marketplace that serves this document"}]
    document["security"] = [{name: []} for name in SCHEMES]
    components = document.setdefault("components", {})
    components["securitySchemes"] = SCHEMES
    components["headers"] = HEADERS
    components["parameters"] = {"Idempotency-Key": IDEMPOTENCY_KEY}
    _add_schemas(components.setdefault("schemas", {}))
    transactional = set(_transactional(app))
    codes: set[str] = set()
    for _, method, operation in operations(document):
        codes |= _complete(operation, method, transactional=operation["operationId"] in transactional)
    examples = Examples(components["schemas"])
    for _, _, operation in operations(document):
        examples.add_to(operation)
    components["examples"] = problem_examples(codes)
    components["responses"] = share_answers(operation for _, _, operation in operations(document))
    used = {tag for _, _, operation in operations(document) for tag in operation["tags"]}
    document["tags"] = [tag for tag in TAGS if tag["name"] in used]
    return document


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Path, method and operation, in the document's order."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def _transactional(app: FastAPI) -> Iterator[str]:
    for context in iter_route_contexts(app.routes):
        if isinstance(context.original_route, TransactionalRoute) and context.name is not None:
            yield context.name


def _complete(operation: dict[str, Any], method: str, *, transactional: bool) -> frozenset[str]:
    """Add what the routers do not declare; the codes that the operation may answer."""
    name = operation["operationId"]
    facts = facts_of(name)
    describe_parameters(operation)
    codes = codes_of(operation, method, facts, transactional=transactional)
    operation["security"] = requirement(name, facts)
    operation["description"] = f"{operation.get('description', '').strip()}\n\n{sentence(name, facts)}".strip()
    answers = operation["responses"]
    answers.pop("422", None)  # FastAPI's own form of it, which no route of ours answers
    for answer in answers.values():
        fields = ["X-Request-Id", *(SUCCESS_FIELDS if "asked_too_often" in codes else ())]
        fields += ["Idempotent-Replayed"] if transactional and method == "post" else []
        answer["headers"] = {field: {"$ref": f"#/components/headers/{field}"} for field in fields} | answer.get(
            "headers", {}
        )
    if transactional and method == "post":
        operation.setdefault("parameters", []).append({"$ref": "#/components/parameters/Idempotency-Key"})
    operation["responses"] = answers | problems(codes, facts)
    return codes


def _add_schemas(schemas: dict[str, Any]) -> None:
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for message in _READ_BY_HAND:
        schema = message.model_json_schema(ref_template=f"{_SCHEMAS}{{model}}")
        for name, inner in schema.pop("$defs", {}).items():
            schemas.setdefault(name, inner)
        schemas.setdefault(message.__name__, schema)
