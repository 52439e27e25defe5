"""Phases 2 to 5, on the files alone: the same functions that the marketplace's pipeline calls."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mercato_checks.content import scan_content
from mercato_checks.diff import check_version
from mercato_checks.manifest import check_manifest
from mercato_checks.openapi import Document, check_openapi, read_document
from mercato_checks.semver import NotSemVer, Version
from mercato_cli.errors import MpError
from mercato_cli.validating.files import scan_files
from mercato_cli.validating.report import Phase
from mercato_contracts.manifest import ServiceManifest


@dataclass(frozen=True, slots=True)
class Content:
    """What would be sent, and the last release to compare with, where the vendor names one."""

    folder: Path
    manifest: str
    document: str | None
    released: str | None
    released_document: str | None


def check_content(content: Content) -> Iterator[tuple[Phase, ServiceManifest | None, Document | None]]:
    """Each phase as it is done, with what is known by then. Ends after the first without a manifest."""
    checked = check_manifest(content.manifest)
    manifest = checked.manifest
    yield Phase(2, "manifest", checked.findings), manifest, None
    if manifest is None:
        return
    name = manifest.openapi or ""
    document = None
    if content.document is None:
        yield Phase(3, "openapi", skipped="the manifest names no document"), manifest, None
    else:
        verdict = check_openapi(content.document, name, manifest.version, str(manifest.endpoint.url))
        document = verdict.document
        facts = {"operations": len(verdict.facts.operations) if verdict.facts else 0}
        yield Phase(3, "openapi", verdict.findings, facts), manifest, document
    yield _versions(content, manifest, document), manifest, document
    found = [*scan_content(manifest, content.manifest, content.document), *scan_files(content.folder)]
    yield Phase(5, "secrets", found), manifest, document


def _versions(content: Content, manifest: ServiceManifest, document: Document | None) -> Phase:
    known = []
    if content.released is not None:
        try:
            known = [Version.parse(content.released)]
        except NotSemVer as error:
            raise MpError(f"--released: {error}.", "Name the last release, such as 1.4.0.") from None
    old = None if content.released_document is None else read_document(content.released_document)[0]
    if content.released_document is not None and old is None:
        raise MpError("--released-openapi is no OpenAPI document.", "Name the document of the last release.")
    checked = check_version(manifest.version, known, old, document)
    facts = {"version": manifest.version, "compared_with": content.released, "breaking": checked.breaking}
    skipped = "" if content.released else "no earlier release was named (--released)"
    return Phase(4, "compatibility", checked.findings, facts, skipped)
