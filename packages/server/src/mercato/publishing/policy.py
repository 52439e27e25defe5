"""The facts that the policy engine (`ports.py`) decides by."""

from collections.abc import Iterable

from mercato.publishing.ports import ReleaseFacts
from mercato_checks.findings import Finding
from mercato_contracts.manifest import ServiceManifest


def gather_facts(
    manifest: ServiceManifest,
    findings: Iterable[Finding],
    *,
    vendor_verified: bool,
    vendor_suspended: bool,
    earlier_releases: int,
    breaking: bool,
    p95_us: int | None,
) -> ReleaseFacts:
    """The facts of one submission, from its manifest and the findings of all phases."""
    listed = list(findings)
    prices = [plan.price for plan in manifest.plans]
    return ReleaseFacts(
        vendor_verified=vendor_verified,
        vendor_suspended=vendor_suspended,
        earlier_releases=earlier_releases,
        protocol=manifest.protocol,
        task=manifest.task,
        licence=manifest.licence,
        paths=manifest.paths,
        errors=sum(finding.level == "error" for finding in listed),
        warnings=sum(finding.level == "warning" for finding in listed),
        codes=frozenset(finding.code for finding in listed),
        breaking=breaking,
        monthly_nanos=max(price.nanos("monthly") for price in prices),
        per_call_nanos=max(price.nanos("per_call") for price in prices),
        per_1k_tokens_nanos=max(
            max(price.nanos("per_1k_input_tokens"), price.nanos("per_1k_output_tokens")) for price in prices
        ),
        p95_ms=(p95_us or 0) // 1000,
    )
