"""Phase 5: searches everything that a vendor sends for secrets and pickles."""

from mercato_checks.findings import Finding
from mercato_checks.openapi import read_document
from mercato_checks.secrets import scan_text, scan_tree
from mercato_contracts.manifest import ServiceManifest


def scan_content(manifest: ServiceManifest, manifest_text: str, document_text: str | None) -> list[Finding]:
    """Findings in the manifest and the OpenAPI document, named by their fields, else by the lines of their comments."""
    findings = scan_tree(manifest.model_dump(mode="json"), "manifest")
    document = None if document_text is None else read_document(document_text, manifest.openapi or "")[0]
    if document is not None:
        findings += scan_tree(document.tree, "openapi")
    # Only the text contains comments; findings in the trees are not reported twice.
    return findings or [*scan_text(manifest_text, "service.yaml"), *scan_text(document_text or "", "openapi")]
