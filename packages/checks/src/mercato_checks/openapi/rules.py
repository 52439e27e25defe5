"""The policy layer: what the marketplace asks of a document beyond OpenAPI itself."""

from collections.abc import Iterator
from typing import Any

from mercato_checks.codes import found
from mercato_checks.findings import Finding, pointer, shorten
from mercato_checks.openapi.walk import OperationAt

MOST_OPERATIONS = 5_000
RESERVED = ("/.mercato", "/-/")
"""The gateway answers these itself under every service."""


def check_rules(tree: dict[str, Any], operations: list[OperationAt], version: str | None) -> list[Finding]:
    """Findings against the marketplace's own rules; `version` is the manifest's, None where there is none."""
    findings = list(_info(tree, version))
    if not operations:
        findings.append(found("openapi_no_operation", "/paths", "No operation is described."))
    if len(operations) > MOST_OPERATIONS:
        message = f"The document has more than {MOST_OPERATIONS} operations."
        findings.append(found("openapi_too_many_operations", "/paths", message))
    for operation in operations:
        findings += _operation(operation)
    return findings


def _info(tree: dict[str, Any], version: str | None) -> Iterator[Finding]:
    info = tree.get("info")
    fields = info if isinstance(info, dict) else {}
    if not fields.get("title"):
        yield found("openapi_title_missing", "/info/title", "The API has no title.")
    if not fields.get("version"):
        yield found("openapi_info_version_missing", "/info/version", "The document has no version.")
    elif version is not None and str(fields["version"]) != version:
        message = f"The document says {shorten(fields['version'], 40)}, the manifest {version}."
        yield found("openapi_info_version_differs", "/info/version", message)


def _operation(operation: OperationAt) -> Iterator[Finding]:
    if operation.path.startswith(RESERVED):
        message = f"{operation.method.upper()} {shorten(operation.path)} lies under a reserved path."
        yield found("openapi_path_reserved", pointer("paths", operation.path), message)
    if not operation.node.get("summary") and not operation.node.get("description"):
        yield found("openapi_summary_missing", operation.where, "The operation has no summary.")
