"""Semantics of references: each must name a part of this very document."""

from collections.abc import Iterator
from typing import Any

from mercato_checks.codes import found
from mercato_checks.findings import Finding, shorten
from mercato_checks.openapi.walk import Part, References


def check_references(parts: list[Part], references: References) -> list[Finding]:
    """Findings for references that are dead, leave the document, or form a cycle."""
    identifiers = {part.node["$id"] for part in parts if isinstance(part.node.get("$id"), str) and not part.named}
    return [finding for part in parts if not part.named for finding in _check(part, references, identifiers)]


def find_anchors(parts: list[Part]) -> dict[str, Any]:
    """What `$anchor` and `$dynamicAnchor` name (OpenAPI 3.1)."""
    return {
        part.node[keyword]: part.node
        for part in parts
        if not part.named
        for keyword in ("$anchor", "$dynamicAnchor")
        if isinstance(part.node.get(keyword), str)
    }


def _check(part: Part, references: References, identifiers: set[str]) -> Iterator[Finding]:
    if "$ref" not in part.node:
        return
    reference = part.node["$ref"]
    if not isinstance(reference, str):
        yield found("openapi_ref_malformed", part.where, "`$ref` is not text.")
    elif not reference.startswith("#"):
        if reference.split("#")[0] not in identifiers:
            yield found("openapi_ref_remote", part.where, f"`{shorten(reference)}` lies outside the document.")
    elif references.find(reference) is None:
        yield found("openapi_ref_missing", part.where, f"`{shorten(reference)}` names nothing.")
    elif references.follow(part.node) is None:
        yield found("openapi_ref_loop", part.where, f"`{shorten(reference)}` ends nowhere: it leads in a circle.")
