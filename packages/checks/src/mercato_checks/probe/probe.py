"""Chooses the probe for a manifest's protocol and gathers its evidence."""

from dataclasses import dataclass

from mercato_checks.endpoint import Call, Endpoint
from mercato_checks.findings import Finding, has_errors
from mercato_checks.openapi.document import Document
from mercato_checks.probe.documented import probe_documented
from mercato_checks.probe.exchange import Exchange, Visit
from mercato_checks.probe.signal import probe_signal
from mercato_checks.probe.tokens import probe_anthropic, probe_openai
from mercato_contracts.manifest import ServiceManifest


@dataclass(frozen=True, slots=True)
class ProbeFacts:
    """What the calls showed. `sample` is a call that worked, for measuring; None when there was none."""

    exchanges: list[Exchange]
    seen: dict[str, str | int | float | bool]
    sample: Call | None


@dataclass(frozen=True, slots=True)
class ProbeCheck:
    """The verdict on the live endpoint."""

    findings: list[Finding]
    facts: ProbeFacts

    @property
    def accepted(self) -> bool:
        """Whether the endpoint keeps its contract."""
        return not has_errors(self.findings)


async def probe_endpoint(endpoint: Endpoint, manifest: ServiceManifest, document: Document | None = None) -> ProbeCheck:
    """Call the endpoint by the manifest's protocol. Safe to run again: nothing that it calls should change anything.

    `document` is the checked OpenAPI document; a signal or openapi service without one cannot be probed (`ValueError`).
    """
    visit = Visit(endpoint)
    if manifest.protocol == "openai":
        await probe_openai(visit, manifest)
    elif manifest.protocol == "anthropic":
        await probe_anthropic(visit, manifest)
    elif document is None:
        raise ValueError(f"a service of protocol {manifest.protocol} is probed by its document")
    elif manifest.protocol == "signal":
        await probe_signal(visit, document)
    else:
        await probe_documented(visit, document)
    return ProbeCheck(visit.findings, ProbeFacts(visit.exchanges, visit.facts, visit.sample))
