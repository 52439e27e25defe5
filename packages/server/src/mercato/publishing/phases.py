"""Phases 1 to 8: what is looked at before anybody decides. Each only reads and calls; the pipeline writes."""

import json
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from ipaddress import ip_network
from typing import Any

from mercato.publishing.policy import PolicyEngine, gather_facts
from mercato.publishing.sealing import CredentialSeal
from mercato.publishing.submit import digest_of
from mercato.publishing.work import PastRelease, PhaseResult, Work, credential_missing
from mercato_checks.addresses import Network, Resolver, SystemResolver, Target, check_address
from mercato_checks.codes import found
from mercato_checks.confined.tasks import (
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
from mercato_checks.endpoint import Call
from mercato_checks.findings import Finding
from mercato_checks.measure import MeasurePolicy
from mercato_checks.semver import Version

SECRETS = 5
"""The phase that looks for secrets: what it refuses is not kept."""

PRIVATE: tuple[Network, ...] = tuple(
    ip_network(text) for text in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7")
)
"""What an operator opens who lets vendors publish from this machine and its own network."""

_LARGEST_SAMPLE = 16_384
"""Bytes of a test call that evidence keeps; those of signals carry a year of prices."""

_CALL_SECONDS = 10.0
"""No test call waits longer, whatever the manifest allows: who publishes waits for it."""


_OWN_SECONDS = 60.0
"""A phase that runs in this process takes milliseconds; one that waits for an engine must end as well."""


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase before the decision. `seconds` is its deadline; None where its confined processes have their own."""

    number: int
    name: str
    check: Callable[[Work], Awaitable[PhaseResult]]
    seconds: float | None = None


async def intake(work: Work) -> PhaseResult:
    """1: who submits what, and that it is still what was submitted."""
    submission = work.submission
    findings = []
    if digest_of(work.manifest_text, work.document_text) != submission.digest:
        findings.append(found("digest_mismatch", "", "The stored content is not what was submitted."))
    if any(release.version == submission.version for release in work.releases):
        message = f"{submission.service_name} {submission.version} is released already."
        findings.append(found("version_exists", "version", message))
    facts = {
        "vendor": work.vendor.slug,
        "submitted_by": submission.created_by,
        "digest": submission.digest,
        "manifest_bytes": len(work.manifest_text.encode()),
        "document_bytes": len((work.document_text or "").encode()),
    }
    return PhaseResult(findings, facts)


async def manifest(work: Work) -> PhaseResult:
    """2: the manifest's rules."""
    findings = await work.checks.run(manifest_findings, work.owner, work.manifest_text)
    credential = work.manifest.endpoint.credential
    missing = [] if credential is None or await work.find_credential(credential) else [credential_missing(credential)]
    facts = {
        "protocol": work.manifest.protocol,
        "task": work.manifest.task,
        "plans": [plan.name for plan in work.manifest.plans],
    }
    return PhaseResult([*findings, *missing], facts)


async def openapi(work: Work) -> PhaseResult:
    """3: the OpenAPI document in five layers. Services of a known protocol may do without one."""
    if work.document_text is None:
        return PhaseResult(facts={"document": False, "operations": []})
    name = work.manifest.openapi or ""
    url = str(work.manifest.endpoint.url)
    checked = await work.checks.run(document_check, work.owner, work.document_text, name, work.manifest.version, url)
    facts: dict[str, Any] = {"document": True, "operations": []}
    if checked.facts is not None:
        facts |= asdict(checked.facts)
    facts["layers"] = checked.layers
    return PhaseResult(checked.findings, facts)


async def compatibility(work: Work) -> PhaseResult:
    """4: what changed since the release that callers come from, and whether the version says so."""
    version = Version.parse(work.submission.version)
    baseline = work.baseline
    old = None if baseline is None else await work.document_of(baseline)
    stable = None if work.stable is None else await work.document_of(work.stable)
    # A yanked version is taken for ever, but nobody comes from it.
    taken = [known for known in work.versions(yanked=True) if known == version]
    known = taken or work.versions(yanked=False)
    documents = Documents(old, stable, work.document_text, work.manifest.openapi or "")
    terms = _changed_terms(work, baseline)
    checked = await work.checks.run(version_check, work.owner, work.submission.version, known, documents, terms)
    facts = {
        "version": work.submission.version,
        "compared_with": None if baseline is None else baseline.version,
        "least": None if checked.least is None else str(checked.least),
        "bump": checked.bump,
        "breaking": checked.breaking,
        "complete": checked.complete,
        "changes": dict(Counter(change.weight for change in checked.changes)),
    }
    return PhaseResult([*checked.findings, *_same_protocol(work), *_canary(work)], facts)


def _changed_terms(work: Work, baseline: PastRelease | None) -> list[Change]:
    """What the manifest takes from callers of the baseline, whatever the document says."""
    if baseline is None:
        return []
    changes = []
    if baseline.task != work.manifest.task:
        message = f"{baseline.version} has the task {baseline.task}, this version {work.manifest.task}."
        changes.append(Change("manifest.task", "task", "breaking", message))
    if baseline.paths == "any" and work.manifest.paths != "any":
        message = f"{baseline.version} opens all paths, this version those of its document only."
        changes.append(Change("manifest.paths", "paths", "breaking", message))
    return changes


def _canary(work: Work) -> list[Finding]:
    """Terms of a canary that cannot begin as one: its calls would come all at once, unlike what the vendor wrote."""
    if work.manifest.canary is None:
        return []
    own, where = Version.parse(work.submission.version), "canary"
    finals = [Version.parse(other.version) for other in work.releases if other.status == "live"]
    finals = [version for version in finals if not version.pre]
    if own.pre:
        return [found("canary_without_effect", where, f"{own} is a pre-release: only who names it gets it.")]
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
    """5: secrets and pickles, in all that was sent and in the comments of it."""
    return PhaseResult(
        await work.checks.run(content_findings, work.owner, work.texts),
        {"scanned_bytes": len(work.manifest_text.encode()) + len((work.document_text or "").encode())},
    )


class LiveCalls:
    """6 and 7: called as a gateway calls, with the vendor's credential, at addresses that were judged."""

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
        # A vendor waits for this: twelve calls of a quick endpoint, and of a slow one what fits in a second and a half.
        self._measuring = measuring or MeasurePolicy(calls=12, within_seconds=1.5, least_calls=3)

    async def contract(self, work: Work) -> PhaseResult:
        """6: the address is judged and pinned, the answers are held against the contract."""
        url = str(work.manifest.endpoint.url)
        address = await check_address(url, resolver=self._resolver, allowed=self._allowed)
        if address.target is None:
            return PhaseResult(address.findings, {"addresses": []})
        shown = await self._credential(work)
        if isinstance(shown, Finding):
            return PhaseResult([*address.findings, shown], {"addresses": []})
        endpoint = _endpoint(work, address.target, shown)
        probe = await work.checks.run_live(probe_check, work.owner, endpoint, work.texts)
        facts = {
            "addresses": list(address.target.addresses),
            "seen": probe.facts.seen,
            "exchanges": [asdict(exchange) for exchange in probe.facts.exchanges],
            "sample": _as_facts(probe.facts.sample),
        }
        return PhaseResult([*address.findings, *probe.findings], facts)

    async def performance(self, work: Work) -> PhaseResult:
        """7: a call that works is repeated and timed."""
        address = await check_address(str(work.manifest.endpoint.url), resolver=self._resolver, allowed=self._allowed)
        if address.target is None:
            return PhaseResult(address.findings)
        shown = await self._credential(work)
        if isinstance(shown, Finding):
            return PhaseResult([shown])
        endpoint = _endpoint(work, address.target, shown)
        measured = await work.checks.run_live(
            measure_check, work.owner, endpoint, work.texts, _sample(work), self._measuring
        )
        if measured is None:
            return PhaseResult(facts={"measured": False})
        return PhaseResult(measured.findings, {"measured": True, **asdict(measured.facts)})

    async def _credential(self, work: Work) -> str | Finding:
        """The secret that the endpoint asks for; empty where it asks for none."""
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
    seconds = min(work.manifest.endpoint.timeout_seconds, _CALL_SECONDS)
    asked = work.manifest.endpoint.credential
    headers = {} if asked is None else {asked.header.lower(): asked.prefix + secret}
    return LiveEndpoint(target, seconds, headers, secret)


class PolicyPhase:
    """8: the operator's rules decide whether a rule may release it or people must look."""

    def __init__(self, engine: PolicyEngine) -> None:
        self._engine = engine

    async def decide(self, work: Work) -> PhaseResult:
        """The engine is asked anew each time; the same facts always get the same answer."""
        facts = gather_facts(
            work.manifest,
            work.findings,
            vendor_verified=work.vendor.is_verified,
            vendor_suspended=False,  # identity cannot suspend an organisation yet
            earlier_releases=work.vendor_releases,
            breaking=bool(work.facts[4]["breaking"]),
            p95_us=work.facts[7].get("p95_us"),
        )
        release = f"{work.vendor.slug}/{work.manifest.name}@{work.manifest.version}"
        decision = await self._engine.decide(work.vendor.slug, release, facts)
        reason = " ".join(reason.text for reason in decision.reasons)
        findings = []
        if decision.outcome == "forbid":
            findings.append(found("policy_forbidden", "", f"The operator's rules forbid this release. {reason}"))
        return PhaseResult(
            findings,
            {
                "outcome": decision.outcome,
                "rule": ", ".join(reason.rule for reason in decision.reasons),
                "reason": reason,
                "required_people": decision.approvers,
                "asked": {**asdict(facts), "codes": sorted(facts.codes)},
            },
        )


def phases_before_approval(live: LiveCalls, policy: PolicyEngine) -> tuple[Phase, ...]:
    """The phases before the decision, in their order."""
    return (
        Phase(1, "intake", intake, _OWN_SECONDS),
        Phase(2, "manifest", manifest),
        Phase(3, "openapi", openapi),
        Phase(4, "compatibility", compatibility),
        Phase(SECRETS, "secrets", secrets),
        Phase(6, "contract", live.contract),
        Phase(7, "performance", live.performance),
        Phase(8, "policy", PolicyPhase(policy).decide, _OWN_SECONDS),
    )


def _as_facts(sample: Call | None) -> dict[str, Any] | None:
    """The call that is timed, as evidence; None for a large one, which is then made anew."""
    facts = None if sample is None else asdict(sample)
    return facts if len(json.dumps(facts)) <= _LARGEST_SAMPLE else None


def _sample(work: Work) -> Call | None:
    """The call that worked in phase 6, where the evidence keeps it."""
    facts = work.facts[6].get("sample")
    if facts is None:
        return None
    headers = tuple((name, value) for name, value in facts["headers"])
    return Call(facts["method"], facts["path"], facts["body"], headers)
