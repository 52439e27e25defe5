"""Runs the five layers over one document and collects its operations."""

from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from mercato_checks.codes import capped
from mercato_checks.findings import Finding, has_errors, shorten
from mercato_checks.openapi.document import Document, read_document
from mercato_checks.openapi.references import check_references, find_anchors
from mercato_checks.openapi.rules import MOST_OPERATIONS, check_rules
from mercato_checks.openapi.security import check_security
from mercato_checks.openapi.semantics import check_operations, check_path_items
from mercato_checks.openapi.servers import check_servers
from mercato_checks.openapi.structure import check_structure
from mercato_checks.openapi.values import check_values
from mercato_checks.openapi.walk import OperationAt, References, operations, walk

Layer = Literal["syntax", "schema", "semantics", "security", "policy"]
LAYERS: tuple[Layer, ...] = ("syntax", "schema", "semantics", "security", "policy")
_MOST_ALIKE = 20


@dataclass(frozen=True, slots=True)
class PublishedOperation:
    """An operation as the gateway routes and the catalogue shows it; `method` in upper case."""

    method: str
    path: str
    operation_id: str
    summary: str
    deprecated: bool


@dataclass(frozen=True, slots=True)
class OpenApiFacts:
    """The document's own facts. `size` in bytes."""

    openapi: str
    title: str
    version: str
    summary: str
    size: int
    operations: list[PublishedOperation]
    schemas: int
    security_schemes: list[str]


@dataclass(frozen=True, slots=True)
class OpenApiCheck:
    """The verdict: `layers` holds each layer's findings (those not reached are absent). `document` when readable."""

    document: Document | None
    layers: dict[Layer, list[Finding]]
    facts: OpenApiFacts | None

    @property
    def findings(self) -> list[Finding]:
        """All layers' findings, in the order of the layers."""
        return [finding for layer in LAYERS for finding in self.layers.get(layer, [])]

    @property
    def accepted(self) -> bool:
        """Whether tools can use the document and the marketplace may publish it."""
        return self.document is not None and not has_errors(self.findings)


def check_openapi(
    raw: bytes | str, name: str = "", version: str | None = None, endpoint: str | None = None
) -> OpenApiCheck:
    """Check one document. `name` is its file name; `version` and `endpoint` (an address) are the manifest's.

    Never raises for the content.
    """
    document, syntax = read_document(raw, name)
    layers: dict[Layer, list[Finding]] = {"syntax": capped(syntax, _MOST_ALIKE)}
    if document is None:
        return OpenApiCheck(None, layers, None)
    tree = document.tree
    parts = list(walk(tree))
    references = References(tree, find_anchors(parts))
    offered = list(islice(operations(tree, references), MOST_OPERATIONS + 1))
    found: dict[Layer, list[Finding]] = {
        "schema": check_structure(document),
        "semantics": [
            *check_references(parts, references),
            *check_operations(offered, references),
            *check_values(parts, references, document.edition),
            *check_path_items(tree, references),
            *([] if endpoint is None else check_servers(tree, offered, endpoint)),
        ],
        "security": check_security(tree, offered, references),
        "policy": check_rules(tree, offered, version),
    }
    layers |= {layer: capped(findings, _MOST_ALIKE) for layer, findings in found.items()}
    return OpenApiCheck(document, layers, _facts(document, offered))


def _facts(document: Document, offered: list[OperationAt]) -> OpenApiFacts:
    tree = document.tree
    info = _mapping(tree.get("info"))
    components = _mapping(tree.get("components"))
    return OpenApiFacts(
        openapi=str(tree["openapi"]),
        title=shorten(info.get("title") or "", 200),
        version=shorten(info.get("version") or "", 64),
        summary=shorten(info.get("summary") or info.get("description") or "", 500),
        size=document.size,
        operations=[_published(operation) for operation in offered],
        schemas=len(_mapping(components.get("schemas"))),
        security_schemes=sorted(_mapping(components.get("securitySchemes"))),
    )


def _published(operation: OperationAt) -> PublishedOperation:
    node = operation.node
    return PublishedOperation(
        method=operation.method.upper(),
        path=operation.path,
        operation_id=shorten(node.get("operationId") or "", 200),
        summary=shorten(node.get("summary") or node.get("description") or "", 200),
        deprecated=node.get("deprecated") is True,
    )


def _mapping(node: Any) -> dict[str, Any]:
    return node if isinstance(node, dict) else {}
