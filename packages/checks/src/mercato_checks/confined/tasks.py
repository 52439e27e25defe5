"""The checks that may run confined: text in, findings and facts out; results do not grow with the text.

Names are the interface between the processes; both run the same release of this package.
"""

import asyncio
import gc
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from mercato_checks.addresses import Target
from mercato_checks.content import scan_content
from mercato_checks.diff import Change, VersionCheck, check_version, compare_releases
from mercato_checks.endpoint import Call, PinnedEndpoint
from mercato_checks.findings import Finding
from mercato_checks.manifest import check_manifest
from mercato_checks.measure import MeasureCheck, MeasurePolicy, measure_endpoint
from mercato_checks.openapi import Document, Layer, OpenApiFacts, check_openapi, read_document
from mercato_checks.openapi.structure import compile_schemas
from mercato_checks.probe import ProbeCheck, probe_endpoint
from mercato_checks.semver import Version
from mercato_contracts.manifest import ServiceManifest

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Texts:
    """What was submitted: `service.yaml`, and the OpenAPI document where there is one."""

    manifest: str
    document: str | None

    def typed(self) -> ServiceManifest:
        """The manifest; it was typed when it was submitted, and the same text gives the same manifest."""
        manifest = check_manifest(self.manifest).manifest
        assert manifest is not None
        return manifest


@dataclass(frozen=True, slots=True)
class LiveEndpoint:
    """A checked target and how to call it."""

    target: Target
    timeout_seconds: float
    headers: Mapping[str, str]
    secret: str

    def __repr__(self) -> str:
        return f"LiveEndpoint({self.target.base})"

    def open(self) -> PinnedEndpoint:
        return PinnedEndpoint(
            self.target, timeout_seconds=self.timeout_seconds, headers=self.headers, secret=self.secret
        )


@dataclass(frozen=True, slots=True)
class Documents:
    """What phase 4 compares, as text: the baseline's document and the stable release's, each where there is one, and
    the new one with its file's name.
    """

    baseline: str | None
    stable: str | None
    new: str | None
    new_name: str


@dataclass(frozen=True, slots=True)
class DocumentCheck:
    """Phase 3 without the document itself: findings, how many each layer has, and facts where it could be read."""

    findings: list[Finding]
    layers: dict[Layer, int]
    facts: OpenApiFacts | None


def manifest_findings(text: str) -> list[Finding]:
    """Phase 2."""
    return check_manifest(text).findings


def document_check(text: str, name: str, version: str, url: str) -> DocumentCheck:
    """Phase 3."""
    checked = check_openapi(text, name, version, url)
    layers = {layer: len(findings) for layer, findings in checked.layers.items()}
    return DocumentCheck(checked.findings, layers, checked.facts)


def version_check(declared: str, released: list[Version], documents: Documents, terms: list[Change]) -> VersionCheck:
    """Phase 4: `terms` is what the manifest takes from callers, whatever the documents say."""
    old, old_readable = _released(documents.baseline)
    stable, stable_readable = _released(documents.stable)
    new = None if documents.new is None else read_document(documents.new, documents.new_name)[0]
    readable = old_readable and stable_readable and (new is not None or documents.new is None)
    return check_version(declared, released, old, new, stable=stable, terms=terms, readable=readable)


def release_diff(earlier: Version, old_text: str | None, new_text: str | None, terms: list[Change]) -> VersionCheck:
    """Two releases side by side, whatever version the later one has; `terms` as above."""
    old, old_readable = _released(old_text)
    new, new_readable = _released(new_text)
    return compare_releases(earlier, old, new, terms=terms, readable=old_readable and new_readable)


def _released(text: str | None) -> tuple[Document | None, bool]:
    """The document of an earlier release, and whether it could be read where there is one."""
    if text is None:
        return None, True
    # Under which name it was published is not kept: what begins like JSON may be YAML.
    document = read_document(text)[0] or read_document(text, "document.yaml")[0]
    return document, document is not None


def content_findings(texts: Texts) -> list[Finding]:
    """Phase 5."""
    return scan_content(texts.typed(), texts.manifest, texts.document)


def probe_check(live: LiveEndpoint, texts: Texts) -> ProbeCheck:
    """Phase 6."""
    return asyncio.run(_with(live, lambda endpoint: _probe(endpoint, texts)))


def measure_check(live: LiveEndpoint, texts: Texts, sample: Call | None, policy: MeasurePolicy) -> MeasureCheck | None:
    """Phase 7: repeats `sample`, or a call that is found anew; `None` if no call works."""

    async def measure(endpoint: PinnedEndpoint) -> MeasureCheck | None:
        call = sample or (await _probe(endpoint, texts)).facts.sample
        return None if call is None else await measure_endpoint(endpoint, call, policy)

    return asyncio.run(_with(live, measure))


async def _with(live: LiveEndpoint, act: Callable[[PinnedEndpoint], Coroutine[Any, Any, T]]) -> T:
    async with live.open() as endpoint:
        return await act(endpoint)


async def _probe(endpoint: PinnedEndpoint, texts: Texts) -> ProbeCheck:
    manifest = texts.typed()
    document = None if texts.document is None else read_document(texts.document, manifest.openapi or "")[0]
    return await probe_endpoint(endpoint, manifest, document)


def warm_up() -> None:
    """Do once, before any fork, what every check would otherwise repeat."""
    compile_schemas()
    # Objects that exist now are shared by all processes, unless garbage collection writes to them.
    gc.freeze()


CHECKS: dict[str, Callable[..., Any]] = {
    check.__qualname__: check
    for check in (
        manifest_findings,
        document_check,
        version_check,
        release_diff,
        content_findings,
        probe_check,
        measure_check,
    )
}
