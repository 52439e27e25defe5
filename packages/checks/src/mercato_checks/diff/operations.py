"""Compares what two documents offer: operations, webhooks and callbacks, where they lie, and who may call."""

from typing import Any

from mercato_checks.diff.change import Direction, Place, Report
from mercato_checks.diff.content import ContentComparison
from mercato_checks.diff.fields import compare_deprecated, compare_other_fields
from mercato_checks.diff.likeness import Likeness
from mercato_checks.diff.parameters import ParameterComparison
from mercato_checks.diff.schemas import SchemaComparison
from mercato_checks.diff.security import compare_requirements, compare_schemes
from mercato_checks.diff.side import Side
from mercato_checks.diff.values import size_of
from mercato_checks.findings import shorten
from mercato_checks.openapi.document import Document
from mercato_checks.openapi.servers import base_paths
from mercato_checks.openapi.walk import OperationAt, operations_of

_DOCUMENT = frozenset(
    {
        "openapi",
        "info",
        "servers",
        "paths",
        "webhooks",
        "components",
        "security",
        "tags",
        "externalDocs",
        "$self",
        "jsonSchemaDialect",
    }
)
_OPERATION = frozenset(
    {
        "operationId",
        "parameters",
        "requestBody",
        "responses",
        "callbacks",
        "deprecated",
        "security",
        "servers",
    }
)
_DIALECT = "https://spec.openapis.org/oas/3.1/dialect/base"


class DocumentComparison:
    """Walks through both documents side by side and fills a report."""

    def __init__(self, old: Document, new: Document, report: Report) -> None:
        self._report = report
        self._old, self._new = Side(old, report.step), Side(new, report.step)
        self._schemas = SchemaComparison(self._old.schemas, self._new.schemas, Likeness(report.step))
        self._parameters = ParameterComparison(self._old, self._new, self._schemas)
        self._content = ContentComparison(self._old, self._new, self._schemas, self._parameters)

    def compare(self) -> None:
        """Add all changes to the report. Raises `BudgetSpent`."""
        old, new = self._old.tree, self._new.tree
        before, after = self._old.operations(old.get("paths")), self._new.operations(new.get("paths"))
        self._operations(before, after, "request", Place().at("paths"))
        self._received(old.get("webhooks"), new.get("webhooks"), Place().at("webhooks"))
        compare_schemes(self._old, self._new, self._report)
        self._servers(old.get("servers"), new.get("servers"), Place().at("servers"))
        compare_other_fields(old, new, _DOCUMENT, Place(), self._report)
        if old.get("jsonSchemaDialect", _DIALECT) != new.get("jsonSchemaDialect", _DIALECT):
            message = "The schemas are written in a different dialect now."
            self._report.unclear("document.dialect", Place().at("jsonSchemaDialect"), message)

    def _operations(
        self,
        before: dict[tuple[str, str], OperationAt],
        after: dict[tuple[str, str], OperationAt],
        direction: Direction,
        place: Place,
    ) -> None:
        for key, operation in before.items():
            name = f"{operation.method.upper()} {shorten(operation.path, 120)}"
            if key in after:
                here = place.at(after[key].path, operation.method)
                self._operation(operation, after[key], direction, here)
            else:
                here = place.at(operation.path, operation.method)
                self._report.breaking("operation.removed", here, f"{name} is gone.")
        for key, operation in after.items():
            if key not in before:
                name = f"{operation.method.upper()} {shorten(operation.path, 120)}"
                self._report.addition("operation.added", place.at(operation.path, operation.method), f"{name} is new.")

    def _received(self, old: Any, new: Any, place: Place) -> None:
        """What the service calls: webhooks and callbacks. There it sends the request and receives the response."""
        before, after = (
            {(each.method, each.path): each for each in operations_of(side.mapping(written), side.references)}
            for side, written in ((self._old, old), (self._new, new))
        )
        self._operations(before, after, "response", place)

    def _operation(self, old: OperationAt, new: OperationAt, direction: Direction, place: Place) -> None:
        report = self._report
        report.step()
        back: Direction = "response" if direction == "request" else "request"
        self._parameters.compare_all(old, new, direction, place, report)
        self._content.compare_bodies(old.node, new.node, direction, place, report)
        self._content.compare_responses(old.node, new.node, back, place, report)
        self._callbacks(old, new, place.at("callbacks"))
        compare_deprecated(old.node, new.node, place, report)
        if old.node.get("operationId") != new.node.get("operationId"):
            report.other(
                "operation.id", place, "The operation has a different operationId; generated code names it so."
            )
        if old.servers is not None or new.servers is not None:
            self._servers(*self._effective(old.servers, new.servers), place.at("servers"))
        requirements = (
            old.node.get("security", self._old.tree.get("security")),
            new.node.get("security", self._new.tree.get("security")),
        )
        if direction == "request":
            compare_requirements(*requirements, place, report)
        elif requirements[0] != requirements[1]:
            report.unclear("security.received", place, "How the service authenticates itself has changed.")
        compare_other_fields(old.node, new.node, _OPERATION, place, report)

    def _callbacks(self, old: OperationAt, new: OperationAt, place: Place) -> None:
        before, after = self._old.mapping(old.node.get("callbacks")), self._new.mapping(new.node.get("callbacks"))
        for name in sorted(before.keys() | after.keys()):
            self._received(before.get(name), after.get(name), place.at(name))

    def _effective(self, old: Any, new: Any) -> tuple[Any, Any]:
        """The servers of an operation, or those of the document where it has none of its own."""
        return (
            self._old.tree.get("servers") if old is None else old,
            self._new.tree.get("servers") if new is None else new,
        )

    def _servers(self, old: Any, new: Any, place: Place) -> None:
        self._report.step(size_of(old) + size_of(new))
        before, after = base_paths(old), set(base_paths(new))
        gone = [base for base in before if base not in after]
        if gone:
            message = f"The operations no longer lie below {shorten(gone[0] or '/')}."
            self._report.breaking("server.base", place, message)
        elif set(before) != after:
            self._report.addition("server.base.added", place, "The operations lie below further paths.")
