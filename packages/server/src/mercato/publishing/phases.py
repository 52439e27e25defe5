"""The phases before the approval, up to the policy. Each only reads and calls; the pipeline writes."""

import json
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from ipaddress import ip_network

from mercato.publishing.facts import (
    CompatibilityFacts,
    ContractFacts,
    DocumentFacts,
    IntakeFacts,
    ManifestFacts,
    PerformanceFacts,
    PhaseName,
    PolicyFacts,
    SecretsFacts,
)
from mercato.publishing.policy import gather_facts
from mercato.publishing.ports import PolicyEngine
from mercato.publishing.sealing import CredentialSeal
from mercato.publishing.submit import digest_of
from mercato.publishing.work import PastRelease, PhaseResult, Work, credential_missing
from mercato_checks.addresses import Network, Resolver, SystemResolver, Target, check_address
from mercato_checks.codes import found
from mercato_checks.confined.tasks import (
    DocumentCheck,
    Documents,
    LiveEndpoint,
    content_findings,
    document_check,
    manifest_findings,
    measure_check,
    probe_check,
    version_check,
)
from mercato_checks.diff import Change
from mercato_checks.endpoint import Call, limit_test_call
from mercato_checks.findings import Finding
from mercato_checks.measure import MeasurePolicy
from mercato_checks.semver import Version

PRIVATE: tuple[Network, ...] = tuple(
    ip_network(text) for text in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7")
)
"""The networks that an operator opens to let vendors publish from this machine and the operator's own network."""

_LARGEST_SAMPLE = 16_384
"""Bytes of a test call that evidence keeps; those of signals carry a year of prices."""

_OWN_SECONDS = 60.0
"""A phase that runs in this process takes milliseconds; the limit is for one that waits for an engine."""


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase before the approval. `seconds` is its deadline; None if its confined processes have their own."""

    name: PhaseName
    check: Callable[[Work], Awaitable[PhaseResult]]
    seconds: float | None = None


async def intake(work: Work) -> PhaseResult:
    """Records who submitted what, and checks that the content is unchanged and the version still free."""
    submission = work.submission
    findings = []
    if digest_of(work.manifest_text, work.document_text) != submission.digest:
        findings.append(found("digest_mismatch", "", "The stored content is not what was submitted."))
    if any(release.version == submission.version for release in work.releases):
        message = f"{submission.service_name} {submission.version} is released already."
        findings.append(found("version_exists", "version", message))
    facts = IntakeFacts(
        vendor=work.vendor.slug,
        submitted_by=submission.created_by,
        digest=submission.digest,
        manifest_bytes=len(work.manifest_text.encode()),
        document_bytes=len((work.document_text or "").encode()),
    )
    return PhaseResult(findings, facts)


async def manifest(work: Work) -> PhaseResult:
    """Checks the manifest's rules, and that its credential exists."""
    findings = await work.checks.run(manifest_findings, work.owner, work.manifest_text)
    credential = work.manifest.endpoint.credential
    missing = [] if credential is None or await work.find_credential(credential) else [credential_missing(credential)]
    plans = [plan.name for plan in work.manifest.plans]
    facts = ManifestFacts(work.manifest.protocol, work.manifest.task, plans)
    return PhaseResult([*findings, *missing], facts)


async def openapi(work: Work) -> PhaseResult:
    """Checks the OpenAPI document in five layers. Services of a known protocol may do without one."""
    if work.document_text is None:
        return PhaseResult(facts=DocumentFacts(document=False, operations=[]))
    name = work.manifest.openapi or ""
    url = str(work.manifest.endpoint.url)
    checked = await work.checks.run(document_check, work.owner, work.document_text, name, work.manifest.version, url)
    return PhaseResult(checked.findings, _document_facts(checked))


def _document_facts(checked: DocumentCheck) -> DocumentFacts:
    layers = {str(layer): count for layer, count in checked.layers.items()}
    read = checked.facts
    if read is None:
        return DocumentFacts(document=True, operations=[], layers=layers)
    return DocumentFacts(
        document=True,
        operations=read.operations,
        layers=layers,
        openapi=read.openapi,
        title=read.title,
        version=read.version,
        summary=read.summary,
        size=read.size,
        schemas=read.schemas,
        security_schemes=read.security_schemes,
    )


async def compatibility(work: Work) -> PhaseResult:
    """Finds what changed since the release that callers use now, and checks that the version number reflects it."""
    version = Version.parse(work.submission.version)
    baseline = work.baseline
    old = None if baseline is None else await work.document_of(baseline)
    stable = None if work.stable is None else await work.document_of(work.stable)
    # The number of a yanked version stays taken, but no caller upgrades from it.
    taken = [known for known in work.versions(yanked=True) if known == version]
    known = taken or work.versions(yanked=False)
    documents = Documents(old, stable, work.document_text, work.manifest.openapi or "")
    terms = _changed_terms(work, baseline)
    checked = await work.checks.run(version_check, work.owner, work.submission.version, known, documents, terms)
    facts = CompatibilityFacts(
        version=work.submission.version,
        compared_with=None if baseline is None else baseline.version,
        least=None if checked.least is None else str(checked.least),
        bump=checked.bump,
        breaking=checked.breaking,
        complete=checked.complete,
        changes={**Counter(change.weight for change in checked.changes)},
    )
    return PhaseResult([*checked.findings, *_same_protocol(work), *_canary(work)], facts)


def _changed_terms(work: Work, baseline: PastRelease | None) -> list[Change]:
    """What the manifest takes away from callers of the baseline, whatever the document says."""
    if baseline is None:
        return []
    return changed_terms(baseline, "this version", work.manifest.task, work.manifest.paths, work.manifest.visibility)


def changed_terms(earlier: PastRelease, later: str, task: str, paths: str, visibility: str) -> list[Change]:
    """What a later manifest with these terms takes away from callers of an earlier release.

    `later` is what the messages call it.
    """
    changes = []
    if earlier.task != task:
        message = f"{earlier.version} has the task {earlier.task}, {later} {task}."
        changes.append(Change("manifest.task", "task", "breaking", message))
    if earlier.paths == "any" and paths != "any":
        message = f"{earlier.version} opens all paths, {later} those of its document only."
        changes.append(Change("manifest.paths", "paths", "breaking", message))
    if earlier.visibility != visibility:
        message = f"{earlier.version} is {earlier.visibility}, {later} {visibility}."
        changes.append(
            Change("manifest.visibility", "visibility", "breaking" if visibility == "private" else "addition", message)
        )
    return changes


def _canary(work: Work) -> list[Finding]:
    """Canary terms without effect: the release would get all calls at once, which is not what the vendor asked for."""
    if work.manifest.canary is None:
        return []
    own, where = Version.parse(work.submission.version), "canary"
    finals = [Version.parse(other.version) for other in work.releases if other.status == "live"]
    finals = [version for version in finals if not version.pre]
    if own.pre:
        return [found("canary_without_effect", where, f"{own} is a pre-release: only callers that name it get it.")]
    if not finals:
        return [found("canary_without_effect", where, "No other version is live to take the rest of the calls.")]
    if max(finals) > own:
        return [found("canary_not_newest", where, f"{max(finals)} is live and above {own}, which cannot be a canary.")]
    return []


def _same_protocol(work: Work) -> list[Finding]:
    """The gateway speaks one protocol with a service, whatever the version."""
    other = next((release for release in work.releases if release.protocol != work.manifest.protocol), None)
    if other is None:
        return []
    message = f"{other.version} speaks {other.protocol}, this version {work.manifest.protocol}."
    return [found("protocol_changed", "protocol", message)]


async def secrets(work: Work) -> PhaseResult:
    """Looks for secrets and pickles in all that was sent, including comments."""
    return PhaseResult(
        await work.checks.run(content_findings, work.owner, work.texts),
        SecretsFacts(len(work.manifest_text.encode()) + len((work.document_text or "").encode())),
    )


class LiveCalls:
    """The phases contract and performance: calls as a gateway makes them, to checked addresses."""

    def __init__(
        self,
        seal: CredentialSeal,
        *,
        allow_private: bool,
        resolver: Resolver | None = None,
        measuring: MeasurePolicy | None = None,
    ) -> None:
        self._seal = seal
        self._allowed: Sequence[Network] = PRIVATE if allow_private else ()
        self._resolver = resolver or SystemResolver()
        # A vendor is waiting: twelve calls of a quick endpoint; of a slow one, as many as fit in a second and a half.
        self._measuring = measuring or MeasurePolicy(calls=12, within_seconds=1.5, least_calls=3)

    async def contract(self, work: Work) -> PhaseResult:
        """Checks and pins the address, and checks the responses against the contract."""
        url = str(work.manifest.endpoint.url)
        address = await check_address(url, resolver=self._resolver, allowed=self._allowed)
        if address.target is None:
            return PhaseResult(address.findings, ContractFacts([]))
        shown = await self._credential(work)
        if isinstance(shown, Finding):
            return PhaseResult([*address.findings, shown], ContractFacts([]))
        endpoint = _endpoint(work, address.target, shown)
        probe = await work.checks.run_live(probe_check, work.owner, endpoint, work.texts)
        addresses, sample = list(address.target.addresses), _small_enough(probe.facts.sample)
        facts = ContractFacts(addresses, probe.facts.seen, probe.facts.exchanges, sample)
        return PhaseResult([*address.findings, *probe.findings], facts)

    async def performance(self, work: Work) -> PhaseResult:
        """Repeats and times a call that works."""
        address = await check_address(str(work.manifest.endpoint.url), resolver=self._resolver, allowed=self._allowed)
        if address.target is None:
            return PhaseResult(address.findings)
        shown = await self._credential(work)
        if isinstance(shown, Finding):
            return PhaseResult([shown])
        endpoint = _endpoint(work, address.target, shown)
        measured = await work.checks.run_live(
            measure_check, work.owner, endpoint, work.texts, work.facts_of(ContractFacts).sample, self._measuring
        )
        if measured is None:
            return PhaseResult(facts=PerformanceFacts())
        return PhaseResult(measured.findings, PerformanceFacts(measured=True, **asdict(measured.facts)))

    async def _credential(self, work: Work) -> str | Finding:
        """The secret that the endpoint requires: empty if none, a finding if it is missing or unreadable."""
        asked = work.manifest.endpoint.credential
        if asked is None:
            return ""
        sealed = await work.find_credential(asked)
        if sealed is None:
            return credential_missing(asked)
        value = self._seal.open(work.submission.vendor_id, asked.secret, sealed)
        message = f"The credential `{asked.secret}` was not sealed here, or was altered."
        return value or found("credential_unreadable", "endpoint.credential.secret", message)


def _endpoint(work: Work, target: Target, secret: str) -> LiveEndpoint:
    seconds = limit_test_call(work.manifest.endpoint.timeout_seconds)
    asked = work.manifest.endpoint.credential
    headers = {} if asked is None else {asked.header.lower(): asked.prefix + secret}
    return LiveEndpoint(target, seconds, headers, secret)


class PolicyPhase:
    """Asks the operator's rules whether the release is forbidden, released by rule, or reviewed by people."""

    def __init__(self, engine: PolicyEngine) -> None:
        self._engine = engine

    async def decide(self, work: Work) -> PhaseResult:
        """Asks the engine anew each time: the same facts always get the same decision."""
        facts = gather_facts(
            work.manifest,
            work.findings,
            vendor_verified=work.vendor.is_verified,
            vendor_suspended=work.vendor.suspended_at is not None,
            earlier_releases=work.vendor_releases,
            breaking=work.facts_of(CompatibilityFacts).breaking,
            p95_us=work.facts_of(PerformanceFacts).p95_us,
        )
        release = f"{work.vendor.slug}/{work.manifest.name}@{work.manifest.version}"
        decision = await self._engine.decide(work.vendor.slug, release, facts)
        reason = " ".join(reason.text for reason in decision.reasons)
        findings = []
        if decision.outcome == "forbid":
            findings.append(found("policy_forbidden", "", f"The operator's rules forbid this release. {reason}"))
        return PhaseResult(
            findings,
            PolicyFacts(
                outcome=decision.outcome,
                rule=", ".join(reason.rule for reason in decision.reasons),
                reason=reason,
                required_people=decision.approvers,
                asked={**asdict(facts), "codes": sorted(facts.codes)},
            ),
        )


def phases_before_approval(live: LiveCalls, policy: PolicyEngine) -> tuple[Phase, ...]:
    """The phases before the approval, in their order."""
    return (
        Phase(PhaseName.INTAKE, intake, _OWN_SECONDS),
        Phase(PhaseName.MANIFEST, manifest),
        Phase(PhaseName.OPENAPI, openapi),
        Phase(PhaseName.COMPATIBILITY, compatibility),
        Phase(PhaseName.SECRETS, secrets),
        Phase(PhaseName.CONTRACT, live.contract),
        Phase(PhaseName.PERFORMANCE, live.performance),
        Phase(PhaseName.POLICY, PolicyPhase(policy).decide, _OWN_SECONDS),
    )


def _small_enough(sample: Call | None) -> Call | None:
    """The call to be timed, if it is small enough for evidence; the performance phase makes a large one anew."""
    return sample if sample is not None and len(json.dumps(asdict(sample))) <= _LARGEST_SAMPLE else None
