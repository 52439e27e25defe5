"""Calls of a documented service: each operation of `openapi.yaml` is a method of the handler.

`operationId: countWords` is `def count_words(self, call: Call)`. Request and response bodies are checked against the
document, by the rules of the marketplace's own test calls.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

from mercato_checks.openapi import Document
from mercato_checks.openapi.servers import base_paths
from mercato_checks.openapi.walk import OperationAt, References, operations
from mercato_checks.probe.shape import Shape
from mercato_cli.runner.answers import Answer, problem, refused_by_handler
from mercato_cli.runner.calls import Call, Refused
from mercato_cli.runner.project import ProjectNotUsable
from mercato_cli.runner.signals import failure

_MOST_QUERY_FIELDS = 100


@dataclass(frozen=True, slots=True)
class _Route:
    pattern: re.Pattern[str]
    method: str
    ask: Callable[[Call], Any]
    request: Any
    """The schema of the JSON body; None where there is none."""
    response: Any


@dataclass(slots=True)
class Operations:
    """The operations that a handler has methods for, served with and without the path of the document's server."""

    handler: Any
    document: Document
    say: Callable[[str], None]
    ours: frozenset[str]
    _routes: list[_Route] = field(init=False)

    def __post_init__(self) -> None:
        """Raises `ProjectNotUsable` when the document has an operation and the handler no method for it."""
        references = References(self.document.tree)
        base = base_paths(self.document.tree.get("servers"))[0]
        self._routes = [
            self._route(operation, references, base)
            for operation in operations(self.document.tree, references)
            if operation.path not in self.ours
        ]

    def methods(self, path: str) -> list[str]:
        """The methods that this path is called with; none for an unknown one."""
        return [route.method for route in self._routes if route.pattern.fullmatch(path)]

    def answer(self, method: str, path: str, query: str, body: bytes) -> Answer:
        """The answer of the operation at this path, which exists; never raises."""
        for route in self._routes:
            match = route.pattern.fullmatch(path) if route.method == method else None
            if match is not None:
                return self._ask(
                    route, {name: unquote(value) for name, value in match.groupdict().items()}, query, body
                )
        return problem("unknown_operation", f"There is no {method[:16]} {path[:200]}.")

    def _ask(self, route: _Route, path: dict[str, str], query: str, body: bytes) -> Answer:
        parsed = None
        if route.request is not None:
            try:
                parsed = json.loads(body)
            except (ValueError, RecursionError) as error:
                return problem("invalid_request", f"The body is no JSON: {error}.")
            if (mismatch := Shape(self.document).first_mismatch(route.request, parsed)) is not None:
                return problem("invalid_request", f"The body does not fit openapi.yaml: {mismatch}.")
        try:
            fields = dict(parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST_QUERY_FIELDS))
        except ValueError:
            return problem("invalid_request", f"The address has more than {_MOST_QUERY_FIELDS} query fields.")
        try:
            answer = route.ask(Call(parsed, path, fields))
            written = json.dumps(answer, allow_nan=False).encode()
        except Refused as refused:
            return refused_by_handler(refused.code, refused.detail, refused.fix, refused.fields)
        except Exception as error:
            self.say(failure(error))
            return problem("handler_failed", "The handler raised an error; the vendor's log has it.")
        if (mismatch := Shape(self.document).first_mismatch(route.response, json.loads(written))) is not None:
            self.say(f"the answer does not fit openapi.yaml: {mismatch}")
            return problem("handler_broke_contract", f"The handler's answer is kept back: {mismatch}.")
        return Answer(200, written)

    def _route(self, operation: OperationAt, references: References, base: str) -> _Route:
        named = operation.node.get("operationId")
        where = f"{operation.method.upper()} {operation.path}"
        if not isinstance(named, str):
            raise ProjectNotUsable(f"{where} in openapi.yaml has no operationId.")
        name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", named).lower()
        method = getattr(self.handler, name, None) if name.isidentifier() and not name.startswith("_") else None
        if not callable(method):
            raise ProjectNotUsable(f"`Handler` has no method `{name}` for {where} of openapi.yaml.")
        responses = operation.node.get("responses") or {}
        path = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(operation.path))
        return _Route(
            re.compile(f"(?:{re.escape(base)})?{path}"),
            operation.method.upper(),
            method,
            _schema(operation.node.get("requestBody"), references),
            _schema(responses.get("200", responses.get(200)), references),
        )


def _schema(written: Any, references: References) -> Any:
    """The schema of a JSON body; `{}` where the document leaves it open, None where there is no body."""
    node = references.follow(written)
    if not isinstance(node, dict):
        return None
    media = (node.get("content") or {}).get("application/json")
    return media.get("schema", {}) if isinstance(media, dict) else None
