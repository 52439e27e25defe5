"""A submission as the phases see it, and the result of a phase."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeVar

from mercato.identity import Directory, Organisation
from mercato.platform import Database, Session
from mercato.publishing.credential_rows import CredentialRepository
from mercato.publishing.facts import Facts, PhaseName
from mercato.publishing.models import Submission
from mercato.publishing.repository import CatalogueRepository, SubmissionRepository
from mercato_checks.codes import found
from mercato_checks.confined import ConfinedChecks
from mercato_checks.confined.tasks import Texts
from mercato_checks.diff import choose_baseline, choose_stable
from mercato_checks.findings import Finding, has_errors
from mercato_checks.manifest import check_manifest
from mercato_checks.semver import Version
from mercato_contracts.manifest import EndpointCredential, ServiceManifest

F = TypeVar("F", bound=Facts)
Outcome = Literal["passed", "warned", "failed", "waiting"]


_NO_FACTS = Facts()


@dataclass(frozen=True, slots=True)
class PhaseResult:
    """What a phase found, and the facts that people read and later phases build upon."""

    findings: list[Finding] = field(default_factory=list)
    facts: Facts = _NO_FACTS
    waits: bool = False

    @property
    def outcome(self) -> Outcome:
        """`failed` with any error, `warned` with any warning."""
        if has_errors(self.findings):
            return "failed"
        if self.waits:
            return "waiting"
        return "warned" if any(finding.level == "warning" for finding in self.findings) else "passed"


@dataclass(frozen=True, slots=True)
class PastRelease:
    """An earlier release of the same service."""

    id: str
    version: str
    status: str
    protocol: str
    task: str
    paths: str
    visibility: str = "public"


@dataclass(frozen=True)
class Work:
    """One submission in the pipeline, with what the phases before found. `evidence` has their facts as stored.

    `vendor_releases` counts all that the vendor ever released.
    """

    submission: Submission
    vendor: Organisation
    manifest_text: str
    document_text: str | None
    releases: list[PastRelease]
    findings: list[Finding]
    evidence: dict[PhaseName, dict[str, Any]]
    vendor_releases: int
    database: Database
    checks: ConfinedChecks

    @property
    def owner(self) -> str:
        """The vendor; checks of one vendor take turns."""
        return self.submission.vendor_id

    @property
    def texts(self) -> Texts:
        """Everything that the vendor sent."""
        return Texts(self.manifest_text, self.document_text)

    def facts_of(self, kind: type[F]) -> F:
        """The facts of an earlier phase, which is that of `kind`."""
        return kind.from_json(self.evidence[kind.phase])

    @cached_property
    def manifest(self) -> ServiceManifest:
        """The text was valid when it was submitted, so it is valid now."""
        manifest = check_manifest(self.manifest_text).manifest
        assert manifest is not None
        return manifest

    @property
    def baseline(self) -> PastRelease | None:
        """The release whose callers this version must not break: the highest version below it that was not yanked."""
        return self._usable(choose_baseline(Version.parse(self.submission.version), self.versions(yanked=False)))

    @property
    def stable(self) -> PastRelease | None:
        """The final release before the baseline, if the baseline is a pre-release of this same version."""
        return self._usable(choose_stable(Version.parse(self.submission.version), self.versions(yanked=False)))

    def _usable(self, version: Version | None) -> PastRelease | None:
        usable = (release for release in self.releases if release.status != "yanked")
        return next((release for release in usable if Version.parse(release.version) == version), None)

    def versions(self, *, yanked: bool) -> list[Version]:
        """The released versions, with or without the yanked ones."""
        return [Version.parse(release.version) for release in self.releases if yanked or release.status != "yanked"]

    async def document_of(self, release: PastRelease) -> str | None:
        """The OpenAPI document of an earlier release."""
        async with self.database.transaction() as session:
            return await CatalogueRepository(session).find_document(release.id)

    async def find_credential(self, asked: EndpointCredential) -> bytes | None:
        """The vendor's secret that the endpoint requires, sealed."""
        async with self.database.transaction() as session:
            row = await CredentialRepository(session).find(self.submission.vendor_id, asked.secret)
            return None if row is None else row.sealed


async def read_work(session: Session, database: Database, checks: ConfinedChecks, submission: Submission) -> Work:
    """Read everything that the phases look at."""
    rows, catalogue = SubmissionRepository(session), CatalogueRepository(session)
    manifest, document = await rows.find_content(submission.id)
    service = await catalogue.find_own_service(submission.vendor_id, submission.service_name)
    releases = [] if service is None else await catalogue.past_releases(service.id)
    evidence = (await rows.evidence([submission.id]))[submission.id]
    return Work(
        submission=submission,
        vendor=await Directory(session).get(submission.vendor_id),
        manifest_text=manifest,
        document_text=document,
        releases=[PastRelease(*release) for release in releases],
        findings=[Finding(**finding) for row in evidence for finding in row.findings],
        evidence={PhaseName.at(row.phase): row.facts for row in evidence},
        vendor_releases=await catalogue.count_releases(submission.vendor_id),
        database=database,
        checks=checks,
    )


def credential_missing(asked: EndpointCredential) -> Finding:
    """The finding for a manifest that names a credential that does not exist."""
    where = "endpoint.credential.secret"
    return found("credential_missing", where, f"There is no credential called `{asked.secret}`.")


def as_json(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """Findings as evidence stores them."""
    kept: list[dict[str, Any]] = storable([asdict(finding) for finding in findings])
    return kept


def storable(value: Any) -> Any:
    """The same JSON without what PostgreSQL cannot store: NUL and halves of surrogate pairs become `�`.

    Evidence quotes responses and documents, and a phase that could not write its evidence would be retried for ever.
    """
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
    if isinstance(value, dict):
        return {storable(str(name)): storable(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable(item) for item in value]
    return value
