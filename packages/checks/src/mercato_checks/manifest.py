"""Phase 2: from the text of `service.yaml` to a `ServiceManifest`, with every problem named by its field."""

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from mercato_checks.codes import capped, found
from mercato_checks.findings import Finding, has_errors
from mercato_checks.manifest_fields import explain_errors, find_booleans
from mercato_checks.manifest_rules import check_rules
from mercato_checks.text import NotText, decode
from mercato_checks.yaml_text import Limits, Unreadable, YamlText, read_yaml
from mercato_contracts.manifest import ServiceManifest

MOST_BYTES = 256 * 1024
_LIMITS = Limits(depth=12, nodes=20_000)


@dataclass(frozen=True, slots=True)
class ManifestCheck:
    """A checked manifest: typed if its shape is valid, even if a rule refused it; see `findings`."""

    manifest: ServiceManifest | None
    findings: list[Finding]

    @property
    def accepted(self) -> bool:
        """Whether the pipeline may continue with it."""
        return self.manifest is not None and not has_errors(self.findings)


def check_manifest(raw: bytes | str) -> ManifestCheck:
    """Parse, type and cross-check a manifest. Never raises for its content, however hostile."""
    read = _read(raw)
    if isinstance(read, Finding):
        return ManifestCheck(None, [read])
    findings = [
        found("manifest_key_repeated", path.replace("/", "."), f"`{path.rsplit('/', 1)[-1]}` occurs twice.")
        for path in read.repeated
    ]
    if not isinstance(read.tree, dict):
        findings.append(found("manifest_not_mapping", "", "The manifest is not a mapping of fields to values."))
        return ManifestCheck(None, findings)
    manifest, problems = _type(read.tree)
    findings += problems
    if manifest is not None:
        findings += check_rules(manifest)
    return ManifestCheck(manifest, capped(findings, 50))


def _read(raw: bytes | str) -> YamlText | Finding:
    if len(raw) > MOST_BYTES:
        return found("manifest_too_large", "", f"The manifest has {len(raw)} bytes; {MOST_BYTES} are allowed.")
    try:
        return read_yaml(decode(raw), _LIMITS)
    except NotText as error:
        return found("manifest_not_text", "", f"The manifest is {error}.")
    except Unreadable as error:
        code = "manifest_bomb" if error.kind in ("depth", "nodes") else "manifest_syntax"
        return found(code, "", f"The manifest cannot be read: {error}.")


def _type(tree: dict[str, Any]) -> tuple[ServiceManifest | None, list[Finding]]:
    booleans = find_booleans(tree)
    try:
        manifest = ServiceManifest.model_validate(tree)
    except ValidationError as error:
        return None, explain_errors(error, tree, known={finding.where for finding in booleans}) + booleans
    return (None if booleans else manifest), booleans
